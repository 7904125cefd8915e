using System.ComponentModel;
using ILGPU;

namespace MoBA.Runtime.Cuda;

/// <summary>
/// Pass "experts" for Hopper (sm_90a): <see cref="HopperAttention"/> on queries that are gathered row by row from the list of an expert. A
/// thread block is three warpgroups. One gathers the queries of an item, each of its threads one row's, and its first warp walks over the key
/// tiles of the positions between the item's first and last row. Two compute, 64 rows each. Blocks claim items until none is left.
/// </summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public static class HopperExperts
{
    /// <summary>The kernel.</summary>
    public static void Attend<TPattern, TRuns, TQuery, TKey>(CudaProblem problem, TPattern pattern, ExpertRows rows)
        where TPattern : unmanaged, ICudaPattern<TRuns, TQuery, TKey>
        where TRuns : unmanaged
        where TQuery : unmanaged
        where TKey : unmanaged
    {
        Tile.Begin();
        int thread = Group.IdxX;
        if (thread == 0)
            Tile.InitBarriers();
        Tile.SyncBlock();
        int warpgroup = thread >> 7;
        if (warpgroup == 0)
        {
            Tile.ReleaseRegisters();
            Copy<TPattern, TRuns, TQuery, TKey>(problem, pattern, rows, thread);
        }
        else
        {
            Tile.ClaimRegisters();
            Compute<TPattern, TRuns, TQuery, TKey>(problem, pattern, rows, warpgroup - 1, thread & 127);
        }
    }

    // The copying warpgroup. The rows of the next item are on their way before the key tiles of this one are waited for.
    private static void Copy<TPattern, TRuns, TQuery, TKey>(CudaProblem problem, TPattern pattern, ExpertRows rows, int thread)
        where TPattern : unmanaged, ICudaPattern<TRuns, TQuery, TKey>
        where TRuns : unmanaged
        where TQuery : unmanaged
        where TKey : unmanaged
    {
        int all = ListWork.Count(rows), items = 0, tiles = 0, present = -1;
        ListClaims claims = ListClaims.Start(problem, thread);
        while (claims.Item < all | present >= 0)
        {
            int next = claims.Item < all ? claims.Item : -1;
            if (next >= 0)
            {
                Gather<TPattern, TRuns, TQuery, TKey>(problem, pattern, ListWork.Of(problem, rows, next), next, items, thread);
                items = items + 1;
                claims = ListClaims.Next(claims, problem, thread);
            }

            if (present >= 0 & thread < 32)
                tiles = LoadTiles<TPattern, TRuns, TQuery, TKey>(problem, pattern, rows, present, tiles, thread);
            present = next;
        }

        Tile.WaitQueriesFree(items);
        if (thread == 0)
            Tile.Tell(items, ListTold.Item, -1);
        Tile.EndGather(items);
        if (thread < 32)
            Tile.EndItems(problem.Counters, Grid.DimX);
    }

    // Tells an item, and has this thread's row of queries copied; beyond the last row it is that one again.
    private static void Gather<TPattern, TRuns, TQuery, TKey>(CudaProblem problem, TPattern pattern, ListWork work, int item, int items, int thread)
        where TPattern : unmanaged, ICudaPattern<TRuns, TQuery, TKey>
        where TRuns : unmanaged
        where TQuery : unmanaged
        where TKey : unmanaged
    {
        int token = work.TokenOf(thread), note = -1;
        int row = (int)(((token * problem.QueryTokenStride) + (work.Head * problem.QueryHeadStride)) >> 4);
        if (thread < 32)
            note = Start<TPattern, TRuns, TQuery, TKey>(pattern, work, thread).Note;
        Tile.WaitQueriesFree(items);
        Tile.TellEntry(items, thread, token);
        if (thread == 0)
        {
            Tile.Tell(items, ListTold.Item, item);
            Tile.Tell(items, ListTold.Note, note);
            Tile.Tell(items, ListTold.Rows, work.Rows);
            Tile.Tell(items, ListTold.Place, work.Place);
            Tile.Tell(items, ListTold.Head, work.Head);
            Tile.Tell(items, ListTold.Keys, work.Keys);
            Tile.Tell(items, ListTold.QueryShift, work.QueryShift);
        }

        Tile.GatherQueries(items, problem.Q, row, problem.Dim);
    }

    private static TileWalk Start<TPattern, TRuns, TQuery, TKey>(TPattern pattern, ListWork list, int lane)
        where TPattern : unmanaged, ICudaPattern<TRuns, TQuery, TKey>
        where TRuns : unmanaged
        where TQuery : unmanaged
        where TKey : unmanaged
    {
        WorkItem work = list.Range(0, CudaRouting.ItemRows);
        TRuns runs = pattern.Runs(work.Position, work.LastPosition, work.Keys, work.Head, Tile.Keys());
        return TileWalk.Start<TPattern, TRuns, TQuery, TKey>(pattern, runs, work, lane, Tile.Keys());
    }

    // All key tiles of an item, by the first warp; the item is read again, so that no register holds it while others are waited for.
    private static int LoadTiles<TPattern, TRuns, TQuery, TKey>(CudaProblem problem, TPattern pattern, ExpertRows rows, int item, int tiles, int lane)
        where TPattern : unmanaged, ICudaPattern<TRuns, TQuery, TKey>
        where TRuns : unmanaged
        where TQuery : unmanaged
        where TKey : unmanaged
    {
        int keyTile = Tile.Keys(), previous = -1;
        WorkItem work = ListWork.Of(problem, rows, item).Range(0, CudaRouting.ItemRows);
        TRuns runs = pattern.Runs(work.Position, work.LastPosition, work.Keys, work.Head, keyTile);
        TileWalk walk = TileWalk.Start<TPattern, TRuns, TQuery, TKey>(pattern, runs, work, lane, keyTile);
        int note = walk.Note;
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
        return tiles;
    }

    private static void LoadValues(WorkItem work, int tile, int k0)
    {
        Tile.WaitValuesFree(tile);
        Tile.LoadValues(tile, work.KeyToken + k0, work.KeyHead);
    }

    // A computing warpgroup.
    private static void Compute<TPattern, TRuns, TQuery, TKey>(CudaProblem problem, TPattern pattern, ExpertRows rows, int warpgroup, int thread)
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
        int tiles = 0, items = 0;
        Tile.WaitQueriesFull(0);
        int item = Tile.Told(0, ListTold.Item);
        while (item >= 0)
        {
            WorkItem work = default;
            work.Head = Tile.Told(items, ListTold.Head);
            work.Keys = Tile.Told(items, ListTold.Keys);
            int note = Tile.Told(items, ListTold.Note), shift = Tile.Told(items, ListTold.QueryShift);
            TQuery query0 = pattern.Query(Tile.Entry(items, row) + shift, work.Head, problem.Heads);
            TQuery query1 = pattern.Query(Tile.Entry(items, row + 8) + shift, work.Head, problem.Heads);
            Tile.ClearOutput();
            if (note >= 0)
            {
                // Pass 1: the first tile, alone.
                Tile.WaitKeysFull(tiles);
                Tile.StartScores(items, tiles);
                note = Tile.Note(tiles);
                Tile.WaitAll();
                Tile.FreeKeys(tiles);
                PatternScores<TPattern, TRuns, TQuery, TKey>.Apply(pattern, problem, work, query0, query1, note, column, 0, true, 1);
                Tile.StartSoftmax(factor);
                Tile.Pack();

                // Pass 2: the scores of each next tile, while the output of the one before it is summed.
                while (note >= 0)
                {
                    Tile.WaitKeysFull(tiles + 1);
                    Tile.StartScores(items, tiles + 1);
                    Tile.WaitValuesFull(tiles);
                    Tile.StartOutput(tiles);
                    note = Tile.Note(tiles + 1);
                    Tile.WaitAllButOne();
                    Tile.FreeKeys(tiles + 1);
                    PatternScores<TPattern, TRuns, TQuery, TKey>.Apply(pattern, problem, work, query0, query1, note, column, 0, true, 0);
                    Tile.ContinueSoftmax(factor);
                    Tile.WaitAll();
                    Tile.FreeValues(tiles);
                    Tile.Pack();
                    Tile.RescaleOutput();
                    tiles = tiles + 1;
                }

                // Pass 3: the output of the last tile.
                Tile.WaitValuesFull(tiles);
                Tile.StartOutput(tiles);
                Tile.EndSoftmax(factor);
                Tile.WaitAll();
                Tile.FreeValues(tiles);
                tiles = tiles + 1;
            }
            else
            {
                Tile.NoSoftmax();
            }

            // Pass 4: the rows that exist; the queries' slot says where they belong.
            int upper = Tile.BrokenRows(0), lower = Tile.BrokenRows(1);
            Tile.RoundOutput();
            Store<TPattern, TRuns, TQuery, TKey>(problem, rows, items, 0, row, lane);
            Store<TPattern, TRuns, TQuery, TKey>(problem, rows, items, 1, row + 8, lane);
            Warp.Barrier();
            Tile.FreeQueries(items);
            ListRows<TPattern, TRuns, TQuery, TKey>.Mend(problem, pattern, rows, item, row - (lane >> 2), upper, lower, lane);
            items = items + 1;
            Tile.WaitQueriesFull(items);
            item = Tile.Told(items, ListTold.Item);
        }
    }

    private static void Store<TPattern, TRuns, TQuery, TKey>(CudaProblem problem, ExpertRows rows, int items, int ofThread, int row, int lane)
        where TPattern : unmanaged, ICudaPattern<TRuns, TQuery, TKey>
        where TRuns : unmanaged
        where TQuery : unmanaged
        where TKey : unmanaged
    {
        int at = ListRows<TPattern, TRuns, TQuery, TKey>.At(rows, Tile.Told(items, ListTold.Place), row, Tile.Entry(items, row));
        ListRows<TPattern, TRuns, TQuery, TKey>.Store(
            problem, rows, Tile.Told(items, ListTold.Head), at, row < Tile.Told(items, ListTold.Rows), ofThread, lane);
    }
}
