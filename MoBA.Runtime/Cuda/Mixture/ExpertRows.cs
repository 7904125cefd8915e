using System.ComponentModel;
using System.Runtime.InteropServices;

namespace MoBA.Runtime.Cuda;

/// <summary>
/// What pass "experts" is told of the rows that one expert of a mixture was given, as a parameter of its kernel. The lists are those of pass
/// "index", whose blocks are here the sequences of an expert: number expert * sequences + sequence, and behind them one that nobody chose.
/// </summary>
[EditorBrowsable(EditorBrowsableState.Never)]
[StructLayout(LayoutKind.Sequential)]
public struct ExpertRows
{
    /// <summary><see cref="RoutedItem"/> records, [query heads, <see cref="ItemsPerHead"/>].</summary>
    public long Items;

    /// <summary>Query tokens, int [query heads, <see cref="ItemsPerHead"/> * 128]; ascending within an item.</summary>
    public long Lists;

    /// <summary>The first item of each block, int [query heads, <see cref="BlockCount"/>].</summary>
    public long FirstItems;

    /// <summary>Elements of the log-sum-exps from a row to the next, and from a head to the next.</summary>
    public long LseRowStride, LseHeadStride;

    /// <summary>Items of a head at most.</summary>
    public int ItemsPerHead;

    /// <summary>Blocks of all experts.</summary>
    public int BlockCount;

    /// <summary>The first block of the expert, and the one behind its last.</summary>
    public int FirstBlock, EndBlock;

    /// <summary>The query head that work item 0 is of; the output starts with it.</summary>
    public int FirstHead;

    /// <summary>1 where a row is written to its place in the list, 0 where to that of its token.</summary>
    public int ToLists;
}
