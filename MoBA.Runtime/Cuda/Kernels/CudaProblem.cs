using System.ComponentModel;
using System.Runtime.InteropServices;

namespace MoBA.Runtime.Cuda;

/// <summary>One launch of a tensor-core kernel, as its parameter: device pointers and sizes. Strides are in bytes.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
[StructLayout(LayoutKind.Sequential)]
public struct CudaProblem
{
    /// <summary>Queries [query tokens, query heads, dim].</summary>
    public long Q;

    /// <summary>Keys [key tokens, key heads, dim].</summary>
    public long K;

    /// <summary>Values [key tokens, key heads, dim].</summary>
    public long V;

    /// <summary>Output [query tokens, query heads, dim].</summary>
    public long Output;

    /// <summary>Natural log-sum-exp, dense [query tokens, query heads], or 0.</summary>
    public long Lse;

    /// <summary><see cref="QueryTile"/> records, one a tile of queries, in the order in which they are started.</summary>
    public long Tiles;

    /// <summary>Two counters, both 0 between launches: work items taken beyond the first of each block, and blocks that have ended.</summary>
    public long Counters;

    /// <summary>From one query token to the next.</summary>
    public long QueryTokenStride;

    /// <summary>From one query head to the next.</summary>
    public long QueryHeadStride;

    /// <summary>From one key token to the next.</summary>
    public long KeyTokenStride;

    /// <summary>From one key head to the next.</summary>
    public long KeyHeadStride;

    /// <summary>From one value token to the next.</summary>
    public long ValueTokenStride;

    /// <summary>From one value head to the next.</summary>
    public long ValueHeadStride;

    /// <summary>From one output token to the next.</summary>
    public long OutputTokenStride;

    /// <summary>From one output head to the next.</summary>
    public long OutputHeadStride;

    /// <summary>Tiles of queries of a head, all sequences together.</summary>
    public int TileCount;

    /// <summary>Query heads.</summary>
    public int Heads;

    /// <summary>Query heads that share a key head.</summary>
    public int HeadsPerKeyHead;

    /// <summary>Query heads whose tiles are started together, so that their keys and values stay in the L2 cache.</summary>
    public int HeadsTogether;

    /// <summary>Tiles times heads.</summary>
    public int Items;

    /// <summary>Components of a row, a multiple of 8.</summary>
    public int Dim;

    /// <summary>Factor of the raw scores.</summary>
    public float Scale;

    /// <summary>1 where the scores are multiplied by <see cref="Scale"/> before their maximum is taken, else 0.</summary>
    public int ScaleFirst;

    /// <summary>Where the device keeps which path a call takes, an int; 0 for a launch that always runs. Elsewhere a block ends at once
    /// unless <see cref="Path"/> stands there.</summary>
    public long Turn;

    /// <summary>The path that the launch is a part of.</summary>
    public long Path;
}

/// <summary>One tile of queries of a sequence, as the device reads it: 32 bytes.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
[StructLayout(LayoutKind.Sequential)]
public struct QueryTile
{
    /// <summary>Token of its first query.</summary>
    public int QueryToken;

    /// <summary>Its queries.</summary>
    public int Queries;

    /// <summary>Absolute position of its first query.</summary>
    public int Position;

    /// <summary>Token of the first key of its sequence.</summary>
    public int KeyToken;

    /// <summary>Keys of its sequence.</summary>
    public int Keys;

    /// <summary>Number of the first key block of its sequence, for a block gate.</summary>
    public int FirstBlock;

    /// <summary>Absolute position of its first query too, where <see cref="Position"/> is a number by which a pattern finds the tile again.</summary>
    public int SequencePosition;

    /// <summary>Unused, for 32 bytes.</summary>
    public int Reserved1;
}
