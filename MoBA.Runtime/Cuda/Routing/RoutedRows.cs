using ILGPU;

namespace MoBA.Runtime.Cuda;

/// <summary>Rows of partial outputs. Device code.</summary>
internal static class RoutedRows<TPattern, TRuns, TQuery, TKey>
    where TPattern : unmanaged, ICudaPattern<TRuns, TQuery, TKey>
    where TRuns : unmanaged
    where TQuery : unmanaged
    where TKey : unmanaged
{
    /// <summary>Writes a row of a thread as a partial, rounded before.</summary>
    /// <param name="routing">The launch.</param>
    /// <param name="firstRow">The item's first row, among the partial rows.</param>
    /// <param name="rows">Rows of the item.</param>
    /// <param name="ofThread">Which of the thread's rows, a constant.</param>
    /// <param name="row">The row in the item.</param>
    /// <param name="lane">The thread's lane.</param>
    public static void Store(CudaRouting routing, long firstRow, int rows, int ofThread, int row, int lane)
    {
        bool exists = row < rows;
        long index = firstRow + row;
        Tile.StorePartial(ofThread, routing.Partials + (index * routing.PaddedDim * sizeof(ushort)) + ((lane & 3) * 16L), row & 1, exists);
        Tile.StoreLse(ofThread, routing.PartialLse + (index * sizeof(float)), exists & ((lane & 3) == 0));
    }

    /// <summary>Writes a warp's 16 rows as partials, rounded before. Hopper only; the warp waits before it ends.</summary>
    /// <param name="routing">The launch.</param>
    /// <param name="firstRow">The warp's first row, among the partial rows.</param>
    /// <param name="rows">How many of its rows exist.</param>
    /// <param name="lane">The thread's lane.</param>
    public static void StoreWarp(CudaRouting routing, long firstRow, int rows, int lane)
    {
        int row = lane >> 2;
        long lse = routing.PartialLse + ((firstRow + row) * sizeof(float));
        Tile.StorePartials(routing.Partials + (firstRow * routing.PaddedDim * sizeof(ushort)), rows);
        Tile.StoreLse(0, lse, row < rows & ((lane & 3) == 0));
        Tile.StoreLse(1, lse + (8 * sizeof(float)), row + 8 < rows & ((lane & 3) == 0));
    }

    /// <summary>Does the broken ones among 16 rows of a warp again, as <see cref="CarefulRows{TPattern, TRuns, TQuery, TKey}"/> does.</summary>
    /// <param name="problem">The launch.</param>
    /// <param name="pattern">The pattern.</param>
    /// <param name="routing">The launch.</param>
    /// <param name="item">The item.</param>
    /// <param name="first">The first of the rows.</param>
    /// <param name="upper">Lanes whose first row is broken, four lanes a row.</param>
    /// <param name="lower">Lanes whose second row, eight below, is broken.</param>
    /// <param name="lane">The thread's lane.</param>
    public static void Mend(CudaProblem problem, TPattern pattern, CudaRouting routing, int item, int first, int upper, int lower, int lane)
    {
        if ((upper | lower) != 0)
        {
            Warp.Barrier();
            RoutedWork work = RoutedWork.Of(problem, routing, item);
            for (int row = 0; row < 16; row++)
            {
                int lanes = (row < 8 ? upper : lower) >> ((row & 7) * 4);
                if ((lanes & 15) != 0 & first + row < work.Rows)
                    Attend(problem, pattern, routing, work, first + row, lane);
            }
        }
    }

    private static void Attend(CudaProblem problem, TPattern pattern, CudaRouting routing, RoutedWork work, int row, int lane)
    {
        int entry = work.EntryOf(row), token = RoutedWork.TokenOf(routing, entry);
        WorkItem keys = work.ForScores();
        keys.Head = work.HeadOf(routing, entry, token);
        keys.KeyToken = work.KeyToken - work.Position;
        TQuery query = pattern.Query(token + work.QueryShift, keys.Head, problem.Heads);
        CarefulRow state = CarefulRow.Of(problem, token, keys.Head, lane);
        for (int k = work.Position; k < work.EndPosition; k++)
            state = CarefulRows<TPattern, TRuns, TQuery, TKey>.Add(state, problem, pattern, query, keys, k, lane);

        // Columns 8 j + 2 t and the next are word j of lane t; four words of a lane are 16 bytes, and four lanes a piece.
        long index = work.FirstRow + row;
        int piece = (lane >> 2) ^ ((int)index & 1);
        state.Sum.StorePairs(
            routing.Partials + (index * routing.PaddedDim * sizeof(ushort)) + (piece * 64) + ((lane & 3) * 4), 16, state.Factor, lane * 8 < problem.Dim);
    }
}
