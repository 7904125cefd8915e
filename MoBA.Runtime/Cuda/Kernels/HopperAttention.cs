using System.ComponentModel;
using ILGPU;

namespace MoBA.Runtime.Cuda;

/// <summary>
/// Block-sparse attention for Hopper (sm_90a). A block is three warpgroups. One copies: its first warp walks the pattern's key
/// tiles, classifies them, and has the tensor memory accelerator bring them to a ring of shared memory. Two compute, 64 queries
/// each: the next tile's scores are started before this tile's output, so that the softmax runs while the tensor cores work.
/// Blocks take work items, a tile of queries of a head each, until none is left.
/// </summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public static class HopperAttention
{
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
        if (thread == 0)
            Tile.InitBarriers();
        Tile.SyncBlock();
        int warpgroup = thread >> 7;
        if (warpgroup == 0)
        {
            Tile.ReleaseRegisters();
            if (thread < 32)
                Copy<TPattern, TRuns, TQuery, TKey>(problem, pattern, thread);
        }
        else
        {
            Tile.ClaimRegisters();
            Compute<TPattern, TRuns, TQuery, TKey>(problem, pattern, warpgroup - 1, thread & 127);
        }
    }

    // The copying warp: every work item's queries, and its key and value tiles with what the pattern says of them. The copies
    // themselves are its first lane's.
    private static void Copy<TPattern, TRuns, TQuery, TKey>(CudaProblem problem, TPattern pattern, int lane)
        where TPattern : unmanaged, ICudaPattern<TRuns, TQuery, TKey>
        where TRuns : unmanaged
        where TQuery : unmanaged
        where TKey : unmanaged
    {
        int keyTile = Tile.Keys();
        int tiles = 0, items = 0;
        int item = Grid.IdxX;
        while (item < problem.Items)
        {
            // The next item is asked for now and looked at in the end.
            int next = Tile.NextItem(problem.Counters);
            WorkItem work = WorkItem.Of(problem, item);
            TRuns runs = pattern.Runs(work.Position, work.LastPosition, work.Keys, work.Head, keyTile);
            TileWalk walk = TileWalk.Start<TPattern, TRuns, TQuery, TKey>(pattern, runs, work, lane, keyTile);
            int note = walk.Note;
            Tile.WaitQueriesFree(items);
            Tile.LoadQueries(items, work.QueryToken, work.Head, note < 0 ? item | TileNote.NoKeys : item);
            int previous = -1;
            while (note >= 0)
            {
                int k0 = note & TileNote.Position;
                walk = TileWalk.Next<TPattern, TRuns, TQuery, TKey>(walk, pattern, runs, work, lane, keyTile);
                Tile.WaitKeysFree(tiles);
                Tile.LoadKeys(tiles, work.KeyToken + k0, work.KeyHead, walk.Note < 0 ? note | TileNote.Last : note);
                if (previous >= 0)
                    LoadValues(work, tiles - 1, previous);
                tiles = tiles + 1;
                previous = k0;
                note = walk.Note;
            }

            if (previous >= 0)
                LoadValues(work, tiles - 1, previous);
            items = items + 1;
            item = Grid.DimX + Tile.OfFirstLane(next);
        }

        Tile.EndItems(problem.Counters, Grid.DimX);
        Tile.WaitQueriesFree(items);
        Tile.EndQueries(items);
    }

    private static void LoadValues(WorkItem work, int tile, int k0)
    {
        Tile.WaitValuesFree(tile);
        Tile.LoadValues(tile, work.KeyToken + k0, work.KeyHead);
    }

    // A computing warpgroup.
    private static void Compute<TPattern, TRuns, TQuery, TKey>(CudaProblem problem, TPattern pattern, int warpgroup, int thread)
        where TPattern : unmanaged, ICudaPattern<TRuns, TQuery, TKey>
        where TRuns : unmanaged
        where TQuery : unmanaged
        where TKey : unmanaged
    {
        Tile.SelectRows(warpgroup);
        int lane = thread & 31;
        int row = (warpgroup * 64) + ((thread >> 5) * 16) + (lane >> 2);
        int column = (lane & 3) * 2;
        float factor = (pattern.HasScore | (problem.ScaleFirst != 0) ? 1f : problem.Scale) * 1.44269504f;
        int keys = 0, values = 0, items = 0;
        Tile.WaitQueriesFull(0);
        int item = Tile.Item(0);
        while (item >= 0)
        {
            WorkItem work = WorkItem.Of(problem, item & TileNote.Position);
            TQuery query0 = pattern.Query(work.PositionOf(row), work.Head, problem.Heads);
            TQuery query1 = pattern.Query(work.PositionOf(row + 8), work.Head, problem.Heads);
            Tile.ClearOutput();
            if ((item & TileNote.NoKeys) == 0)
            {
                // Pass 1: the first tile, alone.
                Tile.WaitKeysFull(keys);
                Tile.StartScores(items, keys);
                int note = Tile.Note(keys);
                Tile.WaitAll();
                Tile.FreeKeys(keys);
                keys = keys + 1;
                PatternScores<TPattern, TRuns, TQuery, TKey>.Apply(pattern, problem, work, query0, query1, note, column, 0, true, 1);
                Tile.StartSoftmax(factor);
                Tile.Pack();

                // Pass 2: the scores of each next tile, while the output of the one before it is summed.
                while (note >= 0)
                {
                    Tile.WaitKeysFull(keys);
                    Tile.StartScores(items, keys);
                    Tile.WaitValuesFull(values);
                    Tile.StartOutput(values);
                    note = Tile.Note(keys);
                    Tile.WaitAllButOne();
                    Tile.FreeKeys(keys);
                    PatternScores<TPattern, TRuns, TQuery, TKey>.Apply(pattern, problem, work, query0, query1, note, column, 0, true, 0);
                    Tile.ContinueSoftmax(factor);
                    Tile.WaitAll();
                    Tile.FreeValues(values);
                    Tile.Pack();
                    Tile.RescaleOutput();
                    keys = keys + 1;
                    values = values + 1;
                }

                // Pass 3: the output of the last tile; the queries are free meanwhile.
                Tile.FreeQueries(items);
                Tile.WaitValuesFull(values);
                Tile.StartOutput(values);
                Tile.EndSoftmax(factor);
                Tile.WaitAll();
                Tile.FreeValues(values);
                values = values + 1;
            }
            else
            {
                Tile.FreeQueries(items);
                Tile.NoSoftmax();
            }

            // Pass 4: the rows that exist.
            int upper = Tile.BrokenRows(0), lower = Tile.BrokenRows(1);
            Store(problem, work, row, lane);
            CarefulRows<TPattern, TRuns, TQuery, TKey>.Mend(problem, pattern, work, row - (lane >> 2), upper, lower, lane);
            items = items + 1;
            Tile.WaitQueriesFull(items);
            item = Tile.Item(items);
        }
    }

    private static void Store(CudaProblem problem, WorkItem work, int row, int lane)
    {
        Tile.RoundOutput();
        TileRows.Store(problem, work, 0, row, lane);
        TileRows.Store(problem, work, 1, row + 8, lane);
    }

}
