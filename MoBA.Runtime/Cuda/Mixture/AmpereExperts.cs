using System.ComponentModel;
using ILGPU;

namespace MoBA.Runtime.Cuda;

/// <summary>
/// Pass "experts" for NVIDIA GPUs from compute capability 8.0 on (sm_80): <see cref="AmpereAttention"/> on queries that are gathered row by
/// row from the list of an expert. Where a tile has fewer queries than an item has rows, blocks share an item.
/// </summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public static class AmpereExperts
{
    /// <summary>The kernel, launched over as many items as an expert may have, times 128 over the queries of a tile.</summary>
    public static void Attend<TPattern, TRuns, TQuery, TKey>(CudaProblem problem, TPattern pattern, ExpertRows rows)
        where TPattern : unmanaged, ICudaPattern<TRuns, TQuery, TKey>
        where TRuns : unmanaged
        where TQuery : unmanaged
        where TKey : unmanaged
    {
        Tile.Begin();
        int parts = CudaRouting.ItemRows / Tile.Queries();
        int item = (int)((uint)Grid.IdxX / (uint)parts);
        int first = (Grid.IdxX - (item * parts)) * Tile.Queries();
        if (item < ListWork.Count(rows))
        {
            ListWork work = ListWork.Of(problem, rows, item);
            if (first < work.Rows)
                Compute<TPattern, TRuns, TQuery, TKey>(problem, pattern, rows, work, item, first, Group.IdxX);
        }
    }

    private static void Compute<TPattern, TRuns, TQuery, TKey>(
        CudaProblem problem, TPattern pattern, ExpertRows rows, ListWork list, int item, int first, int thread)
        where TPattern : unmanaged, ICudaPattern<TRuns, TQuery, TKey>
        where TRuns : unmanaged
        where TQuery : unmanaged
        where TKey : unmanaged
    {
        int lane = thread & 31, keyTile = Tile.Keys();
        WorkItem work = list.Range(first, Tile.Queries());
        TRuns runs = pattern.Runs(work.Position, work.LastPosition, work.Keys, work.Head, keyTile);
        TileWalk walk = TileWalk.Start<TPattern, TRuns, TQuery, TKey>(pattern, runs, work, lane, keyTile);
        int note = walk.Note;
        if (note >= 0)
        {
            CopyQueries(problem, list, first, thread);
            AmpereAttention.CopyKeys(problem, work, thread, note & TileNote.Position);
        }

        int row = first + ((thread >> 5) * (Tile.Queries() / 4)) + (lane >> 2);
        int position0 = list.PositionOf(row), position1 = list.PositionOf(row + 8);
        int position2 = list.PositionOf(row + 16), position3 = list.PositionOf(row + 24);
        bool scaleFirst = pattern.HasScore | (problem.ScaleFirst != 0);
        float factor = (scaleFirst ? 1f : problem.Scale) * 1.44269504f;
        Tile.ClearOutput();
        Tile.ClearSoftmax();
        while (note >= 0)
        {
            // As in AmpereAttention: values come while scores are computed, the next keys while outputs are.
            Tile.WaitCopies();
            AmpereAttention.CopyValues(problem, work, thread, note & TileNote.Position);
            Tile.Scores();
            walk = TileWalk.Next<TPattern, TRuns, TQuery, TKey>(walk, pattern, runs, work, lane, keyTile);
            Tile.WaitCopies();
            if (walk.Note >= 0)
                AmpereAttention.CopyKeys(problem, work, thread, walk.Note & TileNote.Position);
            if (scaleFirst | (note & TileNote.Partial) != 0)
            {
                Apply<TPattern, TRuns, TQuery, TKey>(problem, pattern, work, note, position0, position1, lane, 0);
                Apply<TPattern, TRuns, TQuery, TKey>(problem, pattern, work, note, position2, position3, lane, Tile.FragmentRegisters);
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
        list = ListWork.Of(problem, rows, item);
        Store<TPattern, TRuns, TQuery, TKey>(problem, rows, list, 0, row, lane);
        Store<TPattern, TRuns, TQuery, TKey>(problem, rows, list, 1, row + 8, lane);
        Store<TPattern, TRuns, TQuery, TKey>(problem, rows, list, 2, row + 16, lane);
        Store<TPattern, TRuns, TQuery, TKey>(problem, rows, list, 3, row + 24, lane);
        for (int fragment = 0; fragment < 2; fragment++)
        {
            ListRows<TPattern, TRuns, TQuery, TKey>.Mend(
                problem, pattern, rows, item, row - (lane >> 2) + (16 * fragment), fragment == 0 ? broken0 : broken2, fragment == 0 ? broken1 : broken3, lane);
        }
    }

    // The pattern on a pair of rows. What it knows of the queries is asked for a tile: registers are dearer.
    private static void Apply<TPattern, TRuns, TQuery, TKey>(
        CudaProblem problem, TPattern pattern, WorkItem work, int note, int upper, int lower, int lane, int first)
        where TPattern : unmanaged, ICudaPattern<TRuns, TQuery, TKey>
        where TRuns : unmanaged
        where TQuery : unmanaged
        where TKey : unmanaged
    {
        TQuery query0 = pattern.Query(upper, work.Head, problem.Heads), query1 = pattern.Query(lower, work.Head, problem.Heads);
        PatternScores<TPattern, TRuns, TQuery, TKey>.Apply(pattern, problem, work, query0, query1, note, (lane & 3) * 2, first, false, 1);
    }

    private static void Store<TPattern, TRuns, TQuery, TKey>(CudaProblem problem, ExpertRows rows, ListWork list, int ofThread, int row, int lane)
        where TPattern : unmanaged, ICudaPattern<TRuns, TQuery, TKey>
        where TRuns : unmanaged
        where TQuery : unmanaged
        where TKey : unmanaged
    {
        int at = ListRows<TPattern, TRuns, TQuery, TKey>.At(rows, list.Place, row, list.TokenOf(row));
        ListRows<TPattern, TRuns, TQuery, TKey>.Store(problem, rows, list.Head, at, row < list.Rows, ofThread, lane);
    }

    // Eight threads a row, 16 bytes each, 16 rows a turn.
    private static void CopyQueries(CudaProblem problem, ListWork list, int first, int thread)
    {
        int piece = thread & 7;
        for (int turn = 0; turn < Tile.Queries() >> 4; turn++)
        {
            int row = first + (turn * 16) + (thread >> 3);
            Tile.CopyQueryRow(
                turn, problem.Q + (list.TokenOf(row) * problem.QueryTokenStride) + (list.Head * problem.QueryHeadStride) + (piece * 16L),
                row < list.Rows ? problem.Dim - (piece * 8) : 0);
        }
    }
}
