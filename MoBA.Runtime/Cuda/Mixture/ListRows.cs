using ILGPU;

namespace MoBA.Runtime.Cuda;

/// <summary>Rows of the output of pass "experts". Device code.</summary>
internal static class ListRows<TPattern, TRuns, TQuery, TKey>
    where TPattern : unmanaged, ICudaPattern<TRuns, TQuery, TKey>
    where TRuns : unmanaged
    where TQuery : unmanaged
    where TKey : unmanaged
{
    /// <summary>Writes a row of a thread and its log-sum-exp, if the item has it.</summary>
    /// <param name="problem">The launch.</param>
    /// <param name="rows">The expert's rows.</param>
    /// <param name="head">The query head.</param>
    /// <param name="at">The row's number in the output, as <see cref="At"/> has it.</param>
    /// <param name="exists">Whether the item has the row.</param>
    /// <param name="ofThread">Which of the thread's rows, a constant.</param>
    /// <param name="lane">The thread's lane.</param>
    public static void Store(CudaProblem problem, ExpertRows rows, int head, int at, bool exists, int ofThread, int lane)
    {
        int quad = lane & 3;
        Tile.StoreOutput(ofThread, Address(problem, rows, head, at) + (quad * 16L), exists ? problem.Dim - (quad * 8) : 0);
        long lse = problem.Lse + (((at * rows.LseRowStride) + ((head - rows.FirstHead) * rows.LseHeadStride)) * sizeof(float));
        Tile.StoreLse(ofThread, lse, exists & (problem.Lse != 0) & (quad == 0));
    }

    /// <summary>A row's number in the output: its place in the list, or its token.</summary>
    public static int At(ExpertRows rows, int place, int row, int token) => rows.ToLists != 0 ? (place * CudaRouting.ItemRows) + row : token;

    /// <summary>Does the broken ones among 16 rows of a warp again, as <see cref="CarefulRows{TPattern, TRuns, TQuery, TKey}"/> does; their
    /// output has been written.</summary>
    /// <param name="problem">The launch.</param>
    /// <param name="pattern">The pattern.</param>
    /// <param name="rows">The expert's rows.</param>
    /// <param name="item">The item.</param>
    /// <param name="first">The first of the rows.</param>
    /// <param name="upper">Lanes whose first row is broken, four lanes a row.</param>
    /// <param name="lower">Lanes whose second row, eight below, is broken.</param>
    /// <param name="lane">The thread's lane.</param>
    public static void Mend(CudaProblem problem, TPattern pattern, ExpertRows rows, int item, int first, int upper, int lower, int lane)
    {
        if ((upper | lower) != 0)
        {
            Warp.Barrier();
            ListWork work = ListWork.Of(problem, rows, item);
            for (int row = 0; row < 16; row++)
            {
                int lanes = (row < 8 ? upper : lower) >> ((row & 7) * 4);
                if ((lanes & 15) != 0 & first + row < work.Rows)
                    Attend(problem, pattern, rows, work, first + row, lane);
            }
        }
    }

    private static void Attend(CudaProblem problem, TPattern pattern, ExpertRows rows, ListWork work, int row, int lane)
    {
        WorkItem keys = work.Range(row, 1);
        int token = work.TokenOf(row);
        CarefulRow state = CarefulRows<TPattern, TRuns, TQuery, TKey>.Of(problem, pattern, keys, token, keys.Position, lane);
        state.Sum.Store(Address(problem, rows, work.Head, At(rows, work.Place, row, token)) + (lane * 16L), state.Factor, lane * 8 < problem.Dim);
    }

    private static long Address(CudaProblem problem, ExpertRows rows, int head, int at) =>
        problem.Output + (at * problem.OutputTokenStride) + ((head - rows.FirstHead) * problem.OutputHeadStride);
}
