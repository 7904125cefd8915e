using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace MoBA.Runtime.Cpu;

/// <summary>
/// An <c>int</c> table that a predicate reads by position, with what a tile's proof needs of it: the least and the greatest
/// value over a run of positions in O(log N). It holds a copy of the values, so later changes of the source are not seen.
/// </summary>
public sealed unsafe class IntTable
{
    private readonly int[] _values;
    private readonly bool _monotone;
    private readonly string _name;
    private readonly RangeTree? _ranges;

    /// <summary>Copies and checks a table.</summary>
    /// <param name="values">The values by position.</param>
    /// <param name="monotone">Whether the author promises that the values never decrease.</param>
    /// <param name="name">The table's name for messages.</param>
    /// <exception cref="ArgumentException"><paramref name="values"/> is null, or decreases in spite of the promise.</exception>
    public IntTable(int[]? values, bool monotone, string name)
        : this(Given(values, name), monotone, name)
    {
    }

    /// <inheritdoc cref="IntTable(int[], bool, string)"/>
    public IntTable(ReadOnlyMemory<int> values, bool monotone, string name)
    {
        TableContent<int> content = TableContent<int>.Of(values);
        _values = content.Values;
        _monotone = monotone;
        _name = name;
        if (monotone)
            CheckNeverDecreases(content, name);
        else
            _ranges = RangeTree.Of(content);
    }

    /// <summary>Number of values.</summary>
    public int Length => _values.Length;

    /// <summary>The value at a position.</summary>
    public int this[long index] => _values[index];

    /// <summary>Least value over positions <paramref name="lo"/> to <paramref name="hi"/>, both included. Positions outside the
    /// table do not exist: the run is cut to the table, and to its nearest end where nothing is left of it.</summary>
    public int Min(long lo, long hi)
    {
        (int first, int last) = Cut(lo, hi);
        return _ranges is null ? _values[first] : _ranges.Min(first, last);
    }

    /// <summary>Greatest value over positions <paramref name="lo"/> to <paramref name="hi"/>, both included; cut as in
    /// <see cref="Min"/>.</summary>
    public int Max(long lo, long hi)
    {
        (int first, int last) = Cut(lo, hi);
        return _ranges is null ? _values[last] : _ranges.Max(first, last);
    }

    /// <summary>First position of a monotone table whose value is at least <paramref name="value"/>; <see cref="Length"/> if
    /// there is none.</summary>
    public int FirstAtLeast(long value)
    {
        RequireMonotone();
        int lo = 0, hi = _values.Length;
        while (lo < hi)
        {
            int middle = (int)(((uint)lo + (uint)hi) >> 1);
            if (_values[middle] < value)
                lo = middle + 1;
            else
                hi = middle;
        }

        return lo;
    }

    /// <summary>Last position of a monotone table whose value is at most <paramref name="value"/>; -1 if there is none.</summary>
    public int LastAtMost(long value) => FirstAtLeast(value + 1) - 1;

    /// <summary>The values at sixteen positions.</summary>
    /// <exception cref="IndexOutOfRangeException">A position is outside the table.</exception>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public Vector512<int> Gather(Vector512<int> index)
    {
        TableIndex.Check(index, _values.Length);
        fixed (int* values = _values)
        {
            if (Avx2.IsSupported)
            {
                return Vector512.Create(
                    Avx2.GatherVector256(values, index.GetLower(), sizeof(int)),
                    Avx2.GatherVector256(values, index.GetUpper(), sizeof(int)));
            }

            Vector512<int> result = default;
            for (int lane = 0; lane < Vector512<int>.Count; lane++)
                result = result.WithElement(lane, values[index[lane]]);
            return result;
        }
    }

    /// <summary>Checks that the table has a value for every position from <paramref name="first"/> to <paramref name="last"/>,
    /// both included.</summary>
    /// <returns>This table.</returns>
    /// <exception cref="ArgumentException">It has not.</exception>
    public IntTable Covering(long first, long last)
    {
        TableIndex.CheckCovers(_name, _values.Length, first, last);
        return this;
    }

    private static ReadOnlyMemory<int> Given(int[]? values, string name) => values
        ?? throw new ArgumentException($"table '{name}' is null; give it one value for every position.", name);

    private static void CheckNeverDecreases(TableContent<int> content, string name)
    {
        if (content.FirstDecrease is var i and > 0)
        {
            throw new ArgumentException(
                $"[Monotone] table '{name}' decreases at index {i} ({content.Values[i]} after {content.Values[i - 1]}); sort it, or take [Monotone] away.",
                name);
        }
    }

    private (int First, int Last) Cut(long lo, long hi)
    {
        int last = _values.Length - 1;
        if (last < 0)
            throw new InvalidOperationException($"table '{_name}' is empty and has no least or greatest value.");
        return ((int)Math.Clamp(lo, 0, last), (int)Math.Clamp(hi, 0, last));
    }

    private void RequireMonotone()
    {
        if (!_monotone)
            throw new InvalidOperationException($"table '{_name}' is not [Monotone] and cannot be searched by value.");
    }
}
