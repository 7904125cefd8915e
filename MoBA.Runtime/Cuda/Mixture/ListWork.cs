using MoBA.Runtime.Portable;

namespace MoBA.Runtime.Cuda;

/// <summary>An item of pass "experts": up to 128 rows of a query head that one expert was given. Device code.</summary>
internal unsafe struct ListWork
{
    /// <summary>The query head and its key head.</summary>
    public int Head, KeyHead;

    /// <summary>Rows, 1 to 128.</summary>
    public int Rows;

    /// <summary>Number of the item among those of the head.</summary>
    public int Place;

    /// <summary>Token of the first key of the sequence, and its keys.</summary>
    public int KeyToken, Keys;

    /// <summary>Position of a query = its token + this.</summary>
    public int QueryShift;

    private long _list;

    /// <summary>How many items the expert has in the heads at hand.</summary>
    public static int Count(ExpertRows rows)
    {
        int* begins = (int*)rows.Begins + rows.Expert + rows.FirstHead;
        return begins[rows.Heads] - begins[0];
    }

    /// <summary>An item of those.</summary>
    public static ListWork Of(CudaProblem problem, ExpertRows rows, int item)
    {
        int begin = ((int*)rows.Begins)[rows.Expert + rows.FirstHead];
        int all = ((int*)rows.Order)[begin + item];
        RoutedItem* record = (RoutedItem*)(rows.Items + ((long)all * RoutedItem.Bytes));
        ListWork work = default;
        work.Head = (int)((uint)all / (uint)rows.ItemsPerHead);
        work.KeyHead = (int)((uint)work.Head / (uint)problem.HeadsPerKeyHead);
        work.Place = all - (work.Head * rows.ItemsPerHead);
        work.Rows = record->Rows;
        work.KeyToken = record->KeyToken;
        work.Keys = record->Keys;
        work.QueryShift = record->QueryShift;
        work._list = rows.Lists + ((long)all * CudaRouting.ItemRows * sizeof(int));
        return work;
    }

    /// <summary>Query token of a row; of the last one in rows beyond it.</summary>
    public readonly int TokenOf(int row) => Memory.Int(_list + ((row < Rows ? row : Rows - 1) * 4L));

    /// <summary>Position of the query of a row; of the last one in rows beyond it.</summary>
    public readonly int PositionOf(int row) => TokenOf(row) + QueryShift;

    /// <summary>Rows from <paramref name="first"/> on as a walk over key tiles sees them: a tile of all positions from their first to their
    /// last.</summary>
    /// <param name="first">The first row, which exists.</param>
    /// <param name="count">How many, at most.</param>
    public readonly WorkItem Range(int first, int count)
    {
        WorkItem work = default;
        work.Head = Head;
        work.KeyHead = KeyHead;
        work.KeyToken = KeyToken;
        work.Keys = Keys;
        work.Position = PositionOf(first);
        work.Queries = PositionOf(PortableMath.Min(first + count, Rows) - 1) - work.Position + 1;
        return work;
    }
}
