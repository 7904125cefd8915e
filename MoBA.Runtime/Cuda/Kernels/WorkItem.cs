namespace MoBA.Runtime.Cuda;

/// <summary>One tile of queries of one head: what a thread block works on at a time. Device code.</summary>
internal struct WorkItem
{
    public int Head, KeyHead;
    public int QueryToken, Queries, Position;
    public int KeyToken, Keys;

    /// <summary>Position of the last query.</summary>
    public readonly int LastPosition => Position + Queries - 1;

    /// <summary>Position of the query of a row; of the last query in rows beyond it.</summary>
    public readonly int PositionOf(int row) => row < Queries ? Position + row : LastPosition;

    /// <summary>Work item <paramref name="item"/>: sections of heads in turn; within a section the tiles in their order, and the
    /// heads of a tile side by side.</summary>
    public static unsafe WorkItem Of(CudaProblem problem, int item)
    {
        int perSection = problem.HeadsTogether * problem.TileCount;
        int section = item / perSection;
        int rest = item - (section * perSection);
        int tile = rest / problem.HeadsTogether;
        int* record = (int*)(problem.Tiles + (tile * 32L));
        WorkItem work = default;
        work.Head = (section * problem.HeadsTogether) + rest - (tile * problem.HeadsTogether);
        work.KeyHead = work.Head / problem.HeadsPerKeyHead;
        work.QueryToken = record[0];
        work.Queries = record[1];
        work.Position = record[2];
        work.KeyToken = record[3];
        work.Keys = record[4];
        return work;
    }
}
