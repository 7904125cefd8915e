namespace MoBA.Runtime.Cuda;

/// <summary>Rows of the output. Device code.</summary>
internal static class TileRows
{
    /// <summary>Writes a row of the output and its log-sum-exp, if the tile of queries has it.</summary>
    /// <param name="problem">The launch.</param>
    /// <param name="work">The tile of queries.</param>
    /// <param name="ofThread">Which of the thread's rows, a constant.</param>
    /// <param name="row">Row in the tile.</param>
    /// <param name="lane">The thread's lane.</param>
    public static void Store(CudaProblem problem, WorkItem work, int ofThread, int row, int lane)
    {
        bool exists = row < work.Queries;
        int token = work.QueryToken + row;
        int quad = lane & 3;
        long address = problem.Output + (token * problem.OutputTokenStride) + (work.Head * problem.OutputHeadStride) + (quad * 16L);
        Tile.StoreOutput(ofThread, address, exists ? problem.Dim - (quad * 8) : 0);
        Tile.StoreLse(ofThread, problem.Lse + ((((long)token * problem.Heads) + work.Head) * 4L), exists & (problem.Lse != 0) & (quad == 0));
    }
}
