using System.ComponentModel;
using MoBA.Runtime.Portable;

namespace MoBA.Runtime.Cuda;

/// <summary>An int table in device memory, as tensor-core kernels read it.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public struct CudaTable
{
    /// <summary>Device address of the values by position.</summary>
    public long Values;

    /// <summary>Device address of the least values over runs: node i stands over nodes 2i and 2i + 1, and the N values are nodes N
    /// to 2N - 1. The values themselves where the table is monotone.</summary>
    public long Minima;

    /// <summary>Device address of the greatest values over runs, as <see cref="Minima"/>.</summary>
    public long Maxima;

    /// <summary>Number of values.</summary>
    public int Length;

    /// <summary>1 where the values never decrease, else 0.</summary>
    public int IsMonotone;

    /// <summary>The value at a position.</summary>
    public readonly int this[long index] => At(Values, index);

    /// <summary>Least value over positions <paramref name="lo"/> to <paramref name="hi"/>, both included; the run is cut to the
    /// table, and to its nearest end where nothing is left of it.</summary>
    public readonly int Min(long lo, long hi)
    {
        lo = PortableMath.Clamp(lo, 0, Length - 1);
        hi = PortableMath.Clamp(hi, 0, Length - 1);
        if (IsMonotone != 0)
            return At(Values, lo);

        int result = int.MaxValue;
        for (long left = lo + Length, right = hi + Length + 1; left < right; left >>= 1, right >>= 1)
        {
            if ((left & 1) != 0)
                result = PortableMath.Min(result, At(Minima, left++));
            if ((right & 1) != 0)
                result = PortableMath.Min(result, At(Minima, --right));
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
            return At(Values, hi);

        int result = int.MinValue;
        for (long left = lo + Length, right = hi + Length + 1; left < right; left >>= 1, right >>= 1)
        {
            if ((left & 1) != 0)
                result = PortableMath.Max(result, At(Maxima, left++));
            if ((right & 1) != 0)
                result = PortableMath.Max(result, At(Maxima, --right));
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
            if (At(Values, middle) < value)
                lo = middle + 1;
            else
                hi = middle;
        }

        return lo;
    }

    /// <summary>Last position of a monotone table whose value is at most <paramref name="value"/>; -1 if there is none.</summary>
    public readonly int LastAtMost(long value) => FirstAtLeast(value + 1) - 1;

    private static unsafe int At(long address, long index) => *(int*)(address + (index * 4));
}

/// <summary>A float table in device memory, for score modifiers.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public struct CudaFloatTable
{
    /// <summary>Device address of the values by position.</summary>
    public long Values;

    /// <summary>The value at a position.</summary>
    public readonly unsafe float this[long index] => *(float*)(Values + (index * 4));
}
