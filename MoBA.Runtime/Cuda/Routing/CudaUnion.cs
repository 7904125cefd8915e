using System.ComponentModel;
using System.Runtime.InteropServices;

namespace MoBA.Runtime.Cuda;

/// <summary>
/// What tiles of queries choose together, as a parameter of pass "overlap": device pointers and sizes. A tile is one of the attention
/// kernel's, and blocks are numbered within its sequence.
/// </summary>
[EditorBrowsable(EditorBrowsableState.Never)]
[StructLayout(LayoutKind.Sequential)]
public struct CudaUnion
{
    /// <summary><see cref="QueryTile"/> records in the order in which they are started. <see cref="QueryTile.Position"/> of tile n is n times the queries
    /// of a tile, and <see cref="QueryTile.SequencePosition"/> is the position.</summary>
    public long Tiles;

    /// <summary>Sets of blocks, a bit each: int [tiles, route heads, 2, <see cref="Words"/>]: what any query of the tile chose, and what every one did.</summary>
    public long Bits;

    /// <summary>Numbers of <see cref="UnionCount"/>, int [tiles, route heads, 4].</summary>
    public long Counts;

    /// <summary>The path and what it was chosen by: <see cref="UnionVerdict"/>.</summary>
    public long Verdict;

    /// <summary>Tiles of queries.</summary>
    public int TileCount;

    /// <summary>Heads that have routes of their own.</summary>
    public int RouteHeads;

    /// <summary>Words of a set.</summary>
    public int Words;

    /// <summary>The logarithm to base 2 of the queries of a tile.</summary>
    public int TileShift;

    /// <summary>Keys of a tile.</summary>
    public int KeyTile;

    /// <summary>Keys that a row meets for a block on the gathered path: those of its key tiles.</summary>
    public int GatheredKeys;

    /// <summary>The <see cref="AttendPath"/> that was asked for.</summary>
    public int Wanted;
}

/// <summary>Numbers of a tile and a route head, by their places.</summary>
internal static class UnionCount
{
    /// <summary>Blocks that any query chose.</summary>
    public const int Blocks = 0;

    /// <summary>Key tiles with a key of such a block.</summary>
    public const int KeyTiles = 1;

    /// <summary>Blocks that the queries chose, each counted for every one.</summary>
    public const int Routes = 2;

    /// <summary>Queries.</summary>
    public const int Rows = 3;

    /// <summary>Bytes of them.</summary>
    public const int Bytes = 16;
}

/// <summary>What the device tells of its choice: ints, of which each pair from <see cref="Blocks"/> on is one number, the lower half first.</summary>
internal static class UnionVerdict
{
    /// <summary>The <see cref="AttendPath"/>; 0 where nothing was routed.</summary>
    public const int Path = 0;

    /// <summary>Blocks in the unions of tiles, times the rows of the tile.</summary>
    public const int Blocks = 2;

    /// <summary>Keys in the key tiles of unions, times the rows of the tile.</summary>
    public const int Keys = 4;

    /// <summary>Blocks of rows.</summary>
    public const int Routes = 6;

    /// <summary>Tiles times route heads.</summary>
    public const int Tiles = 8;

    /// <summary>Ints of all.</summary>
    public const int Length = 12;
}
