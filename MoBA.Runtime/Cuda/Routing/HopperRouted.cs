using System.ComponentModel;
using ILGPU;

namespace MoBA.Runtime.Cuda;

/// <summary>
/// Pass "routed" for Hopper (sm_90a): attention of rows that chose a block. A thread block is three warpgroups. One gathers the queries of
/// an item, each of its threads one row's, and its first warp has the tensor memory accelerator bring keys and values, which stay while
/// items of the same block follow each other. Two compute, 64 rows each. Blocks claim four items at a time until none is left.
/// </summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public static class HopperRouted
{
    /// <summary>The kernel.</summary>
    public static void Attend<TPattern, TRuns, TQuery, TKey>(CudaProblem problem, TPattern pattern, CudaRouting routing)
        where TPattern : unmanaged, ICudaPattern<TRuns, TQuery, TKey>
        where TRuns : unmanaged
        where TQuery : unmanaged
        where TKey : unmanaged
    {
        Tile.Begin();
        if (!Turns.IsOf(routing))
            return;
        int thread = Group.IdxX;
        if (thread == 0)
            Tile.InitBarriers();
        Tile.SyncBlock();
        int warpgroup = thread >> 7;
        if (warpgroup == 0)
        {
            Tile.ReleaseRegisters();
            Copy<TPattern, TRuns, TQuery, TKey>(problem, pattern, routing, thread);
        }
        else
        {
            Tile.ClaimRegisters();
            Compute<TPattern, TRuns, TQuery, TKey>(problem, pattern, routing, warpgroup - 1, thread & 127);
        }
    }

    // The copying warpgroup. A tile that stays is asked for with the rows of the first item that meets it. Where a block has several, the rows of
    // the next item are on their way before the tiles of this one are waited for.
    private static void Copy<TPattern, TRuns, TQuery, TKey>(CudaProblem problem, TPattern pattern, CudaRouting routing, int thread)
        where TPattern : unmanaged, ICudaPattern<TRuns, TQuery, TKey>
        where TRuns : unmanaged
        where TQuery : unmanaged
        where TKey : unmanaged
    {
        int keyTile = Tile.Keys();
        bool stays = routing.BlockSize <= keyTile;
        int all = routing.ListHeadsTogether * routing.ItemsPerHead;
        RoutedClaims claims = RoutedClaims.Start(problem, thread);
        RoutedFetch next = RoutedFetch.Of(problem, routing, claims.Item, all, thread);
        claims = RoutedClaims.Next(claims, problem, all, thread);
        RoutedFetch after = RoutedFetch.Of(problem, routing, claims.Item, all, thread);
        if (next.Work.Rows > 0)
            next.Last = next.Work.Listed(next.Work.Rows - 1);
        RoutedFetch work = default;
        RoutedWork last = default;
        int items = 0, tiles = 0, block = -1, note = -1;
        while (next.Item < all | work.Work.Rows > 0)
        {
            int nextNote = -1;
            if (next.Work.Rows > 0)
            {
                nextNote = Gather<TPattern, TRuns, TQuery, TKey>(problem, pattern, routing, next, items, thread, keyTile);
                items = items + 1;
                int unique = next.Work.UniqueBlock(routing);
                if (stays & unique != block)
                {
                    if (thread < 32)
                        LoadTile(next.Work, tiles, next.Work.Position, nextNote);
                    tiles = tiles + 1;
                    block = unique;
                }

                last = next.Work;
            }

            claims = RoutedClaims.Next(claims, problem, all, thread);
            RoutedFetch later = RoutedFetch.Of(problem, routing, claims.Item, all, thread);
            if (after.Work.Rows > 0)
                after.Last = after.Work.Listed(after.Work.Rows - 1);
            if (!stays & work.Work.Rows > 0 & thread < 32)
                tiles = LoadTiles<TPattern, TRuns, TQuery, TKey>(pattern, routing, work, note, tiles, keyTile);
            work = next;
            note = nextNote;
            next = after;
            after = later;
        }

        Tile.WaitQueriesFree(items);
        if (thread == 0)
            Tile.Tell(items, RoutedTold.Item, -1);
        Tile.EndGather(items);
        if (thread < 32)
        {
            // Those who compute start scores ahead, also behind the last item.
            if (!stays & items > 0)
                LoadTile(last, tiles, last.Position, TileNote.Last);
            Tile.EndItems(problem.Counters, Grid.DimX);
        }
    }

    // All tiles of a block that a row sees, and the first in any case.
    private static int LoadTiles<TPattern, TRuns, TQuery, TKey>(TPattern pattern, CudaRouting routing, RoutedFetch fetch, int note, int tiles, int keyTile)
        where TPattern : unmanaged, ICudaPattern<TRuns, TQuery, TKey>
        where TRuns : unmanaged
        where TQuery : unmanaged
        where TKey : unmanaged
    {
        while (note >= 0)
        {
            int k0 = note & TileNote.Position;
            int following = RoutedTiles<TPattern, TRuns, TQuery, TKey>.From(
                pattern, fetch.Work, fetch.FirstPosition(routing), fetch.LastPosition(routing), k0 + keyTile, keyTile);
            LoadTile(fetch.Work, tiles, k0, following < 0 ? note | TileNote.Last : note);
            tiles = tiles + 1;
            note = following;
        }

        return tiles;
    }

    private static void LoadTile(RoutedWork work, int tile, int k0, int note)
    {
        int token = work.KeyToken + k0 - work.Position;
        Tile.WaitKeysFree(tile);
        Tile.LoadKeys(tile, token, work.KeyHead, note);
        Tile.WaitValuesFree(tile);
        Tile.LoadValues(tile, token, work.KeyHead);
    }

    // Tells an item, and has this thread's row of queries copied; returns its first key tile that a row sees, or the block's first.
    private static int Gather<TPattern, TRuns, TQuery, TKey>(
        CudaProblem problem, TPattern pattern, CudaRouting routing, RoutedFetch fetch, int items, int thread, int keyTile)
        where TPattern : unmanaged, ICudaPattern<TRuns, TQuery, TKey>
        where TRuns : unmanaged
        where TQuery : unmanaged
        where TKey : unmanaged
    {
        RoutedWork work = fetch.Work;

        // Rows beyond the last are as the first; nobody looks at what becomes of them.
        int entry = thread < work.Rows ? fetch.Entry : fetch.First;
        int token = RoutedWork.TokenOf(routing, entry);
        int head = work.HeadOf(routing, entry, token);
        int row = (int)(((token * problem.QueryTokenStride) + (head * problem.QueryHeadStride)) >> 4);
        int note = RoutedTiles<TPattern, TRuns, TQuery, TKey>.From(
            pattern, work, fetch.FirstPosition(routing), fetch.LastPosition(routing), work.Position, keyTile);
        if (note < 0)
            note = work.Position | TileNote.Partial;
        Tile.WaitQueriesFree(items);
        Tile.TellEntry(items, thread, entry);
        if (thread == 0)
        {
            Tile.Tell(items, RoutedTold.Item, fetch.Item);
            Tile.Tell(items, RoutedTold.Note, note);
            Tile.Tell(items, RoutedTold.Rows, work.Rows);
            Tile.Tell(items, RoutedTold.Keys, work.UniqueBlock(routing));
            Tile.Tell(items, RoutedTold.ListHead, work.ListHead);
            Tile.Tell(items, RoutedTold.EndPosition, work.EndPosition);
            Tile.Tell(items, RoutedTold.QueryShift, work.QueryShift);
        }

        Tile.GatherQueries(items, problem.Q, row, problem.Dim);
        return note;
    }

    // A computing warpgroup. The scores of an item are started before the item before it is written: the tensor cores have work meanwhile.
    private static void Compute<TPattern, TRuns, TQuery, TKey>(CudaProblem problem, TPattern pattern, CudaRouting routing, int warpgroup, int thread)
        where TPattern : unmanaged, ICudaPattern<TRuns, TQuery, TKey>
        where TRuns : unmanaged
        where TQuery : unmanaged
        where TKey : unmanaged
    {
        Tile.SelectRows(warpgroup);
        int lane = thread & 31;
        int firstRow = (warpgroup * 64) + ((thread >> 5) * 16), row = firstRow + (lane >> 2);
        float factor = (pattern.HasScore | (problem.ScaleFirst != 0) ? 1f : problem.Scale) * 1.44269504f;
        bool stays = routing.BlockSize <= Tile.Keys();
        int tiles = 0, items = 0;
        Tile.WaitQueriesFull(0);
        Tile.LookAtTold(0);
        int item = Tile.ToldWord(RoutedTold.Item), rows = Tile.ToldWord(RoutedTold.Rows), block = Tile.ToldWord(RoutedTold.Keys);
        int note = Tile.ToldWord(RoutedTold.Note);
        if (item >= 0)
        {
            Tile.WaitKeysFull(0);
            Tile.StartScores(0, 0);
        }

        while (item >= 0)
        {
            // Pass 1: the first tile, alone.
            note = stays ? note | TileNote.Last : Tile.Note(tiles);
            Tile.ClearOutput();
            Tile.WaitAll();
            if (!stays)
                Tile.FreeKeys(tiles);
            Apply<TPattern, TRuns, TQuery, TKey>(problem, pattern, routing, items, note, row, lane);
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
                Apply<TPattern, TRuns, TQuery, TKey>(problem, pattern, routing, items, note, row, lane);
                Tile.ContinueSoftmax(factor);
                Tile.WaitAll();
                Tile.FreeValues(tiles);
                Tile.Pack();
                Tile.RescaleOutput();
                tiles = tiles + 1;
            }

            // Pass 3: the output of the last tile, and behind it the scores of the next item; there is a tile for them also behind the last one.
            Tile.FreeQueries(items);
            Tile.WaitValuesFull(tiles);
            Tile.StartOutput(tiles);
            Tile.WaitQueriesFull(items + 1);
            Tile.LookAtTold(items + 1);
            int nextItem = Tile.ToldWord(RoutedTold.Item), nextRows = Tile.ToldWord(RoutedTold.Rows);
            int nextBlock = nextItem < 0 ? block : Tile.ToldWord(RoutedTold.Keys);
            note = Tile.ToldWord(RoutedTold.Note);
            bool moves = !stays | nextBlock != block;
            int nextTile = moves ? tiles + 1 : tiles;
            Tile.WaitKeysFull(nextTile);
            Tile.StartScores(items + 1, nextTile);
            Tile.EndSoftmax(factor);
            Tile.WaitAllButOne();
            if (moves)
            {
                if (stays)
                    Tile.FreeKeys(tiles);
                Tile.FreeValues(tiles);
            }

            // Pass 4: partials, in the order of the list.
            Tile.RoundPartial();
            int upper = Tile.BrokenPartials(0), lower = Tile.BrokenPartials(1);
            RoutedRows<TPattern, TRuns, TQuery, TKey>.StoreWarp(routing, ((long)item * CudaRouting.ItemRows) + firstRow, rows - firstRow, lane);
            if ((upper | lower) != 0)
                Tile.WaitPartials();
            RoutedRows<TPattern, TRuns, TQuery, TKey>.Mend(problem, pattern, routing, item, firstRow, upper, lower, lane);
            items = items + 1;
            tiles = nextTile;
            block = nextBlock;
            rows = nextRows;
            item = nextItem;
        }

        Tile.WaitAll();
        Tile.WaitPartials();
        if (!stays & items > 0)
            Tile.WaitValuesFull(tiles);
    }

    // What the pattern makes of a tile's scores; past blocks of a causal one are whole, and ask for nothing.
    private static void Apply<TPattern, TRuns, TQuery, TKey>(
        CudaProblem problem, TPattern pattern, CudaRouting routing, int items, int note, int row, int lane)
        where TPattern : unmanaged, ICudaPattern<TRuns, TQuery, TKey>
        where TRuns : unmanaged
        where TQuery : unmanaged
        where TKey : unmanaged
    {
        if (pattern.HasScore | problem.ScaleFirst != 0 | (note & TileNote.Partial) != 0)
        {
            WorkItem work = default;
            work.Head = Tile.Told(items, RoutedTold.ListHead) * routing.HeadsPerList;
            work.Keys = Tile.Told(items, RoutedTold.EndPosition);
            int shift = Tile.Told(items, RoutedTold.QueryShift);
            TQuery query0 = Query<TPattern, TRuns, TQuery, TKey>(problem, pattern, routing, Tile.Entry(items, row), shift, work.Head);
            TQuery query1 = Query<TPattern, TRuns, TQuery, TKey>(problem, pattern, routing, Tile.Entry(items, row + 8), shift, work.Head);
            PatternScores<TPattern, TRuns, TQuery, TKey>.Apply(pattern, problem, work, query0, query1, note, (lane & 3) * 2, 0, true, 1);
        }
    }

    private static TQuery Query<TPattern, TRuns, TQuery, TKey>(
        CudaProblem problem, TPattern pattern, CudaRouting routing, int entry, int shift, int firstHead)
        where TPattern : unmanaged, ICudaPattern<TRuns, TQuery, TKey>
        where TRuns : unmanaged
        where TQuery : unmanaged
        where TKey : unmanaged
    {
        int token = RoutedWork.TokenOf(routing, entry);
        return pattern.Query(token + shift, firstHead + entry - (token * routing.HeadsPerList), problem.Heads);
    }
}
