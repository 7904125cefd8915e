using System.ComponentModel;
using ILGPU;

namespace MoBA.Runtime.Cuda;

/// <summary>
/// Block-sparse attention for NVIDIA GPUs from compute capability 8.0 on (sm_80). A block is four warps, alike, and works on one
/// tile of queries of a head; each warp has its rows for itself. Keys and values have a place in shared memory each: the values of
/// a tile come while its scores are computed, the next tile's keys while the softmax and the output are. Several blocks share a
/// processor, so that one's softmax runs while another's products do.
/// </summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public static class AmpereAttention
{
    private const int Warps = 4;

    /// <summary>The kernel.</summary>
    public static void Attend<TPattern, TRuns, TQuery, TKey>(CudaProblem problem, TPattern pattern)
        where TPattern : unmanaged, ICudaPattern<TRuns, TQuery, TKey>
        where TRuns : unmanaged
        where TQuery : unmanaged
        where TKey : unmanaged
    {
        Tile.Begin();
        if (!Turns.IsOf(problem))
            return;
        int thread = Group.IdxX;
        int lane = thread & 31;
        int keyTile = Tile.Keys();
        WorkItem work = WorkItem.Of(problem, Grid.IdxX);
        TRuns runs = pattern.Runs(work.Position, work.LastPosition, work.Keys, work.Head, keyTile);
        TileWalk walk = TileWalk.Start<TPattern, TRuns, TQuery, TKey>(pattern, runs, work, lane, keyTile);
        int note = walk.Note;
        if (note >= 0)
        {
            CopyQueries(problem, work, thread);
            CopyKeys(problem, work, thread, note & TileNote.Position);
        }

        int row = ((thread >> 5) * (Tile.Queries() / Warps)) + (lane >> 2);
        int column = (lane & 3) * 2;
        bool scaleFirst = pattern.HasScore | (problem.ScaleFirst != 0);
        float factor = (scaleFirst ? 1f : problem.Scale) * 1.44269504f;
        Tile.ClearOutput();
        Tile.ClearSoftmax();
        while (note >= 0)
        {
            // The keys are here, and no warp reads the values of the tile before.
            Tile.WaitCopies();
            int k0 = note & TileNote.Position;
            CopyValues(problem, work, thread, k0);
            Tile.Scores();
            walk = TileWalk.Next<TPattern, TRuns, TQuery, TKey>(walk, pattern, runs, work, lane, keyTile);

            // The values are here, and no warp reads the keys any more.
            Tile.WaitCopies();
            if (walk.Note >= 0)
                CopyKeys(problem, work, thread, walk.Note & TileNote.Position);
            if (scaleFirst | (note & TileNote.Partial) != 0)
            {
                Apply<TPattern, TRuns, TQuery, TKey>(problem, pattern, work, note, row, column, 0);
                Apply<TPattern, TRuns, TQuery, TKey>(problem, pattern, work, note, row + 16, column, Tile.FragmentRegisters);
            }

            Tile.ContinueSoftmax(factor);
            Tile.Pack();
            Tile.RescaleOutput();
            Tile.Output();
            note = walk.Note;
        }

        Tile.EndSoftmax(factor);
        int broken0 = Tile.BrokenRows(0), broken1 = Tile.BrokenRows(1), broken2 = Tile.BrokenRows(2), broken3 = Tile.BrokenRows(3);
        Tile.RoundOutput();

        // Read again, so that no register holds it meanwhile.
        work = WorkItem.Of(problem, Grid.IdxX);
        TileRows.Store(problem, work, 0, row, lane);
        TileRows.Store(problem, work, 1, row + 8, lane);
        TileRows.Store(problem, work, 2, row + 16, lane);
        TileRows.Store(problem, work, 3, row + 24, lane);
        for (int fragment = 0; fragment < 2; fragment++)
        {
            CarefulRows<TPattern, TRuns, TQuery, TKey>.Mend(
                problem, pattern, work, row - (lane >> 2) + (16 * fragment), fragment == 0 ? broken0 : broken2, fragment == 0 ? broken1 : broken3, lane);
        }
    }

    // The pattern on a pair of rows. What it knows of the queries is asked for a tile: registers are dearer.
    private static void Apply<TPattern, TRuns, TQuery, TKey>(
        CudaProblem problem, TPattern pattern, WorkItem work, int note, int row, int column, int first)
        where TPattern : unmanaged, ICudaPattern<TRuns, TQuery, TKey>
        where TRuns : unmanaged
        where TQuery : unmanaged
        where TKey : unmanaged
    {
        TQuery query0 = pattern.Query(work.PositionOf(row), work.Head, problem.Heads);
        TQuery query1 = pattern.Query(work.PositionOf(row + 8), work.Head, problem.Heads);
        PatternScores<TPattern, TRuns, TQuery, TKey>.Apply(pattern, problem, work, query0, query1, note, column, first, false, 1);
    }

    // Eight threads a row, 16 bytes each.
    private static void CopyQueries(CudaProblem problem, WorkItem work, int thread)
    {
        int row = thread >> 3, piece = thread & 7;
        Tile.CopyQueries(
            problem.Q + ((work.QueryToken + row) * problem.QueryTokenStride) + (work.Head * problem.QueryHeadStride) + (piece * 16L),
            problem.QueryTokenStride, work.Queries - row, problem.Dim - (piece * 8));
    }

    internal static void CopyKeys(CudaProblem problem, WorkItem work, int thread, int k0)
    {
        int row = k0 + (thread >> 3), piece = thread & 7;
        Tile.CopyKeys(
            problem.K + ((work.KeyToken + row) * problem.KeyTokenStride) + (work.KeyHead * problem.KeyHeadStride) + (piece * 16L),
            problem.KeyTokenStride, work.Keys - row, problem.Dim - (piece * 8));
    }

    internal static void CopyValues(CudaProblem problem, WorkItem work, int thread, int k0)
    {
        int row = k0 + (thread >> 3), piece = thread & 7;
        Tile.CopyValues(
            problem.V + ((work.KeyToken + row) * problem.ValueTokenStride) + (work.KeyHead * problem.ValueHeadStride) + (piece * 16L),
            problem.ValueTokenStride, work.Keys - row, problem.Dim - (piece * 8));
    }
}
