using System.Runtime.CompilerServices;

namespace MoBA.Runtime.Cpu;

/// <summary>
/// Least and greatest value over any run of positions: O(N) to build, O(log N) to ask. Node i stands over nodes 2i and 2i + 1,
/// and the N values are nodes N to 2N - 1; node 0 is unused. Works for every N, because least and greatest do not mind the
/// order in which they are combined.
/// </summary>
internal sealed class RangeTree
{
    private static readonly ConditionalWeakTable<TableContent<int>, RangeTree> s_trees = [];

    /// <summary>Builds both trees.</summary>
    public RangeTree(ReadOnlySpan<int> values)
    {
        int n = values.Length;
        Minima = new int[2 * n];
        Maxima = new int[2 * n];
        values.CopyTo(Minima.AsSpan(n));
        values.CopyTo(Maxima.AsSpan(n));
        for (int i = n - 1; i > 0; i--)
        {
            Minima[i] = Math.Min(Minima[2 * i], Minima[(2 * i) + 1]);
            Maxima[i] = Math.Max(Maxima[2 * i], Maxima[(2 * i) + 1]);
        }
    }

    /// <summary>The trees of a table's content, built once.</summary>
    public static RangeTree Of(TableContent<int> content) => s_trees.GetValue(content, static content => new(content.Values));

    /// <summary>The nodes that hold least values.</summary>
    public int[] Minima { get; }

    /// <summary>The nodes that hold greatest values.</summary>
    public int[] Maxima { get; }

    /// <summary>Least value over [<paramref name="lo"/>, <paramref name="hi"/>], ends included and inside the table.</summary>
    public int Min(int lo, int hi)
    {
        int result = int.MaxValue, n = Minima.Length / 2;
        for (int left = lo + n, right = hi + n + 1; left < right; left >>= 1, right >>= 1)
        {
            if ((left & 1) != 0)
                result = Math.Min(result, Minima[left++]);
            if ((right & 1) != 0)
                result = Math.Min(result, Minima[--right]);
        }

        return result;
    }

    /// <summary>Greatest value over [<paramref name="lo"/>, <paramref name="hi"/>], ends included and inside the table.</summary>
    public int Max(int lo, int hi)
    {
        int result = int.MinValue, n = Maxima.Length / 2;
        for (int left = lo + n, right = hi + n + 1; left < right; left >>= 1, right >>= 1)
        {
            if ((left & 1) != 0)
                result = Math.Max(result, Maxima[left++]);
            if ((right & 1) != 0)
                result = Math.Max(result, Maxima[--right]);
        }

        return result;
    }
}
