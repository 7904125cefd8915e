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

    private const int RowBytes = Columns * sizeof(int);

    /// <summary>Fills it with the routes of a tile.</summary>
    /// <param name="routing">The launch.</param>
    /// <param name="heads">Query heads.</param>
    /// <param name="listHead">The list head.</param>
    /// <param name="tile">The tile of entries.</param>
    /// <param name="firstBlock">The block of the first column.</param>
    /// <param name="thread">The thread.</param>
    public static void Fill(CudaRouting routing, int heads, int listHead, int tile, int firstBlock, int thread)
    {
        Memory.Meet();
        for (int word = 0; word < Words; word++)
            Tile.StoreShared((word * RowBytes) + (thread * sizeof(int)), 0);
        Memory.Meet();
        int entries = routing.QueryTokens * routing.HeadsPerList;
        for (int row = thread; row < CudaRouting.CountRows; row += PlainTiles.BlockThreads)
        {
            int entry = (tile * CudaRouting.CountRows) + row;
            if (entry < entries)
            {
                long route = routing.Routes + (RouteOf(routing, heads, listHead, entry) * sizeof(int));
                for (int slot = 0; slot < routing.Slots; slot += 4)
                {
                    Tile.LoadWords(0, route + (slot * sizeof(int)));
                    Set(row, Tile.Word(0, 0) - firstBlock);
                    Set(row, Tile.Word(0, 1) - firstBlock);
                    Set(row, Tile.Word(0, 2) - firstBlock);
                    Set(row, Tile.Word(0, 3) - firstBlock);
                }
            }
        }

        Memory.Meet();
    }

    /// <summary>The first and the last block that entries of a tile chose, the same in every thread; where there is none, the last is less than
    /// the first. What lies between is what the matrix is needed for: a tile's entries stand side by side in a sequence.</summary>
    public static BlockRange Range(CudaRouting routing, int heads, int listHead, int tile, int thread)
    {
        BlockRange range = default;
        range.First = int.MaxValue;
        range.Last = -1;
        int entries = routing.QueryTokens * routing.HeadsPerList;
        for (int row = thread; row < CudaRouting.CountRows; row += PlainTiles.BlockThreads)
        {
            int entry = (tile * CudaRouting.CountRows) + row;
            if (entry < entries)
            {
                // Ascending, then -1: as unsigned numbers the first is the least.
                long route = routing.Routes + (RouteOf(routing, heads, listHead, entry) * sizeof(int));
                range.First = (int)PortableMath.Min((uint)range.First, (uint)Memory.Int(route));
                for (int slot = 0; slot < routing.Slots; slot += 4)
                {
                    Tile.LoadWords(0, route + (slot * sizeof(int)));
                    range.Last = PortableMath.Max(range.Last, PortableMath.Max(Tile.Word(0, 0), Tile.Word(0, 1)));
                    range.Last = PortableMath.Max(range.Last, PortableMath.Max(Tile.Word(0, 2), Tile.Word(0, 3)));
                }
            }
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

    private static void Set(int row, int column)
    {
        if (column >= 0 & column < Columns)
            Tile.OrShared(At(row >> 5, column), 1 << (row & 31));
    }

    /// <summary>The word of 32 entries and a column.</summary>
    public static int Word(int word, int column) => Tile.LoadShared(At(word, column));

    /// <summary>Place of a word in shared memory.</summary>
    public static int At(int word, int column) => (word * RowBytes) + (column * sizeof(int));

    /// <summary>Index of an entry's first slot in the routes.</summary>
    public static long RouteOf(CudaRouting routing, int heads, int listHead, int entry)
    {
        int token = routing.ByHeadsPerList.DivNatural(entry);
        int head = (listHead * routing.HeadsPerList) + entry - (token * routing.HeadsPerList);
        return (((long)token * heads) + head) * routing.SlotStride;
    }
}

/// <summary>Blocks from the first to the last. Device code.</summary>
internal struct BlockRange
{
    public int First, Last;
}
