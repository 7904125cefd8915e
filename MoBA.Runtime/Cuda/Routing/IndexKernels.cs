using System.ComponentModel;
using ILGPU;

namespace MoBA.Runtime.Cuda;

/// <summary>
/// Pass "index": from the routes of queries to the lists of blocks, in four launches and without an atomic sum. Count says of every
/// tile of entries how many chose each block; sum adds up over tiles; scan gives every block its items; scatter writes each entry to
/// its place, behind all entries ahead of it that chose the block.
/// </summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public static class IndexKernels
{
    /// <summary>Launched over list heads * <see cref="CudaRouting.CountTiles"/> blocks.</summary>
    public static void Count(CudaRouting routing)
    {
        Tile.Begin();
        if (!Turns.IsOf(routing))
            return;
        int thread = Group.IdxX;
        int listHead = Grid.IdxX / routing.CountTiles;
        int tile = Grid.IdxX - (listHead * routing.CountTiles);
        BlockRange range = BitMatrix.Range(routing, listHead, tile, thread);
        for (int block = thread; block < routing.BlockCount; block += PlainTiles.BlockThreads)
        {
            if (block < range.First | block > range.Last)
                Memory.SetInt(CountOf(routing, Grid.IdxX, block), 0);
        }

        for (int first = range.First; first <= range.Last; first += BitMatrix.Columns)
        {
            BitMatrix.Fill(routing, listHead, tile, first, thread);
            int count = 0;
            for (int word = 0; word < BitMatrix.Words; word++)
                count += IntrinsicMath.PopCount(BitMatrix.Word(word, thread));
            if (first + thread <= range.Last)
                Memory.SetInt(CountOf(routing, Grid.IdxX, first + thread), count);
        }
    }

    /// <summary>Launched over list heads * blocks / <see cref="BitMatrix.Columns"/>, rounded up.</summary>
    public static void Sum(CudaRouting routing)
    {
        if (!Turns.IsOf(routing))
            return;
        int parts = (routing.BlockCount + BitMatrix.Columns - 1) / BitMatrix.Columns;
        int listHead = Grid.IdxX / parts, block = ((Grid.IdxX - (listHead * parts)) * BitMatrix.Columns) + Group.IdxX;
        if (block < routing.BlockCount)
            Memory.SetInt(FirstItemOf(routing, listHead, block), SumOverTiles(routing, listHead, block));
    }

    /// <summary>Launched over list heads.</summary>
    public static void Scan(CudaRouting routing)
    {
        Tile.Begin();
        if (!Turns.IsOf(routing))
            return;
        int thread = Group.IdxX, listHead = Grid.IdxX, items = 0;
        for (int first = 0; first < routing.BlockCount; first += BitMatrix.Columns)
        {
            int block = first + thread;
            int entries = block < routing.BlockCount ? Memory.Int(FirstItemOf(routing, listHead, block)) : 0;
            int own = (entries + CudaRouting.ItemRows - 1) / CudaRouting.ItemRows;
            int end = items + SumOverThreads(own, thread);
            if (block < routing.BlockCount)
                WriteItems(routing, listHead, block, end - own, entries);

            // The last thread has the sum.
            Tile.StoreShared(thread * sizeof(int), end);
            Memory.Meet();
            items = Tile.LoadShared((BitMatrix.Columns - 1) * sizeof(int));
            Memory.Meet();
        }

        for (int item = items + thread; item < routing.ItemsPerHead; item += PlainTiles.BlockThreads)
            Memory.SetInt(ItemOf(routing, listHead, item) + 4, 0);
    }

    /// <summary>Launched as <see cref="Count"/>.</summary>
    public static void Scatter(CudaRouting routing)
    {
        Tile.Begin();
        if (!Turns.IsOf(routing))
            return;
        int thread = Group.IdxX;
        int listHead = Grid.IdxX / routing.CountTiles;
        int tile = Grid.IdxX - (listHead * routing.CountTiles);
        BlockRange range = BitMatrix.Range(routing, listHead, tile, thread);
        for (int first = range.First; first <= range.Last; first += BitMatrix.Columns)
        {
            BitMatrix.Fill(routing, listHead, tile, first, thread);
            if (first + thread <= range.Last)
                PlacesOfWords(routing, listHead, first + thread, thread);
            Memory.Meet();
            Place(routing, listHead, tile, first, thread);
        }
    }

    // Of a block: counts of tiles become how many are ahead of each; all of them are returned. Four at a time are under way.
    private static int SumOverTiles(CudaRouting routing, int listHead, int block)
    {
        int sum = 0, tile = 0, row = listHead * routing.CountTiles;
        for (; tile + 4 <= routing.CountTiles; tile += 4)
        {
            long a0 = CountOf(routing, row + tile, block), a1 = CountOf(routing, row + tile + 1, block);
            long a2 = CountOf(routing, row + tile + 2, block), a3 = CountOf(routing, row + tile + 3, block);
            int c0 = Memory.Int(a0), c1 = Memory.Int(a1), c2 = Memory.Int(a2), c3 = Memory.Int(a3);
            Memory.SetInt(a0, sum);
            Memory.SetInt(a1, sum + c0);
            Memory.SetInt(a2, sum + c0 + c1);
            Memory.SetInt(a3, sum + c0 + c1 + c2);
            sum += c0 + c1 + c2 + c3;
        }

        for (; tile < routing.CountTiles; tile++)
        {
            long at = CountOf(routing, row + tile, block);
            int count = Memory.Int(at);
            Memory.SetInt(at, sum);
            sum += count;
        }

        return sum;
    }

    // The sum of what this thread and those before it have.
    private static int SumOverThreads(int value, int thread)
    {
        for (int step = 1; step < BitMatrix.Columns; step <<= 1)
        {
            Tile.StoreShared(thread * sizeof(int), value);
            Memory.Meet();
            int before = thread >= step ? Tile.LoadShared((thread - step) * sizeof(int)) : 0;
            Memory.Meet();
            value += before;
        }

        return value;
    }

    private static unsafe void WriteItems(CudaRouting routing, int listHead, int block, int firstItem, int entries)
    {
        Memory.SetInt(FirstItemOf(routing, listHead, block), firstItem);
        KeyBlock keys = ((KeyBlock*)routing.Blocks)[block];
        long item = ItemOf(routing, listHead, firstItem);
        for (int left = entries; left > 0; left -= CudaRouting.ItemRows)
        {
            Memory.SetInt(item, block);
            Memory.SetInt(item + 4, left < CudaRouting.ItemRows ? left : CudaRouting.ItemRows);
            Memory.SetInt(item + 8, keys.KeyToken);
            Memory.SetInt(item + 12, keys.Keys);
            Memory.SetInt(item + 16, keys.Position);
            Memory.SetInt(item + 20, keys.QueryShift);
            item += RoutedItem.Bytes;
        }
    }

    // Behind the matrix: for each of its words the place of the first entry in it.
    private static void PlacesOfWords(CudaRouting routing, int listHead, int block, int column)
    {
        int place = (Memory.Int(FirstItemOf(routing, listHead, block)) * CudaRouting.ItemRows) + Memory.Int(CountOf(routing, Grid.IdxX, block));
        for (int word = 0; word < BitMatrix.Words; word++)
        {
            Tile.StoreShared(BitMatrix.Bytes + BitMatrix.At(word, column), place);
            place += IntrinsicMath.PopCount(BitMatrix.Word(word, column));
        }
    }

    private static void Place(CudaRouting routing, int listHead, int tile, int firstBlock, int thread)
    {
        for (int slot = 0; slot < routing.Slots; slot += BitMatrix.SlotsTogether)
        {
            // A row at a time: for more a thread has no registers.
            for (int number = 0; number < BitMatrix.RowsOfThread; number++)
            {
                int row = BitMatrix.RowOf(thread, number);
                BitMatrix.Load(routing, listHead, tile, row, slot, 0, 1);
                Place(routing, listHead, tile, row, slot, firstBlock, 0, 1);
            }
        }
    }

    // Eight slots of a row, in two sets of words.
    private static void Place(CudaRouting routing, int listHead, int tile, int row, int slot, int firstBlock, int set, int next)
    {
        int entry = (tile * CudaRouting.CountRows) + row;
        long list = routing.Lists + ((long)listHead * routing.ItemsPerHead * CudaRouting.ItemRows * sizeof(int));
        long places = routing.Places + ((BitMatrix.RouteOf(routing, listHead, entry) + slot) * sizeof(int));
        Place(list, places, entry, row, Tile.Word(set, 0) - firstBlock, Tile.Word(set, 1) - firstBlock);
        Place(list, places + 8, entry, row, Tile.Word(set, 2) - firstBlock, Tile.Word(set, 3) - firstBlock);
        Place(list, places + 16, entry, row, Tile.Word(next, 0) - firstBlock, Tile.Word(next, 1) - firstBlock);
        Place(list, places + 24, entry, row, Tile.Word(next, 2) - firstBlock, Tile.Word(next, 3) - firstBlock);
    }

    private static void Place(long list, long places, int entry, int row, int a, int b)
    {
        int wordA = Word(row, a), wordB = Word(row, b);
        int placeA = FirstPlace(row, a), placeB = FirstPlace(row, b);
        Write(list, places, entry, row, a, wordA, placeA);
        Write(list, places + 4, entry, row, b, wordB, placeB);
    }

    private static int Word(int row, int column) => BitMatrix.Word(row >> 5, BitMatrix.Has(column) ? column : 0);

    private static int FirstPlace(int row, int column) => Tile.LoadShared(BitMatrix.Bytes + BitMatrix.At(row >> 5, BitMatrix.Has(column) ? column : 0));

    private static void Write(long list, long slot, int entry, int row, int column, int word, int place)
    {
        if (BitMatrix.Has(column))
        {
            place += IntrinsicMath.PopCount(word & ((1 << (row & 31)) - 1));
            Memory.SetInt(list + (place * 4L), entry);
            Memory.SetInt(slot, place);
        }
    }

    private static long ItemOf(CudaRouting routing, int listHead, int item) =>
        routing.Items + ((((long)listHead * routing.ItemsPerHead) + item) * RoutedItem.Bytes);

    private static long CountOf(CudaRouting routing, int row, int block) => routing.Counts + ((((long)row * routing.BlockCount) + block) * sizeof(int));

    private static long FirstItemOf(CudaRouting routing, int listHead, int block) =>
        routing.FirstItems + ((((long)listHead * routing.BlockCount) + block) * sizeof(int));
}
