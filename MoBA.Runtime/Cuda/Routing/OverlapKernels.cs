using System.ComponentModel;
using ILGPU;
using MoBA.Runtime.Portable;

namespace MoBA.Runtime.Cuda;

/// <summary>
/// Pass "overlap": which blocks a tile of queries chose together, and what that says of the path to take. Sums are of whole numbers, and
/// none is an atomic one, so a call decides alike every time.
/// </summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public static unsafe class OverlapKernels
{
    /// <summary>Most that the keys of unions may exceed those that rows chose, in tenths, for the union to be taken: about as much more
    /// as gathering rows, partial outputs and their merging cost.</summary>
    internal const int MostTenths = 19;

    /// <summary>Shared memory of <see cref="Measure"/>: a bit for each of 128 rows and 256 blocks.</summary>
    internal const int SharedBytes = RowWords * BitMatrix.Columns * sizeof(int);

    private const int RowWords = 4;

    /// <summary>Launched over <see cref="CudaUnion.TileCount"/> * <see cref="CudaUnion.RouteHeads"/> blocks.</summary>
    /// <param name="routing">The routes.</param>
    /// <param name="union">Where sets and numbers go.</param>
    public static void Measure(CudaRouting routing, CudaUnion union)
    {
        Tile.Begin();
        int thread = Group.IdxX;
        int number = (int)((uint)Grid.IdxX / (uint)union.RouteHeads);
        QueryTile tile = ((QueryTile*)union.Tiles)[number];
        int last = tile.SequencePosition + tile.Queries - 1;
        int past = PortableMath.Min(routing.ByBlockSize.DivNatural(last < 0 ? 0 : last), routing.ByBlockSize.DivNatural(tile.Keys + routing.BlockSize - 1));
        long route = (routing.SlotsOf(tile.QueryToken, (Grid.IdxX - (number * union.RouteHeads)) * routing.HeadsPerGate) * sizeof(int)) + routing.Routes;
        long bits = union.Bits + ((long)Grid.IdxX * union.Words * 2 * sizeof(int));
        long chosen = 0, routes = 0;
        int first = 0;
        for (; first < past; first += BitMatrix.Columns)
        {
            Fill(routing, route, tile.Queries, tile.FirstBlock + first, thread);
            bool any = false, all = true;
            for (int word = 0; word < RowWords; word++)
            {
                int rows = BitMatrix.Word(word, thread);
                any |= rows != 0;
                all &= rows == RowsOf(word, tile.Queries);
                routes += IntrinsicMath.PopCount(rows);
            }

            chosen += any ? 1 : 0;
            Write(bits, union.Words, (first + thread) >> 5, Tile.Ballot(any), Tile.Ballot(all), thread);
            Memory.Meet();
        }

        for (int block = first + thread; block < union.Words * 32; block += BitMatrix.Columns)
            Write(bits, union.Words, block >> 5, 0, 0, thread);
        Memory.Meet();
        long keyTiles = KeyTiles(routing, union, bits, past, thread);
        chosen = Sum(chosen, thread);
        keyTiles = Sum(keyTiles, thread);
        routes = Sum(routes, thread);
        if (thread == 0)
        {
            long counts = union.Counts + ((long)Grid.IdxX * UnionCount.Bytes);
            Memory.SetInt(counts + (UnionCount.Blocks * 4), (int)chosen);
            Memory.SetInt(counts + (UnionCount.KeyTiles * 4), (int)keyTiles);
            Memory.SetInt(counts + (UnionCount.Routes * 4), (int)routes);
            Memory.SetInt(counts + (UnionCount.Rows * 4), tile.Queries);
        }
    }

    /// <summary>Decides on the path. Launched over one block.</summary>
    public static void Choose(CudaUnion union)
    {
        Tile.Begin();
        int thread = Group.IdxX, count = union.TileCount * union.RouteHeads;
        long blocks = 0, keyTiles = 0, routes = 0;
        for (int at = thread; at < count; at += 2 * PlainTiles.BlockThreads)
        {
            long first = union.Counts + ((long)at * UnionCount.Bytes);
            Tile.LoadWords(0, first);
            Tile.LoadWordsIf(1, first + (PlainTiles.BlockThreads * UnionCount.Bytes), at + PlainTiles.BlockThreads < count, 0);
            blocks += ((long)Tile.Word(0, UnionCount.Blocks) * Tile.Word(0, UnionCount.Rows)) + ((long)Tile.Word(1, UnionCount.Blocks) * Tile.Word(1, UnionCount.Rows));
            keyTiles += ((long)Tile.Word(0, UnionCount.KeyTiles) * Tile.Word(0, UnionCount.Rows)) + ((long)Tile.Word(1, UnionCount.KeyTiles) * Tile.Word(1, UnionCount.Rows));
            routes += (long)Tile.Word(0, UnionCount.Routes) + Tile.Word(1, UnionCount.Routes);
        }

        blocks = Sum(blocks, thread);
        keyTiles = Sum(keyTiles, thread);
        routes = Sum(routes, thread);
        if (thread == 0)
        {
            long keys = keyTiles * union.KeyTile;
            int path = keys * 10 <= routes * union.GatheredKeys * MostTenths ? (int)AttendPath.Union : (int)AttendPath.Gathered;
            Memory.SetInt(union.Verdict, union.Wanted == (int)AttendPath.Auto ? path : union.Wanted);
            SetLong(union.Verdict + (UnionVerdict.Blocks * 4), blocks);
            SetLong(union.Verdict + (UnionVerdict.Keys * 4), keys);
            SetLong(union.Verdict + (UnionVerdict.Routes * 4), routes);
            SetLong(union.Verdict + (UnionVerdict.Tiles * 4), count);
        }
    }

    // A bit for each row and block of 256; two threads a row.
    private static void Fill(CudaRouting routing, long route, int rows, int firstBlock, int thread)
    {
        for (int word = 0; word < RowWords; word++)
            Tile.StoreShared(BitMatrix.At(word, thread), 0);
        Memory.Meet();
        int row = thread >> 1;
        if (row < rows)
        {
            for (int slot = (thread & 1) * 4; slot < routing.Slots; slot += 8)
            {
                Tile.LoadWords(0, route + (((row * routing.SlotStride) + slot) * sizeof(int)));
                Set(row, Tile.Word(0, 0) - firstBlock);
                Set(row, Tile.Word(0, 1) - firstBlock);
                Set(row, Tile.Word(0, 2) - firstBlock);
                Set(row, Tile.Word(0, 3) - firstBlock);
            }
        }

        Memory.Meet();
    }

    private static void Set(int row, int column)
    {
        if (column >= 0 & column < BitMatrix.Columns)
            Tile.OrShared(BitMatrix.At(row >> 5, column), 1 << (row & 31));
    }

    // The rows of a word that a tile has, as bits.
    private static int RowsOf(int word, int rows) => (int)((1L << PortableMath.Clamp(rows - (word * 32), 0, 32)) - 1);

    // A warp's blocks are a word of each set.
    private static void Write(long bits, int words, int word, int any, int all, int thread)
    {
        if ((thread & 31) == 0 & word < words)
        {
            Memory.SetInt(bits + (word * 4L), any);
            Memory.SetInt(bits + ((words + word) * 4L), all);
        }
    }

    // Key tiles with a key of a chosen block: this thread's share.
    private static int KeyTiles(CudaRouting routing, CudaUnion union, long bits, int past, int thread)
    {
        int tiles = 0, end = past * routing.BlockSize;
        for (int k0 = thread * union.KeyTile; k0 < end; k0 += PlainTiles.BlockThreads * union.KeyTile)
        {
            int last = routing.ByBlockSize.DivNatural(PortableMath.Min(k0 + union.KeyTile, end) - 1), any = 0;
            for (int block = routing.ByBlockSize.DivNatural(k0); block <= last; block++)
                any |= Memory.Int(bits + ((block >> 5) * 4L)) >> (block & 31);
            tiles += any & 1;
        }

        return tiles;
    }

    // Over the threads of the block, the same in all of them.
    private static long Sum(long value, int thread)
    {
        Memory.Meet();
        for (int lanes = 16; lanes > 0; lanes >>= 1)
            value += ((long)Warp.ShuffleXor((int)(value >> 32), lanes) << 32) | (uint)Warp.ShuffleXor((int)value, lanes);
        Tile.StoreShared((thread >> 5) * 8, (int)value);
        Tile.StoreShared(((thread >> 5) * 8) + 4, (int)(value >> 32));
        Memory.Meet();
        value = 0;
        for (int warp = 0; warp < PlainTiles.BlockThreads / 32; warp++)
            value += ((long)Tile.LoadShared((warp * 8) + 4) << 32) | (uint)Tile.LoadShared(warp * 8);
        return value;
    }

    private static void SetLong(long address, long value)
    {
        Memory.SetInt(address, (int)value);
        Memory.SetInt(address + 4, (int)(value >> 32));
    }
}
