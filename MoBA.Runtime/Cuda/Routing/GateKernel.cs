using System.ComponentModel;
using ILGPU;
using MoBA.Runtime.Portable;

namespace MoBA.Runtime.Cuda;

/// <summary>
/// Pass "gate": a thread block scores a tile of queries of a gate's heads with the centroids of their past blocks, 64 at a time and the latest
/// first, and keeps the best of each row. A score that exceeds the least of its row's list is queued; after half a tile every lane takes what is
/// queued for one row into that row's list. So what most scores cost is a comparison.
/// </summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public static unsafe class GateKernel
{
    /// <summary>For up to eight blocks. Launched over <see cref="CudaRouting.GateTiles"/> * query heads / <see cref="CudaRouting.HeadsPerGate"/>
    /// blocks.</summary>
    public static void Choose8(CudaProblem problem, CudaRouting routing) => Choose<TopList8>(problem, routing);

    /// <summary>For up to 16 blocks.</summary>
    public static void Choose16(CudaProblem problem, CudaRouting routing) => Choose<TopList16>(problem, routing);

    /// <summary>For up to 64 blocks.</summary>
    public static void Choose64(CudaProblem problem, CudaRouting routing) => Choose<TopList64>(problem, routing);

    private static void Choose<TList>(CudaProblem problem, CudaRouting routing)
        where TList : unmanaged, ITopList<TList>
    {
        Tile.Begin();
        int gateHeads = (int)((uint)problem.Heads / (uint)routing.HeadsPerGate);
        int number = (int)((uint)Grid.IdxX / (uint)gateHeads);
        int firstHead = (Grid.IdxX - (number * gateHeads)) * routing.HeadsPerGate;
        QueryTile* tile = (QueryTile*)(routing.Tiles + (number * 32L));
        for (int first = 0; first < tile->Queries; first += Tile.Queries())
        {
            GateWork work = GateWork.Of(problem, routing, tile, first, firstHead);
            TList list = default;
            list = list.Empty(routing.Slots, Tile.Queues() + (Tile.Queries() * GateWork.BytesAhead) + (work.Row * list.Room * sizeof(long)));
            list = Score(problem, routing, work, list);
            GateRoutes<TList>.Write(problem, routing, work, list);
            Memory.Meet();
        }
    }

    private static TList Score<TList>(CudaProblem problem, CudaRouting routing, GateWork work, TList list)
        where TList : unmanaged, ITopList<TList>
    {
        int thread = Group.IdxX, lane = thread & 31;
        if (work.Blocks > 0)
            GateQueries.Prepare(problem, routing, work, thread);
        Tile.ClearThresholds();
        int past = work.PastOf(routing, work.Position);
        SetLimits(routing, work, lane >> 2);

        // Greatest and least keys take turns.
        int kinds = routing.Least == 0 ? 1 : 2;
        int copies = ((work.Blocks + 63) >> 6) * kinds;
        if (copies > 0)
            Copy(problem, routing, work, 0, copies, kinds, thread);
        for (int copy = 0; copy < copies; copy++)
        {
            Warp.Barrier();
            Tile.WaitCopies();
            if (copy + 1 < copies)
                Copy(problem, routing, work, copy + 1, copies, kinds, thread);
            int place = copy & 1;
            bool isLeast = kinds == 2 & place == 1;
            if (isLeast)
            {
                Tile.GateScores(1, place, 1);
                if (routing.HeadsPerGate > 1)
                    Tile.GateScores(3, place, 1);
            }
            else
            {
                Tile.GateScores(0, place, 0);
                if (routing.HeadsPerGate > 1)
                    Tile.GateScores(2, place, 1);
            }

            if (kinds == 1 | isLeast)
            {
                int first = FirstOf(copy, copies, kinds), block = first + ((lane & 3) * 2);
                bool isLimited = first + 64 > past;
                if (list.Room == 8 & copy < 2 * kinds)
                {
                    if (isLimited)
                        Tile.GateFloor(block, 1);
                    else
                        Tile.GateFloor(block, 0);
                }

                // The later half first: of equal gates the later block is there before the other is asked.
                if (isLimited)
                    Tile.QueueScores(1, block, 1);
                else
                    Tile.QueueScores(1, block, 0);
                list = Take(list, work, lane);
                if (isLimited)
                    Tile.QueueScores(0, block, 1);
                else
                    Tile.QueueScores(0, block, 0);
                list = Take(list, work, lane);
            }
        }

        return list;
    }

    private static int FirstOf(int copy, int copies, int kinds) => ((kinds == 1 ? copies - 1 - copy : (copies - 1 - copy) >> 1)) << 6;

    // Eight threads a row.
    private static void Copy(CudaProblem problem, CudaRouting routing, GateWork work, int copy, int copies, int kinds, int thread)
    {
        int row = thread >> 3, piece = thread & 7, first = FirstOf(copy, copies, kinds);
        long from = kinds == 2 & (copy & 1) == 1 ? routing.Least : routing.Centroids;
        long stride = routing.PaddedDim * 2L;
        long at = ((long)work.KeyHead * routing.BlockCount) + work.FirstBlock + first + row;
        Tile.CopyCentroids(copy & 1, from + (at * stride) + (piece * 16L), stride, work.Blocks - first - row, routing.PaddedDim - (piece * 8));
    }

    private static void SetThresholds(float row0, float row1, float row2, float row3)
    {
        Tile.SetThreshold(0, row0);
        Tile.SetThreshold(1, row1);
        Tile.SetThreshold(2, row2);
        Tile.SetThreshold(3, row3);
    }

    private static void SetLimits(CudaRouting routing, GateWork work, int row)
    {
        Tile.SetLimit(0, work.Past(routing, row));
        Tile.SetLimit(1, work.Past(routing, row + 8));
        Tile.SetLimit(2, work.Past(routing, row + 16));
        Tile.SetLimit(3, work.Past(routing, row + 24));
    }

    // What the four lanes of each row have queued goes to the list of the row, by the lane of its number.
    private static TList Take<TList>(TList list, GateWork work, int lane)
        where TList : unmanaged, ITopList<TList>
    {
        if (Tile.EndQueues() != 0)
        {

            // Of lane 4 n + m the row n modulo 8 has queue m, among those of the lanes' rows of one number.
            int queues = Tile.Queues() + ((work.Row >> 3) * 8 * GateWork.QueueBytes) + ((work.Row & 7) * 4 * sizeof(long));
            int taken = Tile.LoadShared(Tile.Queues() + (Tile.Queries() * GateWork.QueueBytes) + (work.Row * sizeof(int)));
            for (taken = work.HasRow ? taken : 0; taken != 0; taken &= taken - 1)
            {
                int place = Tile.LowestBit(taken), at = queues + ((place >> 3) * sizeof(long)) + ((place & 7) * 32 * sizeof(long));
                list = list.With(TopKey.Of(Interop.IntAsFloat((uint)Tile.LoadShared(at)), Tile.LoadShared(at + 4)));
            }

            Warp.Barrier();
            float threshold = TopKey.Gate(list.Least());
            int row = lane >> 2;
            SetThresholds(Warp.Shuffle(threshold, row), Warp.Shuffle(threshold, row + 8), Warp.Shuffle(threshold, row + 16), Warp.Shuffle(threshold, row + 24));
            Warp.Barrier();
        }

        return list;
    }
}

/// <summary>Queries of a gate: up to as many as a tile has, of the heads that share a route. Device code.</summary>
internal unsafe struct GateWork
{
    /// <summary>Bytes of a row's queues.</summary>
    public const int QueueBytes = 4 * 8 * 8;

    /// <summary>Bytes of a row that stand ahead of the lists: its queues, and which of their places are taken.</summary>
    public const int BytesAhead = QueueBytes + sizeof(int);

    /// <summary>The first query's token and position, and how many there are.</summary>
    public int QueryToken, Position, Queries;

    /// <summary>The heads.</summary>
    public int FirstHead, KeyHead;

    /// <summary>Number of the sequence's first block, its blocks, and those that the last query may choose from.</summary>
    public int FirstBlock, AllBlocks, Blocks;

    /// <summary>The row whose list the thread has.</summary>
    public int Row;

    /// <summary>Whether it has one: a warp may have fewer rows than lanes.</summary>
    public bool HasRow;

    public static GateWork Of(CudaProblem problem, CudaRouting routing, QueryTile* tile, int first, int firstHead)
    {
        int thread = Group.IdxX, rows = Tile.Queries() >> 2;
        GateWork work = default;
        work.QueryToken = tile->QueryToken + first;
        work.Position = tile->Position + first;
        work.Queries = PortableMath.Min(tile->Queries - first, Tile.Queries());
        work.FirstHead = firstHead;
        work.KeyHead = (int)((uint)firstHead / (uint)problem.HeadsPerKeyHead);
        work.FirstBlock = tile->FirstBlock;
        work.AllBlocks = routing.ByBlockSize.DivNatural(tile->Keys + routing.BlockSize - 1);
        work.HasRow = (thread & 31) < rows;
        work.Row = ((thread >> 5) * rows) + (work.HasRow ? thread & 31 : 0);
        work.Blocks = work.PastOf(routing, work.Position + work.Queries - 1);
        return work;
    }

    /// <summary>Blocks that have ended before a row of the thread's warp.</summary>
    public readonly int Past(CudaRouting routing, int row) => PastOf(routing, Position + (((Group.IdxX >> 5) * (Tile.Queries() >> 2)) + row));

    /// <summary>Blocks that have ended before a position, of those that there are.</summary>
    public readonly int PastOf(CudaRouting routing, int position) =>
        PortableMath.Min(routing.ByBlockSize.DivNatural(position < 0 ? 0 : position), AllBlocks);
}
