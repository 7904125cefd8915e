using ILGPU;

namespace MoBA.Runtime.Cuda;

/// <summary>Merges rows with their partials, by their log-sum-exps and in the order of their slots. Device code.</summary>
internal unsafe struct MergeEnd<TPattern, TRuns, TQuery, TKey> : ITileEnd<TPattern, TRuns, TQuery, TKey>
    where TPattern : unmanaged, IOwnPattern<TRuns, TQuery, TKey>
    where TRuns : unmanaged
    where TQuery : unmanaged
    where TKey : unmanaged
{
    private const float Log2E = 1.44269504f, Ln2 = 0.693147181f;

    /// <summary>The launch.</summary>
    public CudaRouting Routing;

    public readonly int Slots => Routing.Slots;

    // Lanes of a quad, which share a row, ask for a slot each; then both rows take slot by slot, so that enough is on its way.
    public readonly void Merge(CudaProblem problem, WorkItem work, int ofThread, int row, int lane)
    {
        int groups = Routing.SlotStride >> 2;
        long firstRow = (long)(Routing.ByHeadsPerList.DivNatural(work.Head) - Routing.FirstListHead) * Routing.ItemsPerHead * CudaRouting.ItemRows;
        long route0 = RouteOf(problem, work, row) + (lane & 3), route1 = RouteOf(problem, work, row + 8) + (lane & 3);
        MergedRow merged0 = Sum(Tile.Lse(ofThread) * Log2E, route0, groups, firstRow, lane);
        MergedRow merged1 = Sum(Tile.Lse(ofThread + 1) * Log2E, route1, groups, firstRow, lane);
        Tile.MergeOutput(ofThread, merged0.Own, merged0.LogSum * Ln2);
        Tile.MergeOutput(ofThread + 1, merged1.Own, merged1.LogSum * Ln2);
        for (int group = 0; group < groups; group++)
        {
            long index0 = IndexOf(route0, group, firstRow), index1 = IndexOf(route1, group, firstRow);
            float weight0 = Tile.Exp2(LogSum(index0) - merged0.LogSum), weight1 = Tile.Exp2(LogSum(index1) - merged1.LogSum);
            for (int of = 0; of < 4; of++)
            {
                Add(ofThread, index0, weight0, lane, (lane & 28) + of);
                Add(ofThread + 1, index1, weight1, lane, (lane & 28) + of);
            }
        }
    }

    // What is relative to the sum of a row: that of its own block, and the sum's logarithm, in which nothing is 0.
    private readonly MergedRow Sum(float own, long route, int groups, long firstRow, int lane)
    {
        float most = own;
        for (int group = 0; group < groups; group++)
            most = Greater(most, LogSum(IndexOf(route, group, firstRow)));
        most = Greater(most, Warp.ShuffleXor(most, 1));
        most = Greater(most, Warp.ShuffleXor(most, 2));
        float shift = most == float.NegativeInfinity ? 0f : most;
        float sum = (lane & 3) == 0 ? Tile.Exp2(own - shift) : 0f;
        for (int group = 0; group < groups; group++)
            sum += Tile.Exp2(LogSum(IndexOf(route, group, firstRow)) - shift);
        sum += Warp.ShuffleXor(sum, 1);
        sum += Warp.ShuffleXor(sum, 2);
        MergedRow row = default;
        row.LogSum = shift + Tile.Log2(sum);
        row.Own = sum == 0f ? 0f : Tile.Exp2(own - row.LogSum);
        return row;
    }

    public readonly CudaRun Block(CudaProblem problem, WorkItem work, int row, int slot)
    {
        CudaRun run = default;
        int block = Memory.Int(Routing.Routes + ((RouteOf(problem, work, row) + slot) * sizeof(int)));
        if (block >= 0)
        {
            KeyBlock* record = (KeyBlock*)(Routing.Blocks + (block * 16L));
            run.First = record->Position;
            run.End = record->Position + record->Keys;
        }

        return run;
    }

    public readonly bool AttendsChosen(TPattern pattern, TQuery q, TKey k) => pattern.AttendsChosen(q, k);

    private static float Greater(float x, float y) => !(x >= y) ? y : x;

    // Of a row; of the last one in rows beyond it.
    private readonly long RouteOf(CudaProblem problem, WorkItem work, int row) =>
        (((long)(work.QueryToken + (row < work.Queries ? row : work.Queries - 1)) * problem.Heads) + work.Head) * Routing.SlotStride;

    // The partial row of a lane's slot, -1 where there is none.
    private readonly long IndexOf(long route, int group, long firstRow)
    {
        long at = (route + (group * 4)) * sizeof(int);
        int place = Memory.Int(Routing.Places + at);
        return Memory.Int(Routing.Routes + at) >= 0 ? firstRow + place : -1;
    }

    // To base 2.
    private readonly float LogSum(long index) =>
        index < 0 ? float.NegativeInfinity : *(float*)(Routing.PartialLse + (index * sizeof(float))) * Log2E;

    // The slot of one lane of the quad.
    private readonly void Add(int ofThread, long index, float weight, int lane, int from)
    {
        int low = Warp.Shuffle((int)index, from), high = Warp.Shuffle((int)(index >> 32), from);
        long row = ((long)high << 32) | (uint)low;
        float its = Warp.Shuffle(weight, from);
        Tile.AddPartial(ofThread, Routing.Partials + (row * Routing.PaddedDim * sizeof(ushort)) + ((lane & 3) * 16L), low & 1, row < 0 ? 0f : its);
    }
}

/// <summary>What a row is merged by.</summary>
internal struct MergedRow
{
    /// <summary>The weight of its own block.</summary>
    public float Own;

    /// <summary>The logarithm to base 2 of the sum of all weights.</summary>
    public float LogSum;
}
