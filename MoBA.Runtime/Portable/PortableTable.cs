using ILGPU;

namespace MoBA.Runtime.Portable;

/// <summary>An int table on the device. Built by <see cref="PortableLaunch.Table(ReadOnlyMemory{int}, bool)"/>.</summary>
public struct PortableTable
{
    /// <summary>The values by position.</summary>
    public ArrayView<int> Values;

    /// <summary>Least values over runs: node i stands over nodes 2i and 2i + 1, and the N values are nodes N to 2N - 1. Holds the
    /// values themselves where the table is monotone.</summary>
    public ArrayView<int> Minima;

    /// <summary>Greatest values over runs, as <see cref="Minima"/>.</summary>
    public ArrayView<int> Maxima;

    /// <summary>Number of values.</summary>
    public int Length;

    /// <summary>1 where the values never decrease, else 0.</summary>
    public int IsMonotone;

    /// <summary>The value at a position.</summary>
    public readonly int this[long index] => Values[index];

    /// <summary>Least value over positions <paramref name="lo"/> to <paramref name="hi"/>, both included; the run is cut to the
    /// table, and to its nearest end where nothing is left of it.</summary>
    public readonly int Min(long lo, long hi)
    {
        lo = PortableMath.Clamp(lo, 0, Length - 1);
        hi = PortableMath.Clamp(hi, 0, Length - 1);
        if (IsMonotone != 0)
            return Values[lo];

        int result = int.MaxValue;
        for (long left = lo + Length, right = hi + Length + 1; left < right; left >>= 1, right >>= 1)
        {
            if ((left & 1) != 0)
                result = PortableMath.Min(result, Minima[left++]);
            if ((right & 1) != 0)
                result = PortableMath.Min(result, Minima[--right]);
        }

        return result;
    }

    /// <summary>Greatest value over positions <paramref name="lo"/> to <paramref name="hi"/>, both included; cut as in
    /// <see cref="Min"/>.</summary>
    public readonly int Max(long lo, long hi)
    {
        lo = PortableMath.Clamp(lo, 0, Length - 1);
        hi = PortableMath.Clamp(hi, 0, Length - 1);
        if (IsMonotone != 0)
            return Values[hi];

        int result = int.MinValue;
        for (long left = lo + Length, right = hi + Length + 1; left < right; left >>= 1, right >>= 1)
        {
            if ((left & 1) != 0)
                result = PortableMath.Max(result, Maxima[left++]);
            if ((right & 1) != 0)
                result = PortableMath.Max(result, Maxima[--right]);
        }

        return result;
    }

    /// <summary>First position of a monotone table whose value is at least <paramref name="value"/>; <see cref="Length"/> if
    /// there is none.</summary>
    public readonly int FirstAtLeast(long value)
    {
        int lo = 0, hi = Length;
        while (lo < hi)
        {
            int middle = (int)(((uint)lo + (uint)hi) >> 1);
            if (Values[(long)middle] < value)
                lo = middle + 1;
            else
                hi = middle;
        }

        return lo;
    }

    /// <summary>Last position of a monotone table whose value is at most <paramref name="value"/>; -1 if there is none.</summary>
    public readonly int LastAtMost(long value) => FirstAtLeast(value + 1) - 1;
}

/// <summary>A float table on the device, for score modifiers.</summary>
public struct PortableFloatTable
{
    /// <summary>The values by position.</summary>
    public ArrayView<float> Values;

    /// <summary>The value at a position.</summary>
    public readonly float this[long index] => Values[index];
}
