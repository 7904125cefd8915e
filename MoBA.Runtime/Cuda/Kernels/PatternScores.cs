namespace MoBA.Runtime.Cuda;

/// <summary>What a pattern makes of the scores of a tile, register by register. Device code: written out, because ILGPU unrolls no
/// loop and a register has no index. What stays the same is passed along piece by piece: in one struct it makes the same machine code,
/// and ILGPU takes twice as long for it.</summary>
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
    /// <param name="isFirst">1 where the maximum of the rows is not known yet; a constant.</param>
    public static void Apply(
        TPattern pattern, CudaProblem problem, WorkItem work, TQuery query0, TQuery query1, int note, int column, int first, bool asksNear, int isFirst)
    {
        int k0 = note & TileNote.Position;
        if (pattern.HasScore)
            ModifyAll(pattern, problem, work, query0, query1, k0, column, first, asksNear, isFirst);
        else if (problem.ScaleFirst != 0)
            Tile.ScaleScores(first, problem.Scale);
        if ((note & TileNote.Partial) != 0)
        {
            if (pattern.HasColumns)
            {
                int exist = CudaColumns.Before(work.Keys, k0 + column);
                Tile.KeepColumns(first, pattern.AttendedColumns(query0, k0 + column) & exist, isFirst);
                Tile.KeepColumns(first + 2, pattern.AttendedColumns(query1, k0 + column) & exist, isFirst);
            }
            else
            {
                KeepAll(pattern, problem, work, query0, query1, k0, column, first, isFirst);
                Tile.CutScores(first, work.Keys - k0 - column, isFirst);
            }
        }
    }

    // Sixteen keys at a time: beyond the last key there is nothing to do, and the branch, the same in every thread, keeps ptxas from
    // computing what is known of all keys at once, for which there are no registers.
    private static void KeepAll(
        TPattern pattern, CudaProblem problem, WorkItem work, TQuery query0, TQuery query1, int k0, int column, int first, int isFirst)
    {
        KeepColumns(pattern, problem, work, query0, query1, k0 + column + 0, first + 0, isFirst);
        KeepColumns(pattern, problem, work, query0, query1, k0 + column + 8, first + 4, isFirst);

        if (k0 + 16 < work.Keys)
        {
            KeepColumns(pattern, problem, work, query0, query1, k0 + column + 16, first + 8, isFirst);
            KeepColumns(pattern, problem, work, query0, query1, k0 + column + 24, first + 12, isFirst);
        }

        if (k0 + 32 < work.Keys)
        {
            KeepColumns(pattern, problem, work, query0, query1, k0 + column + 32, first + 16, isFirst);
            KeepColumns(pattern, problem, work, query0, query1, k0 + column + 40, first + 20, isFirst);
        }

        if (k0 + 48 < work.Keys)
        {
            KeepColumns(pattern, problem, work, query0, query1, k0 + column + 48, first + 24, isFirst);
            KeepColumns(pattern, problem, work, query0, query1, k0 + column + 56, first + 28, isFirst);
        }

        if (k0 + 64 < work.Keys)
        {
            KeepColumns(pattern, problem, work, query0, query1, k0 + column + 64, first + 32, isFirst);
            KeepColumns(pattern, problem, work, query0, query1, k0 + column + 72, first + 36, isFirst);
        }

        if (k0 + 80 < work.Keys)
        {
            KeepColumns(pattern, problem, work, query0, query1, k0 + column + 80, first + 40, isFirst);
            KeepColumns(pattern, problem, work, query0, query1, k0 + column + 88, first + 44, isFirst);
        }

        if (k0 + 96 < work.Keys)
        {
            KeepColumns(pattern, problem, work, query0, query1, k0 + column + 96, first + 48, isFirst);
            KeepColumns(pattern, problem, work, query0, query1, k0 + column + 104, first + 52, isFirst);
        }

        if (k0 + 112 < work.Keys)
        {
            KeepColumns(pattern, problem, work, query0, query1, k0 + column + 112, first + 56, isFirst);
            KeepColumns(pattern, problem, work, query0, query1, k0 + column + 120, first + 60, isFirst);
        }
    }

    private static void KeepColumns(
        TPattern pattern, CudaProblem problem, WorkItem work, TQuery query0, TQuery query1, int k, int register, int isFirst)
    {
        KeepColumn(pattern, problem, work, query0, query1, k, register, isFirst);
        KeepColumn(pattern, problem, work, query0, query1, k + 1, register + 1, isFirst);
    }

    private static void KeepColumn(
        TPattern pattern, CudaProblem problem, WorkItem work, TQuery query0, TQuery query1, int k, int register, int isFirst)
    {
        TKey key = KeyAt(pattern, problem, work, k);
        Tile.Keep(register, pattern.Attends(query0, key), isFirst);
        Tile.Keep(register + 2, pattern.Attends(query1, key), isFirst);
    }

    // 32 keys at a time: many scores under way hide how long each takes.
    private static void ModifyAll(
        TPattern pattern, CudaProblem problem, WorkItem work, TQuery query0, TQuery query1, int k0, int column, int first, bool asksNear, int isFirst)
    {
        ModifyPart(pattern, problem, work, query0, query1, k0 + column, first, asksNear, isFirst);
        if (k0 + 32 < work.Keys)
            ModifyPart(pattern, problem, work, query0, query1, k0 + column + 32, first + 16, asksNear, isFirst);
        if (k0 + 64 < work.Keys)
            ModifyPart(pattern, problem, work, query0, query1, k0 + column + 64, first + 32, asksNear, isFirst);
        if (k0 + 96 < work.Keys)
            ModifyPart(pattern, problem, work, query0, query1, k0 + column + 96, first + 48, asksNear, isFirst);
    }

    // The shorter way is taken where it is right for all scores of the warp.
    private static void ModifyPart(
        TPattern pattern, CudaProblem problem, WorkItem work, TQuery query0, TQuery query1, int k, int register, bool asksNear, int isFirst)
    {
        if (asksNear & pattern.HasNear)
        {
            if (Tile.Ballot(Tile.LargestScore(register) < pattern.NearLimit(problem.Scale)) == -1)
                NearColumns(pattern, problem, work, query0, query1, k, register, isFirst);
            else
                FarColumns(pattern, problem, work, query0, query1, k, register, isFirst);
        }
        else
        {
            FarColumns(pattern, problem, work, query0, query1, k, register, isFirst);
        }

        // Under way while the next part is modified.
        if (isFirst == 0)
            Tile.BoundedPowers(register);
    }

    private static void NearColumns(
        TPattern pattern, CudaProblem problem, WorkItem work, TQuery query0, TQuery query1, int k, int register, int isFirst)
    {
        NearPair(pattern, problem, work, query0, query1, k + 0, register + 0, isFirst);
        NearPair(pattern, problem, work, query0, query1, k + 8, register + 4, isFirst);
        NearPair(pattern, problem, work, query0, query1, k + 16, register + 8, isFirst);
        NearPair(pattern, problem, work, query0, query1, k + 24, register + 12, isFirst);
    }

    private static void NearPair(
        TPattern pattern, CudaProblem problem, WorkItem work, TQuery query0, TQuery query1, int k, int register, int isFirst)
    {
        NearColumn(pattern, problem, work, query0, query1, k, register, isFirst);
        NearColumn(pattern, problem, work, query0, query1, k + 1, register + 1, isFirst);
    }

    private static void NearColumn(
        TPattern pattern, CudaProblem problem, WorkItem work, TQuery query0, TQuery query1, int k, int register, int isFirst)
    {
        TKey key = KeyAt(pattern, problem, work, k);
        Tile.SetScore(register, pattern.ScoreNear(Tile.Score(register), problem.Scale, Tile.ScoreUnit(), Shift(0, isFirst), query0, key));
        Tile.SetScore(register + 2, pattern.ScoreNear(Tile.Score(register + 2), problem.Scale, Tile.ScoreUnit(), Shift(1, isFirst), query1, key));
    }

    private static void FarColumns(
        TPattern pattern, CudaProblem problem, WorkItem work, TQuery query0, TQuery query1, int k, int register, int isFirst)
    {
        FarPair(pattern, problem, work, query0, query1, k + 0, register + 0, isFirst);
        FarPair(pattern, problem, work, query0, query1, k + 8, register + 4, isFirst);
        FarPair(pattern, problem, work, query0, query1, k + 16, register + 8, isFirst);
        FarPair(pattern, problem, work, query0, query1, k + 24, register + 12, isFirst);
    }

    private static void FarPair(
        TPattern pattern, CudaProblem problem, WorkItem work, TQuery query0, TQuery query1, int k, int register, int isFirst)
    {
        FarColumn(pattern, problem, work, query0, query1, k, register, isFirst);
        FarColumn(pattern, problem, work, query0, query1, k + 1, register + 1, isFirst);
    }

    private static void FarColumn(
        TPattern pattern, CudaProblem problem, WorkItem work, TQuery query0, TQuery query1, int k, int register, int isFirst)
    {
        TKey key = KeyAt(pattern, problem, work, k);
        Tile.SetModifiedScore(register, pattern.Score(Tile.Score(register) * problem.Scale, query0, key), isFirst);
        Tile.SetModifiedScore(register + 2, pattern.Score(Tile.Score(register + 2) * problem.Scale, query1, key), isFirst);
    }

    // -0: a sum with it is the other summand, whatever that is.
    private static float Shift(int row, int isFirst) => isFirst != 0 ? -0f : Tile.ScoreShift(row);

    // A table ends with the last key; what stands in columns beyond it is cut.
    private static TKey KeyAt(TPattern pattern, CudaProblem problem, WorkItem work, int k) =>
        pattern.Key(pattern.ReadsTables && k >= work.Keys ? work.Keys - 1 : k, work.Head, problem.Heads);
}
