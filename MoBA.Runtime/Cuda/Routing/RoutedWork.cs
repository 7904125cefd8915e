namespace MoBA.Runtime.Cuda;

/// <summary>An item of pass "routed": rows that chose one block, as their list has them. Device code.</summary>
internal unsafe struct RoutedWork
{
    /// <summary>The key head, and the first query head of the list head.</summary>
    public int KeyHead, FirstHead;

    /// <summary>Rows, 1 to 128; 0 where the list head has no such item.</summary>
    public int Rows;

    /// <summary>The block's keys, by their tokens, and by their positions: behind the last one.</summary>
    public int KeyToken, Position, EndPosition;

    /// <summary>Position of a query = its token + this.</summary>
    public int QueryShift;

    /// <summary>Number of the block and of the list head; the same in items that share keys.</summary>
    public int Block, ListHead;

    /// <summary>The first row, among the partial rows.</summary>
    public long FirstRow;

    private long _list;

    /// <summary>Item <paramref name="item"/> of those of the list heads at hand, <see cref="CudaRouting.ItemsPerHead"/> each.</summary>
    public static RoutedWork Of(CudaProblem problem, CudaRouting routing, int item)
    {
        int together = (int)((uint)item / (uint)routing.ItemsPerHead);
        long all = ((long)routing.FirstListHead * routing.ItemsPerHead) + item;
        RoutedItem* record = (RoutedItem*)(routing.Items + (all * RoutedItem.Bytes));
        RoutedWork work = default;
        work.ListHead = routing.FirstListHead + together;
        work.FirstRow = (long)item * CudaRouting.ItemRows;
        work.FirstHead = work.ListHead * routing.HeadsPerList;
        work.KeyHead = (int)((uint)work.FirstHead / (uint)problem.HeadsPerKeyHead);
        work.Block = record->Block;
        work.Rows = record->Rows;
        work.KeyToken = record->KeyToken;
        work.Position = record->Position;
        work.EndPosition = record->Position + record->Keys;
        work.QueryShift = record->QueryShift;
        work._list = routing.Lists + (all * CudaRouting.ItemRows * sizeof(int));
        return work;
    }

    /// <summary>The entry of a row; of the last one in rows beyond it.</summary>
    public readonly int EntryOf(int row) => Memory.Int(_list + ((row < Rows ? row : Rows - 1) * 4L));

    /// <summary>What stands in the list at a row, which beyond the last one is no entry.</summary>
    public readonly int Listed(int row) => Memory.Int(_list + (row * 4L));

    /// <summary>The same in items that share keys.</summary>
    public readonly int UniqueBlock(CudaRouting routing) => (ListHead * routing.BlockCount) + Block;

    /// <summary>Query token of an entry.</summary>
    public static int TokenOf(CudaRouting routing, int entry) => routing.ByHeadsPerList.DivNatural(entry);

    /// <summary>Query head of an entry, whose token is known.</summary>
    public readonly int HeadOf(CudaRouting routing, int entry, int token) => FirstHead + entry - (token * routing.HeadsPerList);

    /// <summary>What a pattern's scores ask of a tile of queries: the head, and where keys end.</summary>
    public readonly WorkItem ForScores()
    {
        WorkItem work = default;
        work.Head = FirstHead;
        work.KeyHead = KeyHead;
        work.Keys = EndPosition;
        return work;
    }
}
