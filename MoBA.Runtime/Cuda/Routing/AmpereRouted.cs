using System.ComponentModel;
using ILGPU;

namespace MoBA.Runtime.Cuda;

/// <summary>
/// Pass "routed" for NVIDIA GPUs from compute capability 8.0 on (sm_80): <see cref="AmpereAttention"/> on queries that are gathered row by row,
/// and on the keys of one block. Where a tile has fewer queries than an item has rows, blocks share an item.
/// </summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public static class AmpereRouted
{
    /// <summary>The kernel, launched over the items of all list heads at hand, times 128 over the queries of a tile.</summary>
    public static void Attend<TPattern, TRuns, TQuery, TKey>(CudaProblem problem, TPattern pattern, CudaRouting routing)
        where TPattern : unmanaged, ICudaPattern<TRuns, TQuery, TKey>
        where TRuns : unmanaged
        where TQuery : unmanaged
        where TKey : unmanaged
    {
        Tile.Begin();
        if (!Turns.IsOf(routing))
            return;
        int parts = CudaRouting.ItemRows / Tile.Queries();
        int item = (int)((uint)Grid.IdxX / (uint)parts);
        RoutedWork work = RoutedWork.Of(problem, routing, item);
        int first = (Grid.IdxX - (item * parts)) * Tile.Queries();
        if (first < work.Rows)
            Compute<TPattern, TRuns, TQuery, TKey>(problem, pattern, routing, work, item, first, Group.IdxX);
    }

    private static void Compute<TPattern, TRuns, TQuery, TKey>(
        CudaProblem problem, TPattern pattern, CudaRouting routing, RoutedWork work, int item, int first, int thread)
        where TPattern : unmanaged, ICudaPattern<TRuns, TQuery, TKey>
        where TRuns : unmanaged
        where TQuery : unmanaged
        where TKey : unmanaged
    {
        int keyTile = Tile.Keys(), lane = thread & 31;
        WorkItem keys = work.ForScores();
        keys.KeyToken = work.KeyToken - work.Position;
        int firstPosition = RoutedWork.TokenOf(routing, work.EntryOf(first)) + work.QueryShift;
        int lastPosition = RoutedWork.TokenOf(routing, work.EntryOf(first + Tile.Queries() - 1)) + work.QueryShift;
        int note = RoutedTiles<TPattern, TRuns, TQuery, TKey>.From(pattern, work, firstPosition, lastPosition, work.Position, keyTile);
        if (note >= 0)
        {
            CopyQueries(problem, routing, work, first, thread);
            AmpereAttention.CopyKeys(problem, keys, thread, note & TileNote.Position);
        }

        int row = first + ((thread >> 5) * (Tile.Queries() / 4)) + (lane >> 2);
        bool scaleFirst = pattern.HasScore | (problem.ScaleFirst != 0);
        float factor = (scaleFirst ? 1f : problem.Scale) * 1.44269504f;
        Tile.ClearOutput();
        Tile.ClearSoftmax();
        while (note >= 0)
        {
            // As in AmpereAttention: values come while scores are computed, the next keys while outputs are.
            Tile.WaitCopies();
            int k0 = note & TileNote.Position;
            AmpereAttention.CopyValues(problem, keys, thread, k0);
            Tile.Scores();
            int next = RoutedTiles<TPattern, TRuns, TQuery, TKey>.From(pattern, work, firstPosition, lastPosition, k0 + keyTile, keyTile);
            Tile.WaitCopies();
            if (next >= 0)
                AmpereAttention.CopyKeys(problem, keys, thread, next & TileNote.Position);
            if (scaleFirst | (note & TileNote.Partial) != 0)
            {
                Apply<TPattern, TRuns, TQuery, TKey>(problem, pattern, routing, work, keys, note, row, lane, 0);
                Apply<TPattern, TRuns, TQuery, TKey>(problem, pattern, routing, work, keys, note, row + 16, lane, Tile.FragmentRegisters);
            }

            Tile.ContinueSoftmax(factor);
            Tile.Pack();
            Tile.RescaleOutput();
            Tile.Output();
            note = next;
        }

        Tile.EndSoftmax(factor);
        Tile.RoundPartial();
        int broken0 = Tile.BrokenPartials(0), broken1 = Tile.BrokenPartials(1), broken2 = Tile.BrokenPartials(2), broken3 = Tile.BrokenPartials(3);
        RoutedRows<TPattern, TRuns, TQuery, TKey>.Store(routing, work.FirstRow, work.Rows, 0, row, lane);
        RoutedRows<TPattern, TRuns, TQuery, TKey>.Store(routing, work.FirstRow, work.Rows, 1, row + 8, lane);
        RoutedRows<TPattern, TRuns, TQuery, TKey>.Store(routing, work.FirstRow, work.Rows, 2, row + 16, lane);
        RoutedRows<TPattern, TRuns, TQuery, TKey>.Store(routing, work.FirstRow, work.Rows, 3, row + 24, lane);
        for (int fragment = 0; fragment < 2; fragment++)
        {
            RoutedRows<TPattern, TRuns, TQuery, TKey>.Mend(
                problem, pattern, routing, item, row - (lane >> 2) + (16 * fragment), fragment == 0 ? broken0 : broken2, fragment == 0 ? broken1 : broken3, lane);
        }
    }

    // The pattern on a pair of rows.
    private static void Apply<TPattern, TRuns, TQuery, TKey>(
        CudaProblem problem, TPattern pattern, CudaRouting routing, RoutedWork work, WorkItem keys, int note, int row, int lane, int first)
        where TPattern : unmanaged, ICudaPattern<TRuns, TQuery, TKey>
        where TRuns : unmanaged
        where TQuery : unmanaged
        where TKey : unmanaged
    {
        TQuery query0 = Query<TPattern, TRuns, TQuery, TKey>(problem, pattern, routing, work, row);
        TQuery query1 = Query<TPattern, TRuns, TQuery, TKey>(problem, pattern, routing, work, row + 8);
        PatternScores<TPattern, TRuns, TQuery, TKey>.Apply(pattern, problem, keys, query0, query1, note, (lane & 3) * 2, first, false, 1);
    }

    private static TQuery Query<TPattern, TRuns, TQuery, TKey>(CudaProblem problem, TPattern pattern, CudaRouting routing, RoutedWork work, int row)
        where TPattern : unmanaged, ICudaPattern<TRuns, TQuery, TKey>
        where TRuns : unmanaged
        where TQuery : unmanaged
        where TKey : unmanaged
    {
        int entry = work.EntryOf(row), token = RoutedWork.TokenOf(routing, entry);
        return pattern.Query(token + work.QueryShift, work.HeadOf(routing, entry, token), problem.Heads);
    }

    // Eight threads a row, 16 bytes each, 16 rows a turn.
    private static void CopyQueries(CudaProblem problem, CudaRouting routing, RoutedWork work, int first, int thread)
    {
        int piece = thread & 7;
        for (int turn = 0; turn < Tile.Queries() >> 4; turn++)
        {
            int row = first + (turn * 16) + (thread >> 3);
            int entry = work.EntryOf(row), token = RoutedWork.TokenOf(routing, entry);
            Tile.CopyQueryRow(
                turn, problem.Q + (token * problem.QueryTokenStride) + (work.HeadOf(routing, entry, token) * problem.QueryHeadStride) + (piece * 16L),
                row < work.Rows ? problem.Dim - (piece * 8) : 0);
        }
    }
}
