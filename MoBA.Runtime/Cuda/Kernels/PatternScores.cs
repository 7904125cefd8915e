namespace MoBA.Runtime.Cuda;

/// <summary>What a pattern makes of the scores of a tile, register by register. Device code: written out, because ILGPU unrolls no
/// loop and a register has no index.</summary>
internal static class PatternScores<TPattern, TRuns, TQuery, TKey>
    where TPattern : unmanaged, ICudaPattern<TRuns, TQuery, TKey>
    where TRuns : unmanaged
    where TQuery : unmanaged
    where TKey : unmanaged
{
    /// <summary>Scales and modifies scores, and sets to -infinity those of pairs that the predicate does not attend. Where scores are known
    /// to be small, what is left are weights, and 0.</summary>
    /// <param name="pattern">The pattern.</param>
    /// <param name="problem">The launch.</param>
    /// <param name="work">The tile of queries.</param>
    /// <param name="query0">The thread's first row.</param>
    /// <param name="query1">Its second row, eight below.</param>
    /// <param name="note">First key of the tile, with the marks of <see cref="TileNote"/>.</param>
    /// <param name="column">The thread's first column.</param>
    /// <param name="first">The register of the first score: <see cref="Tile.FragmentRegisters"/> times the pair of rows, a
    /// constant.</param>
    /// <param name="asksNear">Whether there are registers to ask for the short form of a modifier; a constant.</param>
    public static void Apply(
        TPattern pattern, CudaProblem problem, WorkItem work, TQuery query0, TQuery query1, int note, int column, int first, bool asksNear)
    {
        int k0 = note & TileNote.Position;
        if (pattern.HasScore)
            ModifyAll(pattern, problem, work, query0, query1, k0, column, first, asksNear);
        else if (problem.ScaleFirst != 0)
            Tile.ScaleScores(first, problem.Scale);
        if ((note & TileNote.Partial) != 0)
        {
            KeepAll(pattern, problem, work, query0, query1, k0, column, first);
            Tile.CutScores(first, work.Keys - k0 - column);
        }
    }

    // Sixteen keys at a time: beyond the last key there is nothing to do, and the branch, the same in every thread, keeps ptxas from
    // computing what is known of all keys at once, for which there are no registers.
    private static void KeepAll(
        TPattern pattern, CudaProblem problem, WorkItem work, TQuery query0, TQuery query1, int k0, int column, int first)
    {
        KeepColumns(pattern, problem, work, query0, query1, k0 + column + 0, first + 0);
        KeepColumns(pattern, problem, work, query0, query1, k0 + column + 8, first + 4);

        if (k0 + 16 < work.Keys)
        {
            KeepColumns(pattern, problem, work, query0, query1, k0 + column + 16, first + 8);
            KeepColumns(pattern, problem, work, query0, query1, k0 + column + 24, first + 12);
        }

        if (k0 + 32 < work.Keys)
        {
            KeepColumns(pattern, problem, work, query0, query1, k0 + column + 32, first + 16);
            KeepColumns(pattern, problem, work, query0, query1, k0 + column + 40, first + 20);
        }

        if (k0 + 48 < work.Keys)
        {
            KeepColumns(pattern, problem, work, query0, query1, k0 + column + 48, first + 24);
            KeepColumns(pattern, problem, work, query0, query1, k0 + column + 56, first + 28);
        }

        if (k0 + 64 < work.Keys)
        {
            KeepColumns(pattern, problem, work, query0, query1, k0 + column + 64, first + 32);
            KeepColumns(pattern, problem, work, query0, query1, k0 + column + 72, first + 36);
        }

        if (k0 + 80 < work.Keys)
        {
            KeepColumns(pattern, problem, work, query0, query1, k0 + column + 80, first + 40);
            KeepColumns(pattern, problem, work, query0, query1, k0 + column + 88, first + 44);
        }

        if (k0 + 96 < work.Keys)
        {
            KeepColumns(pattern, problem, work, query0, query1, k0 + column + 96, first + 48);
            KeepColumns(pattern, problem, work, query0, query1, k0 + column + 104, first + 52);
        }

        if (k0 + 112 < work.Keys)
        {
            KeepColumns(pattern, problem, work, query0, query1, k0 + column + 112, first + 56);
            KeepColumns(pattern, problem, work, query0, query1, k0 + column + 120, first + 60);
        }
    }

    private static void KeepColumns(
        TPattern pattern, CudaProblem problem, WorkItem work, TQuery query0, TQuery query1, int k, int register)
    {
        KeepColumn(pattern, problem, work, query0, query1, k, register);
        KeepColumn(pattern, problem, work, query0, query1, k + 1, register + 1);
    }

    private static void KeepColumn(
        TPattern pattern, CudaProblem problem, WorkItem work, TQuery query0, TQuery query1, int k, int register)
    {
        TKey key = KeyAt(pattern, problem, work, k);
        Tile.Keep(register, pattern.Attends(query0, key));
        Tile.Keep(register + 2, pattern.Attends(query1, key));
    }

    // 32 keys at a time: many scores under way hide how long each takes.
    private static void ModifyAll(
        TPattern pattern, CudaProblem problem, WorkItem work, TQuery query0, TQuery query1, int k0, int column, int first, bool asksNear)
    {
        ModifyPart(pattern, problem, work, query0, query1, k0 + column, first, asksNear);
        if (k0 + 32 < work.Keys)
            ModifyPart(pattern, problem, work, query0, query1, k0 + column + 32, first + 16, asksNear);
        if (k0 + 64 < work.Keys)
            ModifyPart(pattern, problem, work, query0, query1, k0 + column + 64, first + 32, asksNear);
        if (k0 + 96 < work.Keys)
            ModifyPart(pattern, problem, work, query0, query1, k0 + column + 96, first + 48, asksNear);
    }

    // The shorter way is taken where it is right for all scores of the warp.
    private static void ModifyPart(
        TPattern pattern, CudaProblem problem, WorkItem work, TQuery query0, TQuery query1, int k, int register, bool asksNear)
    {
        if (asksNear & pattern.HasNear)
        {
            if (Tile.Ballot(Tile.LargestScore(register) < pattern.NearLimit(problem.Scale)) == -1)
                NearColumns(pattern, problem, work, query0, query1, k, register);
            else
                FarColumns(pattern, problem, work, query0, query1, k, register);
        }
        else
        {
            FarColumns(pattern, problem, work, query0, query1, k, register);
        }

        // Under way while the next part is modified.
        Tile.BoundedPowers(register);
    }

    private static void NearColumns(
        TPattern pattern, CudaProblem problem, WorkItem work, TQuery query0, TQuery query1, int k, int register)
    {
        NearPair(pattern, problem, work, query0, query1, k + 0, register + 0);
        NearPair(pattern, problem, work, query0, query1, k + 8, register + 4);
        NearPair(pattern, problem, work, query0, query1, k + 16, register + 8);
        NearPair(pattern, problem, work, query0, query1, k + 24, register + 12);
    }

    private static void NearPair(
        TPattern pattern, CudaProblem problem, WorkItem work, TQuery query0, TQuery query1, int k, int register)
    {
        NearColumn(pattern, problem, work, query0, query1, k, register);
        NearColumn(pattern, problem, work, query0, query1, k + 1, register + 1);
    }

    private static void NearColumn(
        TPattern pattern, CudaProblem problem, WorkItem work, TQuery query0, TQuery query1, int k, int register)
    {
        TKey key = KeyAt(pattern, problem, work, k);
        Tile.SetScore(register, pattern.ScoreNear(Tile.Score(register), problem.Scale, Tile.ScoreUnit(), query0, key));
        Tile.SetScore(register + 2, pattern.ScoreNear(Tile.Score(register + 2), problem.Scale, Tile.ScoreUnit(), query1, key));
    }

    private static void FarColumns(
        TPattern pattern, CudaProblem problem, WorkItem work, TQuery query0, TQuery query1, int k, int register)
    {
        FarPair(pattern, problem, work, query0, query1, k + 0, register + 0);
        FarPair(pattern, problem, work, query0, query1, k + 8, register + 4);
        FarPair(pattern, problem, work, query0, query1, k + 16, register + 8);
        FarPair(pattern, problem, work, query0, query1, k + 24, register + 12);
    }

    private static void FarPair(
        TPattern pattern, CudaProblem problem, WorkItem work, TQuery query0, TQuery query1, int k, int register)
    {
        FarColumn(pattern, problem, work, query0, query1, k, register);
        FarColumn(pattern, problem, work, query0, query1, k + 1, register + 1);
    }

    private static void FarColumn(
        TPattern pattern, CudaProblem problem, WorkItem work, TQuery query0, TQuery query1, int k, int register)
    {
        TKey key = KeyAt(pattern, problem, work, k);
        Tile.SetScore(register, pattern.Score(Tile.Score(register) * problem.Scale, query0, key) * Tile.ScoreUnit());
        Tile.SetScore(register + 2, pattern.Score(Tile.Score(register + 2) * problem.Scale, query1, key) * Tile.ScoreUnit());
    }

    // A table ends with the last key; what stands in columns beyond it is cut.
    private static TKey KeyAt(TPattern pattern, CudaProblem problem, WorkItem work, int k) =>
        pattern.Key(pattern.ReadsTables && k >= work.Keys ? work.Keys - 1 : k, work.Head, problem.Heads);
}
