using ILGPU;
using MoBA.Runtime.Portable;

namespace MoBA.Runtime.Cuda;

/// <summary>
/// Which entries of a tile chose which of 256 blocks, a bit each, in shared memory: 32 words of 32 entries, and in a word's row a block
/// a thread. Setting bits in any order gives the same matrix, and how many entries ahead of one chose its block are numbers of bits, so
/// lists come in the order of their entries without sorting. Device code, for all threads of a block.
/// </summary>
internal static class BitMatrix
{
    /// <summary>Blocks that the matrix has columns for: one a thread.</summary>
    public const int Columns = PlainTiles.BlockThreads;

    /// <summary>Words of a column.</summary>
    public const int Words = CudaRouting.CountRows / 32;

    /// <summary>Bytes that it takes.</summary>
    public const int Bytes = Words * Columns * sizeof(int);

    /// <summary>Slots of a row that are loaded at a time.</summary>
    public const int SlotsTogether = 8;

    /// <summary>Rows of a tile that are a thread's.</summary>
    public const int RowsOfThread = CudaRouting.CountRows / PlainTiles.BlockThreads;

    private const int RowBytes = Columns * sizeof(int);

    /// <summary>Fills it with the routes of a tile.</summary>
    /// <param name="routing">The launch.</param>
    /// <param name="listHead">The list head.</param>
    /// <param name="tile">The tile of entries.</param>
    /// <param name="firstBlock">The block of the first column.</param>
    /// <param name="thread">The thread.</param>
    public static void Fill(CudaRouting routing, int listHead, int tile, int firstBlock, int thread)
    {
        Memory.Meet();
        for (int word = 0; word < Words; word++)
            Tile.StoreShared((word * RowBytes) + (thread * sizeof(int)), 0);
        Memory.Meet();
        for (int slot = 0; slot < routing.Slots; slot += SlotsTogether)
        {
            Load(routing, listHead, tile, slot, thread);
            Set(0, 1, RowOf(thread, 0), firstBlock);
            Set(2, 3, RowOf(thread, 1), firstBlock);
            Set(4, 5, RowOf(thread, 2), firstBlock);
            Set(6, 7, RowOf(thread, 3), firstBlock);
        }

        Memory.Meet();
    }

    /// <summary>The first and the last block that entries of a tile chose, the same in every thread; where there is none, the last is less than
    /// the first. What lies between is what the matrix is needed for: a tile's entries stand side by side in a sequence.</summary>
    public static BlockRange Range(CudaRouting routing, int listHead, int tile, int thread)
    {
        BlockRange range = default;
        range.First = int.MaxValue;
        range.Last = -1;
        for (int slot = 0; slot < routing.Slots; slot += SlotsTogether)
        {
            Load(routing, listHead, tile, slot, thread);
            range = Widen(Widen(Widen(Widen(range, 0, 1), 2, 3), 4, 5), 6, 7);
        }

        Warp.Barrier();
        for (int lanes = 16; lanes > 0; lanes >>= 1)
        {
            range.First = PortableMath.Min(range.First, Warp.ShuffleXor(range.First, lanes));
            range.Last = PortableMath.Max(range.Last, Warp.ShuffleXor(range.Last, lanes));
        }

        Tile.StoreShared((thread >> 5) * 8, range.First);
        Tile.StoreShared(((thread >> 5) * 8) + 4, range.Last);
        Memory.Meet();
        for (int warp = 0; warp < PlainTiles.BlockThreads / 32; warp++)
        {
            range.First = PortableMath.Min(range.First, Tile.LoadShared(warp * 8));
            range.Last = PortableMath.Max(range.Last, Tile.LoadShared((warp * 8) + 4));
        }

        return range;
    }

    // Eight slots of each of a thread's rows.
    private static void Load(CudaRouting routing, int listHead, int tile, int slot, int thread)
    {
        Load(routing, listHead, tile, RowOf(thread, 0), slot, 0, 1);
        Load(routing, listHead, tile, RowOf(thread, 1), slot, 2, 3);
        Load(routing, listHead, tile, RowOf(thread, 2), slot, 4, 5);
        Load(routing, listHead, tile, RowOf(thread, 3), slot, 6, 7);
    }

    /// <summary>A thread's rows of a tile, by their number.</summary>
    public static int RowOf(int thread, int number) => thread + (number * PlainTiles.BlockThreads);

    /// <summary>Loads eight slots of a row of a tile into two sets of words; -1 where there is none.</summary>
    public static void Load(CudaRouting routing, int listHead, int tile, int row, int slot, int set, int next)
    {
        int entry = (tile * CudaRouting.CountRows) + row;
        bool exists = entry < routing.QueryTokens * routing.HeadsPerList;
        long route = routing.Routes + ((RouteOf(routing, listHead, exists ? entry : 0) + slot) * sizeof(int));
        Tile.LoadWordsIf(set, route, exists, -1);
        Tile.LoadWordsIf(next, route + (4 * sizeof(int)), exists & slot + 4 < routing.SlotStride, -1);
    }

    // The slots of a row ascend, and then are -1: as unsigned numbers the first is the least.
    private static BlockRange Widen(BlockRange range, int set, int next)
    {
        range.First = (int)PortableMath.Min((uint)range.First, (uint)Tile.Word(set, 0));
        range.Last = PortableMath.Max(range.Last, PortableMath.Max(Tile.Word(set, 0), Tile.Word(set, 1)));
        range.Last = PortableMath.Max(range.Last, PortableMath.Max(Tile.Word(set, 2), Tile.Word(set, 3)));
        range.Last = PortableMath.Max(range.Last, PortableMath.Max(Tile.Word(next, 0), Tile.Word(next, 1)));
        range.Last = PortableMath.Max(range.Last, PortableMath.Max(Tile.Word(next, 2), Tile.Word(next, 3)));
        return range;
    }

    private static void Set(int set, int next, int row, int firstBlock)
    {
        Set(row, Tile.Word(set, 0) - firstBlock);
        Set(row, Tile.Word(set, 1) - firstBlock);
        Set(row, Tile.Word(set, 2) - firstBlock);
        Set(row, Tile.Word(set, 3) - firstBlock);
        Set(row, Tile.Word(next, 0) - firstBlock);
        Set(row, Tile.Word(next, 1) - firstBlock);
        Set(row, Tile.Word(next, 2) - firstBlock);
        Set(row, Tile.Word(next, 3) - firstBlock);
    }

    private static void Set(int row, int column)
    {
        if (Has(column))
            Tile.OrShared(At(row >> 5, column), 1 << (row & 31));
    }

    /// <summary>Whether the matrix has a column.</summary>
    public static bool Has(int column) => (uint)column < Columns;

    /// <summary>The word of 32 entries and a column.</summary>
    public static int Word(int word, int column) => Tile.LoadShared(At(word, column));

    /// <summary>Place of a word in shared memory.</summary>
    public static int At(int word, int column) => (word * RowBytes) + (column * sizeof(int));

    /// <summary>Index of an entry's first slot in the routes.</summary>
    public static long RouteOf(CudaRouting routing, int listHead, int entry)
    {
        int token = routing.ByHeadsPerList.DivNatural(entry);
        return routing.SlotsOf(token, (listHead * routing.HeadsPerList) + entry - (token * routing.HeadsPerList));
    }
}

/// <summary>Blocks from the first to the last. Device code.</summary>
internal struct BlockRange
{
    public int First, Last;
}
