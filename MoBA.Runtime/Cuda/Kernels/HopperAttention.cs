using System.ComponentModel;
using ILGPU;

namespace MoBA.Runtime.Cuda;

/// <summary>
/// Block-sparse attention for Hopper (sm_90a). A block is three warpgroups. One copies: its first thread walks the pattern's key
/// tiles, classifies them, and has the tensor memory accelerator bring them to a ring of shared memory. Two compute, 64 queries
/// each: the next tile's scores are started before this tile's output, so that the softmax runs while the tensor cores work.
/// Blocks take work items, a tile of queries of a head each, until none is left.
/// </summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public static class HopperAttention
{
    private const int Partial = 1 << 30;
    private const int Last = 1 << 31;
    private const int Position = Partial - 1;
    private const int NoKeys = 1 << 30;

    /// <summary>The kernel.</summary>
    public static void Attend<TPattern, TRuns, TQuery, TKey>(CudaProblem problem, TPattern pattern)
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
            if (thread == 0)
                Copy<TPattern, TRuns, TQuery, TKey>(problem, pattern);
        }
        else
        {
            Tile.ClaimRegisters();
            Compute<TPattern, TRuns, TQuery, TKey>(problem, pattern, warpgroup - 1, thread & 127);
        }
    }

    // The copying thread: every work item's queries, and its key and value tiles with what the pattern says of them.
    private static void Copy<TPattern, TRuns, TQuery, TKey>(CudaProblem problem, TPattern pattern)
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
            WorkItem work = WorkItem.Of(problem, item);
            long q0 = work.Position, q1 = work.LastPosition;
            TRuns runs = pattern.Runs(q0, q1, work.Keys, work.Head, keyTile);
            int note = NextTile<TPattern, TRuns, TQuery, TKey>(pattern, runs, work, 0, keyTile);
            Tile.WaitQueriesFree((items & 1) ^ 1);
            Tile.LoadQueries(work.QueryToken, work.Head, note < 0 ? item | NoKeys : item);
            int previous = -1;
            while (note >= 0)
            {
                int k0 = note & Position;
                int next = NextTile<TPattern, TRuns, TQuery, TKey>(pattern, runs, work, k0 + keyTile, keyTile);
                int slot = tiles & 1;
                Tile.WaitKeysFree(slot, ((tiles >> 1) & 1) ^ 1);
                Tile.LoadKeys(slot, work.KeyToken + k0, work.KeyHead, next < 0 ? note | Last : note);
                if (previous >= 0)
                    LoadValues(work, tiles - 1, previous);
                tiles = tiles + 1;
                previous = k0;
                note = next;
            }

            if (previous >= 0)
                LoadValues(work, tiles - 1, previous);
            items = items + 1;
            item = Grid.DimX + Tile.NextItem(problem.Counters);
        }

        Tile.EndItems(problem.Counters, Grid.DimX);
        Tile.WaitQueriesFree((items & 1) ^ 1);
        Tile.EndQueries();
    }

    private static void LoadValues(WorkItem work, int tile, int k0)
    {
        int slot = tile & 1;
        Tile.WaitValuesFree(slot, ((tile >> 1) & 1) ^ 1);
        Tile.LoadValues(slot, work.KeyToken + k0, work.KeyHead);
    }

    // The first tile from k0 on that is not empty, with Partial where it needs a mask; -1 if there is none.
    private static int NextTile<TPattern, TRuns, TQuery, TKey>(TPattern pattern, TRuns runs, WorkItem work, int k0, int keyTile)
        where TPattern : unmanaged, ICudaPattern<TRuns, TQuery, TKey>
        where TRuns : unmanaged
        where TQuery : unmanaged
        where TKey : unmanaged
    {
        int note = -1;
        k0 = pattern.Next(runs, k0);
        while (k0 < work.Keys)
        {
            int end = k0 + keyTile;
            bool whole = end <= work.Keys;
            long k1 = (whole ? end : work.Keys) - 1;
            TileKind kind = pattern.Classify(work.Position, work.LastPosition, k0, k1, work.Head);
            if (kind != TileKind.Empty)
            {
                note = kind == TileKind.Full && whole ? k0 : k0 | Partial;
                k0 = work.Keys;
            }
            else
            {
                k0 = pattern.Next(runs, end);
            }
        }

        return note;
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
        bool scaleFirst = pattern.HasScore | (problem.ScaleFirst != 0);
        float factor = (scaleFirst ? 1f : problem.Scale) * 1.44269504f;
        int keyTiles = 0, valueTiles = 0, items = 0;
        Tile.WaitQueriesFull(0);
        int item = Tile.Item();
        while (item >= 0)
        {
            WorkItem work = WorkItem.Of(problem, item & Position);
            TQuery query0 = pattern.Query(Least(work.Position + row, work.LastPosition), work.Head, problem.Heads);
            TQuery query1 = pattern.Query(Least(work.Position + row + 8, work.LastPosition), work.Head, problem.Heads);
            Tile.ClearOutput();
            if ((item & NoKeys) == 0)
            {
                // Pass 1: the first tile, alone.
                int slot = keyTiles & 1;
                Tile.WaitKeysFull(slot, (keyTiles >> 1) & 1);
                int note = Tile.Note(slot);
                Tile.StartScores(slot);
                Tile.WaitAll();
                Tile.FreeKeys(slot);
                keyTiles = keyTiles + 1;
                if (scaleFirst)
                    Tile.ScaleScores(problem.Scale);
                PatternScores<TPattern, TRuns, TQuery, TKey>.Apply(pattern, problem, work, query0, query1, note, column);
                Tile.StartSoftmax(factor);
                Tile.Pack();

                // Pass 2: the scores of each next tile, while the output of the one before it is summed.
                while (note >= 0)
                {
                    slot = keyTiles & 1;
                    int valueSlot = valueTiles & 1;
                    Tile.WaitKeysFull(slot, (keyTiles >> 1) & 1);
                    note = Tile.Note(slot);
                    Tile.StartScores(slot);
                    Tile.WaitValuesFull(valueSlot, (valueTiles >> 1) & 1);
                    Tile.StartOutput(valueSlot);
                    Tile.WaitAllButOne();
                    Tile.FreeKeys(slot);
                    if (scaleFirst)
                        Tile.ScaleScores(problem.Scale);
                    PatternScores<TPattern, TRuns, TQuery, TKey>.Apply(pattern, problem, work, query0, query1, note, column);
                    Tile.ContinueSoftmax(factor);
                    Tile.WaitAll();
                    Tile.FreeValues(valueSlot);
                    Tile.Pack();
                    Tile.RescaleOutput();
                    keyTiles = keyTiles + 1;
                    valueTiles = valueTiles + 1;
                }

                // Pass 3: the output of the last tile; the queries are free meanwhile.
                Tile.FreeQueries();
                int lastSlot = valueTiles & 1;
                Tile.WaitValuesFull(lastSlot, (valueTiles >> 1) & 1);
                Tile.StartOutput(lastSlot);
                Tile.EndSoftmax(factor);
                Tile.WaitAll();
                Tile.FreeValues(lastSlot);
                valueTiles = valueTiles + 1;
            }
            else
            {
                Tile.FreeQueries();
                Tile.NoSoftmax();
            }

            // Pass 4: the rows that exist.
            Tile.RoundOutput();
            Store(problem, work, 0, row, lane);
            Store(problem, work, 1, row + 8, lane);
            items = items + 1;
            Tile.WaitQueriesFull(items & 1);
            item = Tile.Item();
        }
    }

    private static void Store(CudaProblem problem, WorkItem work, int half, int row, int lane)
    {
        bool exists = row < work.Queries;
        int token = work.QueryToken + row;
        int quad = lane & 3;
        long address = problem.Output + (token * problem.OutputTokenStride) + (work.Head * problem.OutputHeadStride) + (quad * 16L);
        Tile.StoreOutput(half, address, exists ? problem.Dim - (quad * 8) : 0);
        Tile.StoreLse(half, problem.Lse + ((((long)token * problem.Heads) + work.Head) * 4L), exists & (problem.Lse != 0) & (quad == 0));
    }

    private static int Least(int a, int b) => a < b ? a : b;
}
