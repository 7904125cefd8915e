using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace MoBA.Runtime.Cpu;

/// <summary>How large the numbers of a tensor are, so that sums which could leave the range of float are known beforehand.</summary>
internal static class Magnitude
{
    /// <summary>The largest sum that is computed without care.</summary>
    public const double Comfort = 1e37;

    /// <summary>The largest score; also two of them, in powers of two, are at a distance that float holds.</summary>
    public const float LargestScore = 1e38f;

    // Careful sums stay below two to this power.
    private const int SafeExponent = 120;

    /// <summary>The largest magnitude among the finite values, and whether there are others.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static float Largest(ReadOnlySpan<float> values, out bool special)
    {
        // Without their sign, floats are ordered as integers are, infinity and NaN after all numbers.
        ReadOnlySpan<int> bits = MemoryMarshal.Cast<float, int>(values);
        Vector256<int> magnitude = Vector256.Create(int.MaxValue);
        Vector256<int> most = Vector256<int>.Zero;
        int i = 0;
        for (; i <= bits.Length - Vector256<int>.Count; i += Vector256<int>.Count)
            most = Vector256.Max(most, Vector256.Create(bits[i..]) & magnitude);
        int largest = 0;
        for (int lane = 0; lane < Vector256<int>.Count; lane++)
            largest = Math.Max(largest, most[lane]);
        for (; i < bits.Length; i++)
            largest = Math.Max(largest, bits[i] & int.MaxValue);

        float result = BitConverter.Int32BitsToSingle(largest);
        special = !float.IsFinite(result);
        return special ? LargestFinite(values) : result;
    }

    /// <summary>The power of two by which sums of at most <paramref name="bound"/> must be divided to fit float; 0 if they do.</summary>
    public static int Excess(double bound) => bound <= Comfort ? 0 : Math.Max(0, Math.ILogB(bound) - SafeExponent);

    /// <summary>Raises <paramref name="to"/> to <paramref name="value"/> unless it is as large; in any order the same.</summary>
    public static void Raise(ref float to, float value)
    {
        float seen = Volatile.Read(ref to);
        while (value > seen)
        {
            float before = Interlocked.CompareExchange(ref to, value, seen);
            if (before == seen)
                return;
            seen = before;
        }
    }

    /// <summary>Multiplies <paramref name="values"/> by two to the power <paramref name="exponent"/>; what is finite stays so.</summary>
    public static void Scale(Span<float> values, int exponent)
    {
        for (int i = 0; i < values.Length; i++)
        {
            if (float.IsFinite(values[i]))
                values[i] = (float)Math.Clamp(Math.ScaleB((double)values[i], exponent), -float.MaxValue, float.MaxValue);
        }
    }

    private static float LargestFinite(ReadOnlySpan<float> values)
    {
        float largest = 0;
        foreach (float value in values)
        {
            if (float.IsFinite(value))
                largest = Math.Max(largest, Math.Abs(value));
        }

        return largest;
    }
}
