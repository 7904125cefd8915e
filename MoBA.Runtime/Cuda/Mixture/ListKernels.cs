using System.ComponentModel;
using ILGPU;

namespace MoBA.Runtime.Cuda;

/// <summary>The end of pass "index" of a mixture, whose blocks are the sequences of each expert: number expert * sequences + sequence, and
/// behind them one that nobody chose.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public static unsafe class ListKernels
{
    /// <summary>Places of the sums of warps.</summary>
    internal const int SharedBytes = PlainTiles.BlockThreads / 32 * sizeof(int);

    /// <summary>Puts the items of experts in order, those of a head from the last rows to the first, which under a causal pattern have the fewest
    /// keys. Launched over experts * query heads.</summary>
    /// <param name="index">The lists.</param>
    /// <param name="rows">Where the order goes.</param>
    /// <param name="heads">Query heads.</param>
    /// <param name="sequences">Sequences.</param>
    public static void Order(CudaRouting index, ExpertRows rows, int heads, int sequences)
    {
        Tile.Begin();
        int thread = Group.IdxX, before = 0;
        for (int other = thread; other < Grid.IdxX; other += PlainTiles.BlockThreads)
            before += First(index, other, heads, sequences, 1) - First(index, other, heads, sequences, 0);
        Warp.Barrier();
        for (int lanes = 16; lanes > 0; lanes >>= 1)
            before += Warp.ShuffleXor(before, lanes);
        Tile.StoreShared((thread >> 5) * sizeof(int), before);
        Memory.Meet();
        int begin = 0;
        for (int warp = 0; warp < PlainTiles.BlockThreads / 32; warp++)
            begin += Tile.LoadShared(warp * sizeof(int));

        int head = (int)((uint)Grid.IdxX % (uint)heads);
        int first = First(index, Grid.IdxX, heads, sequences, 0), count = First(index, Grid.IdxX, heads, sequences, 1) - first;
        for (int item = thread; item < count; item += PlainTiles.BlockThreads)
            ((int*)rows.Order)[begin + item] = (head * index.ItemsPerHead) + first + count - 1 - item;
        if (thread == 0)
            ((int*)rows.Begins)[Grid.IdxX + 1] = begin + count;
        if (thread == 0 & Grid.IdxX == 0)
            ((int*)rows.Begins)[0] = 0;
    }

    // The first item of an expert's head, or of an expert after it.
    private static int First(CudaRouting index, int expertHead, int heads, int sequences, int ahead)
    {
        int expert = (int)((uint)expertHead / (uint)heads);
        int head = expertHead - (expert * heads);
        return ((int*)index.FirstItems)[((long)head * index.BlockCount) + ((expert + ahead) * sequences)];
    }
}
