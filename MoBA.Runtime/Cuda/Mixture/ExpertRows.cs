using System.ComponentModel;
using System.Runtime.InteropServices;

namespace MoBA.Runtime.Cuda;

/// <summary>What pass "experts" is told of the rows that one expert of a mixture was given, as a parameter of its kernel.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
[StructLayout(LayoutKind.Sequential)]
public struct ExpertRows
{
    /// <summary><see cref="RoutedItem"/> records, [query heads, <see cref="ItemsPerHead"/>].</summary>
    public long Items;

    /// <summary>Query tokens, int [query heads, <see cref="ItemsPerHead"/> * 128]; ascending within an item.</summary>
    public long Lists;

    /// <summary>Numbers of items, int, in the order in which they are attended: experts, their heads, and of a head the last first.</summary>
    public long Order;

    /// <summary>Where a head of an expert begins in <see cref="Order"/>, int [experts * query heads + 1].</summary>
    public long Begins;

    /// <summary>Elements of the log-sum-exps from a row to the next, and from a head to the next.</summary>
    public long LseRowStride, LseHeadStride;

    /// <summary>Items of a head at most.</summary>
    public int ItemsPerHead;

    /// <summary>Expert * query heads: its place in <see cref="Begins"/>.</summary>
    public int Expert;

    /// <summary>The query heads that are attended; the output starts with the first.</summary>
    public int FirstHead, Heads;

    /// <summary>1 where a row is written to its place in the list, 0 where to that of its token.</summary>
    public int ToLists;
}
