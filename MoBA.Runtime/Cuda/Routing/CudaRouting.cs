using System.ComponentModel;
using System.Runtime.InteropServices;

namespace MoBA.Runtime.Cuda;

/// <summary>
/// What the passes of a block-gated expert share, as a parameter of their kernels: device pointers and sizes. Blocks are numbered over
/// all sequences of a call; slots are the past blocks of a query, TopK - 1 of them. Lists are kept per list head: a key head, whose
/// entries are all query heads that read it, or a query head where a pattern tells heads apart.
/// </summary>
[EditorBrowsable(EditorBrowsableState.Never)]
[StructLayout(LayoutKind.Sequential)]
public struct CudaRouting
{
    /// <summary>Rows of an item, and of its part of a list.</summary>
    internal const int ItemRows = 128;

    /// <summary><see cref="KeyBlock"/> records, [<see cref="BlockCount"/>].</summary>
    public long Blocks;

    /// <summary>Mean or greatest keys, elements [key heads, <see cref="BlockCount"/>, <see cref="PaddedDim"/>], 0 beyond the dim.</summary>
    public long Centroids;

    /// <summary>Least keys, laid out as <see cref="Centroids"/>; 0 where those are means.</summary>
    public long Least;

    /// <summary><see cref="QueryTile"/> records of at most <see cref="GateRows"/> queries of a sequence, with
    /// <see cref="QueryTile.FirstBlock"/>.</summary>
    public long Tiles;

    /// <summary>Chosen past blocks, int [query heads, query tokens, <see cref="SlotStride"/>], ascending, then -1.</summary>
    public long Routes;

    /// <summary>Where they are in the lists of the list head, laid out as <see cref="Routes"/>: the index of the entry, and of the row of
    /// <see cref="Partials"/>; unspecified where there is no route.</summary>
    public long Places;

    /// <summary>Scratch of pass "index": int [list heads, <see cref="CountTiles"/>, <see cref="BlockCount"/>], queries of a tile that chose a
    /// block; then how many of them are ahead of the tile's.</summary>
    public long Counts;

    /// <summary>Scratch of pass "index": int [list heads, <see cref="BlockCount"/>], the entries of a block, then its first item.</summary>
    public long FirstItems;

    /// <summary><see cref="RoutedItem"/> records, [list heads, <see cref="ItemsPerHead"/>], those of a head first and then some without rows.
    /// Items of a block stand side by side, blocks ascending.</summary>
    public long Items;

    /// <summary>Who chose a block: int [list heads, <see cref="ItemsPerHead"/> * 128], for each item its rows, ascending: query token *
    /// <see cref="HeadsPerList"/> + head within the list head. Beyond an item's rows unspecified.</summary>
    public long Lists;

    /// <summary>Outputs of routed rows, elements [list heads from <see cref="FirstListHead"/> on, <see cref="ItemsPerHead"/> * 128,
    /// <see cref="PaddedDim"/>], normalised and in the order that <c>Tile.StorePartial</c> gives a row.</summary>
    public long Partials;

    /// <summary>Their log-sum-exps to base e, float, laid out as <see cref="Partials"/> without the last dimension.</summary>
    public long PartialLse;

    /// <summary>Log-sum-exps of rows, float [query tokens, query heads]: of what they attend in their own blocks, and then of all.</summary>
    public long Lse;

    /// <summary>Where the device keeps which path the call takes, an int; 0 where it is known to be the gathered one. Elsewhere a block ends at
    /// once unless that is what stands there.</summary>
    public long Turn;

    /// <summary>Keys in a block.</summary>
    public int BlockSize;

    /// <summary>Divides by <see cref="BlockSize"/>.</summary>
    public CudaDivisor ByBlockSize;

    /// <summary>Past blocks of a query at most, TopK - 1; at least 1.</summary>
    public int Slots;

    /// <summary><see cref="Slots"/> rounded up to a multiple of 4.</summary>
    public int SlotStride;

    /// <summary>Key blocks of all sequences.</summary>
    public int BlockCount;

    /// <summary>Tiles of <see cref="Tiles"/>.</summary>
    public int GateTiles;

    /// <summary>Query heads whose gates are summed: those of a key head, or 1.</summary>
    public int HeadsPerGate;

    /// <summary>Query heads of a list head: those of a key head, or 1.</summary>
    public int HeadsPerList;

    /// <summary>Divides by <see cref="HeadsPerList"/>.</summary>
    public CudaDivisor ByHeadsPerList;

    /// <summary>List heads.</summary>
    public int ListHeads;

    /// <summary>Entries of a list head that pass "index" has at a time: <see cref="CountTiles"/> times <see cref="CountRows"/> cover
    /// query tokens * <see cref="HeadsPerList"/>.</summary>
    public int CountTiles;

    /// <summary>Most items of a list head.</summary>
    public int ItemsPerHead;

    /// <summary>The first list head that <see cref="Partials"/> has rows of, and that attend and finish are launched for.</summary>
    public int FirstListHead;

    /// <summary>List heads that <see cref="Partials"/> has rows of.</summary>
    public int ListHeadsTogether;

    /// <summary>Elements of a row of <see cref="Centroids"/> and <see cref="Partials"/>: 64, 128 or 256.</summary>
    public int PaddedDim;

    /// <summary>Query tokens.</summary>
    public int QueryTokens;

    /// <summary>Queries of a tile of the gate.</summary>
    internal const int GateRows = 128;

    /// <summary>Entries of a tile of pass "index".</summary>
    internal const int CountRows = 1024;

    /// <summary>Index of a query's first slot.</summary>
    internal readonly long SlotsOf(long token, int head) => (((long)head * QueryTokens) + token) * SlotStride;
}

/// <summary>A block of keys, as the device reads it: 16 bytes.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
[StructLayout(LayoutKind.Sequential)]
public struct KeyBlock
{
    /// <summary>Token of its first key.</summary>
    public int KeyToken;

    /// <summary>Its keys; fewer than the block size at the end of a sequence.</summary>
    public int Keys;

    /// <summary>Position of its first key in the sequence.</summary>
    public int Position;

    /// <summary>What makes a position of a query token of its sequence: position = token + this.</summary>
    public int QueryShift;
}

/// <summary>Rows that chose one block, and the block: what a thread block attends with at a time. 32 bytes.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
[StructLayout(LayoutKind.Sequential)]
public struct RoutedItem
{
    /// <summary>The block.</summary>
    public int Block;

    /// <summary>How many rows, 1 to 128; 0 behind the last item of a list head.</summary>
    public int Rows;

    /// <summary>As the block's record has it.</summary>
    public int KeyToken, Keys, Position, QueryShift;

    /// <summary>Unused, for 32 bytes.</summary>
    public int Reserved0, Reserved1;

    internal const int Bytes = 32;
}
