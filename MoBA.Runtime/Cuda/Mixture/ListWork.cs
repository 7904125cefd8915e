using MoBA.Runtime.Portable;

namespace MoBA.Runtime.Cuda;

/// <summary>An item of pass "experts": up to 128 rows of a query head that one expert was given. Device code.</summary>
internal unsafe struct ListWork
{
    /// <summary>The query head and its key head.</summary>
    public int Head, KeyHead;

    /// <summary>Rows, 1 to 128; 0 where the head has no such item.</summary>
    public int Rows;

    /// <summary>Number of the item among those of the head.</summary>
    public int Place;

    /// <summary>Token of the first key of the sequence, and its keys.</summary>
    public int KeyToken, Keys;

    /// <summary>Position of a query = its token + this.</summary>
    public int QueryShift;

    private long _list;

    /// <summary>Work item <paramref name="item"/>: sections of heads in turn; within a section the last rows of a list first, which under a causal
    /// pattern have the most keys, and the heads side by side.</summary>
    public static ListWork Of(CudaProblem problem, ExpertRows rows, int item)
    {
        int perSection = problem.HeadsTogether * problem.TileCount;
        int section = item / perSection;
        int rest = item - (section * perSection);
        int number = rest / problem.HeadsTogether;
        ListWork work = default;
        work.Head = rows.FirstHead + (section * problem.HeadsTogether) + rest - (number * problem.HeadsTogether);
        work.KeyHead = work.Head / problem.HeadsPerKeyHead;
        int* firsts = (int*)(rows.FirstItems + ((long)work.Head * rows.BlockCount * sizeof(int)));
        work.Place = firsts[rows.EndBlock] - 1 - number;
        if (work.Place >= firsts[rows.FirstBlock])
        {
            long all = ((long)work.Head * rows.ItemsPerHead) + work.Place;
            RoutedItem* record = (RoutedItem*)(rows.Items + (all * RoutedItem.Bytes));
            work.Rows = record->Rows;
            work.KeyToken = record->KeyToken;
            work.Keys = record->Keys;
            work.QueryShift = record->QueryShift;
            work._list = rows.Lists + (all * CudaRouting.ItemRows * sizeof(int));
        }

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
