using ILGPU;
using MoBA.Runtime.Portable;

namespace MoBA.Runtime.Cuda;

/// <summary>Sizes of a gate's tiles, by their numbers in <see cref="Tile.SizeOfGate"/>. Device code.</summary>
internal static class GateSize
{
    /// <summary>Keys of a row's list in shared memory; 0 where lists are in registers.</summary>
    public const int Listed = 0;

    /// <summary>Bytes in shared memory ahead of lists.</summary>
    public const int ListsAt = 1;

    /// <summary>Stages of centroids: two take turns.</summary>
    public const int Stages = 2;

    /// <summary>Parts of queries that are sums; 0 where they are none.</summary>
    public const int Parts = 3;

    /// <summary>Bytes in shared memory ahead of parts.</summary>
    public const int PartsAt = 4;

    /// <summary>Bytes in shared memory ahead of a word of the block.</summary>
    public const int FlagAt = 5;

    /// <summary>Biased exponent that is given to rows whose elements are scaled.</summary>
    public const int Exponent = 6;

    /// <summary>Bytes of a part.</summary>
    public const int PartBytes = 7;

    /// <summary>Blocks of a group.</summary>
    public const int Group = 32;
}

/// <summary>Queries of a gate: up to as many as a tile has, of the heads that share a route. Device code.</summary>
internal unsafe struct GateWork
{
    /// <summary>The first query's token and position, and how many there are.</summary>
    public int QueryToken, Position, Queries;

    /// <summary>The heads.</summary>
    public int FirstHead, KeyHead;

    /// <summary>Number of the sequence's first block, and blocks that the last query may choose from.</summary>
    public int FirstBlock, Blocks;

    /// <summary>The row whose list the lane has, and the blocks that it may choose from; none where it has no row.</summary>
    public int Row, Past;

    /// <summary>Whether the lane has a row: a warp may have fewer rows than lanes, and a tile more than queries.</summary>
    public readonly bool HasRow => Row < Queries;

    public static GateWork Of(CudaProblem problem, CudaRouting routing, QueryTile* tile, int first, int firstHead)
    {
        int rows = RowsOfWarp(), lane = Group.IdxX & 31, row = (lane >> 2) + ((lane & 3) * 8);
        int all = routing.ByBlockSize.DivNatural(tile->Keys + routing.BlockSize - 1);
        GateWork work = default;
        work.QueryToken = tile->QueryToken + first;
        work.Position = tile->Position + first;
        work.Queries = PortableMath.Min(tile->Queries - first, Tile.Queries());
        work.FirstHead = firstHead;
        work.KeyHead = (int)((uint)firstHead / (uint)problem.HeadsPerKeyHead);
        work.FirstBlock = tile->FirstBlock;
        work.Blocks = PastOf(routing, work.Position + work.Queries - 1, all);
        work.Row = row < rows ? ((Group.IdxX >> 5) * rows) + row : int.MaxValue;
        work.Past = work.HasRow ? PastOf(routing, work.Position + work.Row, all) : 0;
        return work;
    }

    /// <summary>Rows of a warp, of which lane n has row n / 4 + 8 (n % 4).</summary>
    public static int RowsOfWarp() => Tile.Queries() >> 2;

    /// <summary>Which blocks of a group the lane's row may choose, a bit each.</summary>
    /// <param name="first">The group's first block, above -32.</param>
    public readonly int Valid(int first)
    {
        int end = Past - first;
        int valid = end >= GateSize.Group ? -1 : end <= 0 ? 0 : (1 << end) - 1;
        return first < 0 ? valid & -(1 << -first) : valid;
    }

    // Blocks that have ended before a position.
    private static int PastOf(CudaRouting routing, int position, int all) =>
        PortableMath.Min(routing.ByBlockSize.DivNatural(position < 0 ? 0 : position), all);
}
