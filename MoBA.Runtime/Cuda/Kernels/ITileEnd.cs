namespace MoBA.Runtime.Cuda;

/// <summary>What becomes of a tile's rows once the pattern's keys are summed. Device code.</summary>
internal interface ITileEnd<TPattern, TRuns, TQuery, TKey>
    where TPattern : unmanaged, ICudaPattern<TRuns, TQuery, TKey>
    where TRuns : unmanaged
    where TQuery : unmanaged
    where TKey : unmanaged
{
    /// <summary>Blocks that a row attends besides, at most.</summary>
    int Slots { get; }

    /// <summary>Merges what two rows have of such blocks with what is in registers.</summary>
    /// <param name="problem">The launch.</param>
    /// <param name="work">The tile of queries.</param>
    /// <param name="ofThread">Which of the thread's rows is the first, a constant.</param>
    /// <param name="row">The first in the tile; the second is eight below.</param>
    /// <param name="lane">The thread's lane.</param>
    void Merge(CudaProblem problem, WorkItem work, int ofThread, int row, int lane);

    /// <summary>The keys of such a block, by position; none where the row has no block in the slot.</summary>
    CudaRun Block(CudaProblem problem, WorkItem work, int row, int slot);

    /// <summary>Whether the query attends the key because it chose its block.</summary>
    bool AttendsChosen(TPattern pattern, TQuery q, TKey k);
}

/// <summary>Nothing besides.</summary>
internal struct PlainEnd<TPattern, TRuns, TQuery, TKey> : ITileEnd<TPattern, TRuns, TQuery, TKey>
    where TPattern : unmanaged, ICudaPattern<TRuns, TQuery, TKey>
    where TRuns : unmanaged
    where TQuery : unmanaged
    where TKey : unmanaged
{
    /// <summary>A struct of device code cannot be empty.</summary>
    public int None;

    public readonly int Slots => 0;

    public readonly void Merge(CudaProblem problem, WorkItem work, int ofThread, int row, int lane)
    {
    }

    public readonly CudaRun Block(CudaProblem problem, WorkItem work, int row, int slot) => default;

    public readonly bool AttendsChosen(TPattern pattern, TQuery q, TKey k) => false;
}
