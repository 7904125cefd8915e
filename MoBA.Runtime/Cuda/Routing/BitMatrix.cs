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
                long route = RouteOf(routing, heads, listHead, entry);
                for (int slot = 0; slot < routing.Slots; slot++)
                {
                    int column = Memory.Int(routing.Routes + ((route + slot) * sizeof(int))) - firstBlock;
                    if (column >= 0 & column < Columns)
                        Tile.OrShared(At(row >> 5, column), 1 << (row & 31));
                }
            }
        }

        Memory.Meet();
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
