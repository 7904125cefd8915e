using System.ComponentModel;
using ILGPU;

namespace MoBA.Runtime.Cuda;

/// <summary>
/// Pass "gate": a thread block scores a tile of queries of a gate's heads with the centroids of their past blocks, the latest first, and keeps
/// the best of each row. Of a group of 32 blocks the scores go to shared memory, and those that exceed the least of their row's list are
/// marked; then every lane takes what is marked of one row into that row's list. So what most scores cost is a comparison.
/// </summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public static unsafe class GateKernel
{
    /// <summary>Launched over <see cref="CudaRouting.GateTiles"/> * query heads / <see cref="CudaRouting.HeadsPerGate"/> blocks.</summary>
    public static void Choose(CudaProblem problem, CudaRouting routing)
    {
        Tile.Begin();
        int gateHeads = (int)((uint)problem.Heads / (uint)routing.HeadsPerGate);
        int number = (int)((uint)Grid.IdxX / (uint)gateHeads);
        int firstHead = (Grid.IdxX - (number * gateHeads)) * routing.HeadsPerGate;
        QueryTile* tile = (QueryTile*)(routing.Tiles + (number * 32L));
        for (int first = 0; first < tile->Queries; first += Tile.Queries())
        {
            GateWork work = GateWork.Of(problem, routing, tile, first, firstHead);

            // Where sums of scores have left the range of float, once more, with smaller queries.
            int turns = work.Blocks > routing.Slots ? 1 : 0;
            for (int turn = 0; turn < turns; turn++)
            {
                GateQueries.Load(problem, routing, work, turn);
                Score(routing, work);
                turns = turn == 0 & routing.HeadsPerGate == 1 && !IsFinite() ? 2 : 1;
            }

            // Read again, so that no register holds it meanwhile.
            work = GateWork.Of(problem, routing, tile, first, firstHead);
            if (turns > 0)
                GateRoutes.Write(routing, work);
            else
                GateRoutes.WriteAll(routing, work);
            Memory.Meet();
        }
    }

    private static void Score(CudaRouting routing, GateWork work)
    {
        Tile.ClearList(routing.Slots);
        if (Tile.SizeOfGate(GateSize.Listed) > 0)
            GateHeap.Clear(routing, work);
        int keys = Tile.Keys(), places = Tile.SizeOfGate(GateSize.Stages);
        int stages = (int)((uint)(work.Blocks + keys - 1) / (uint)keys);
        Copy(routing, work, 0);
        for (int stage = 0; stage < stages; stage++)
        {
            Warp.Barrier();
            Tile.WaitCopies();
            bool isMore = stage + 1 < stages;
            if (isMore & places == 2)
                Copy(routing, work, stage + 1);
            for (int column = keys - GateSize.Group; column >= 0; column -= GateSize.Group)
            {
                int first = work.Blocks - ((stage + 1) * keys) + column;
                if (first > -GateSize.Group)
                {
                    bool isFirst = stage == 0 & column == keys - GateSize.Group;
                    ScoreGroup(routing, work, places == 2 ? stage & 1 : 0, column, first, isFirst & Tile.SizeOfGate(GateSize.Listed) == 0);
                }
            }

            if (isMore & places == 1)
            {
                Memory.Meet();
                Copy(routing, work, stage + 1);
            }
        }
    }

    // The first group is scored twice: once for a floor that keeps most of its blocks out of the lists.
    private static void ScoreGroup(CudaRouting routing, GateWork work, int place, int column, int first, bool withFloor)
    {
        int valid = work.Valid(first);
        for (int half = withFloor ? 3 : 1; half >= 0; half--)
        {
            Score(routing, place, (column >> 4) + (half & 1));
            Tile.StageScores(half & 1);
            Tile.MarkScores();
            if (half == 2)
            {
                Warp.Barrier();
                Tile.SetThresholds(Tile.Floor(valid));
                Warp.Barrier();
            }
        }

        Warp.Barrier();
        int marks = Tile.Marks() & valid;
        while (marks != 0)
        {
            int bit = Tile.HighestBit(marks);
            marks ^= 1 << bit;
            float score = Tile.RowScore(bit);
            if (Tile.SizeOfGate(GateSize.Listed) == 0)
                Tile.Insert(score, first + bit);
            else
                GateHeap.Insert(routing, work, TopKey.Of(score, first + bit));
        }

        Warp.Barrier();
        Tile.SetThresholds(Tile.SizeOfGate(GateSize.Listed) == 0 ? Tile.LeastKept() : TopKey.Gate(GateHeap.Least(work)));
        Warp.Barrier();
    }

    // 16 blocks.
    private static void Score(CudaRouting routing, int place, int sixteenth)
    {
        if (routing.HeadsPerGate > 1)
        {
            // Parts of sums; where there are two kinds of keys, two parts meet the first and two the second.
            int parts = Tile.SizeOfGate(GateSize.Parts);
            Tile.ClearScores();
            for (int part = 0; part < parts; part++)
            {
                Tile.LoadPart(part);
                Tile.GateScores(0, routing.Least == 0 ? place : (place * 2) + (part >> 1), sixteenth);
            }
        }
        else if (routing.Least == 0)
        {
            Tile.GateScores(0, place, sixteenth);
        }
        else
        {
            Tile.GateScores(1, place * 2, sixteenth);
            Tile.GateScores(2, (place * 2) + 1, sixteenth);
        }
    }

    private static void Copy(CudaRouting routing, GateWork work, int stage)
    {
        int first = work.Blocks - ((stage + 1) * Tile.Keys()), place = Tile.SizeOfGate(GateSize.Stages) == 2 ? stage & 1 : 0;
        long at = (((long)work.KeyHead * routing.BlockCount) + work.FirstBlock + first) * routing.PaddedDim * 2;
        if (routing.Least == 0)
        {
            Tile.CopyCentroids(place, routing.Centroids + at, first);
        }
        else
        {
            Tile.CopyCentroids(place * 2, routing.Centroids + at, first);
            Tile.CopyCentroids((place * 2) + 1, routing.Least + at, first);
        }
    }

    // Whether the whole block's scores are.
    private static bool IsFinite()
    {
        int flag = Tile.SizeOfGate(GateSize.FlagAt);
        Memory.Meet();
        if (Group.IdxX == 0)
            Tile.StoreShared(flag, 1);
        Memory.Meet();
        if (Tile.IsFinite() == 0)
            Tile.StoreShared(flag, 0);
        Memory.Meet();
        return Tile.LoadShared(flag) != 0;
    }
}
