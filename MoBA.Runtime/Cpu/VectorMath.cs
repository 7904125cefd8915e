using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace MoBA.Runtime.Cpu;

/// <summary>
/// What generated score modifiers and predicates compute on sixteen lanes: the functions of <see cref="float"/> within a few
/// units of the last place of <see cref="MathF"/>, special values as there, and C#'s integer division.
/// </summary>
public static class VectorMath
{
    /// <summary>Lanes of all ones where a condition that is the same for all of them holds.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<int> Mask(bool condition) => condition ? Vector512<int>.AllBitsSet : Vector512<int>.Zero;

    // Above it, the vector sine and cosine of the runtime lose bits to their range reduction.
    private const float LargestAngle = 16384f;

    /// <summary>e to the power x.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Exp(Vector512<float> x) => Vector512.Exp(x);

    /// <summary>2 to the power x.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Exp2(Vector512<float> x)
    {
        // 2^x = 2^n e^(f ln 2) with n the nearest integer: f is exact, so x ln 2 is not rounded at the size of x. The power 2^n
        // goes in as two factors, so that results below the normal numbers come out right.
        Vector512<float> clamped = Clamp(x, Vector512.Create(-160f), Vector512.Create(160f));
        Vector512<float> whole = Vector512.Round(clamped);
        Vector512<int> n = Vector512.ConvertToInt32(whole);
        Vector512<int> half = n >> 1;
        Vector512<float> result = Vector512.Exp((clamped - whole) * 0.69314718f) * PowerOfTwo(half) * PowerOfTwo(n - half);
        return Vector512.ConditionalSelect(Vector512.IsNaN(x), x, result);
    }

    /// <summary>Natural logarithm.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Log(Vector512<float> x) => Vector512.Log(x);

    /// <summary>Logarithm to base 2.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Log2(Vector512<float> x) => Vector512.Log2(x);

    /// <summary>Hyperbolic tangent.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Tanh(Vector512<float> x)
    {
        // Near 0 the odd Taylor series, whose next term is below 2^-26 of x; beyond, (1 - t) / (1 + t) with t = e^-2|x| below a
        // half, which has nothing to cancel there and goes to 1 by itself.
        Vector512<float> size = Vector512.Abs(x);
        Vector512<float> square = x * x;
        Vector512<float> tail = Vector512.MultiplyAddEstimate(square, Vector512.Create(0.0088632355f), Vector512.Create(-0.021869489f));
        tail = Vector512.MultiplyAddEstimate(tail, square, Vector512.Create(0.053968254f));
        tail = Vector512.MultiplyAddEstimate(tail, square, Vector512.Create(-0.13333333f));
        tail = Vector512.MultiplyAddEstimate(tail, square, Vector512.Create(0.33333333f));
        Vector512<float> small = x - x * square * tail;
        Vector512<float> t = Cpu.Exp2.Of(size * -2.8853900817779268f);
        Vector512<float> large = Vector512.CopySign((Vector512<float>.One - t) / (Vector512<float>.One + t), x);
        return Vector512.ConditionalSelect(Vector512.LessThan(size, Vector512.Create(0.35f)), small, large);
    }

    /// <summary>Sine of angles in radians.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Sin(Vector512<float> x) =>
        Vector512.LessThanOrEqualAll(Vector512.Abs(x), Vector512.Create(LargestAngle)) ? Vector512.Sin(x) : Each(x, MathF.Sin);

    /// <summary>Cosine of angles in radians.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Cos(Vector512<float> x) =>
        Vector512.LessThanOrEqualAll(Vector512.Abs(x), Vector512.Create(LargestAngle)) ? Vector512.Cos(x) : Each(x, MathF.Cos);

    /// <summary>Square root.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Sqrt(Vector512<float> x) => Vector512.Sqrt(x);

    /// <summary>x to the power y; lane by lane, as its special cases are many.</summary>
    public static Vector512<float> Pow(Vector512<float> x, Vector512<float> y)
    {
        Vector512<float> result = default;
        for (int lane = 0; lane < Vector512<float>.Count; lane++)
            result = result.WithElement(lane, MathF.Pow(x[lane], y[lane]));
        return result;
    }

    /// <summary>The magnitude.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Abs(Vector512<float> x) => Vector512.Abs(x);

    /// <summary>The lesser; NaN where either is.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Min(Vector512<float> x, Vector512<float> y) => Vector512.Min(x, y);

    /// <summary>The greater; NaN where either is.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Max(Vector512<float> x, Vector512<float> y) => Vector512.Max(x, y);

    /// <summary>x held between <paramref name="lo"/> and <paramref name="hi"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Clamp(Vector512<float> x, Vector512<float> lo, Vector512<float> hi) => Vector512.Clamp(x, lo, hi);

    /// <summary>The greatest integer not above x.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Floor(Vector512<float> x) => Vector512.Floor(x);

    /// <summary>The least integer not below x.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Ceiling(Vector512<float> x) => Vector512.Ceiling(x);

    /// <summary>x / <paramref name="divisor"/> as C# truncates, for a positive divisor.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<int> Divide(Vector512<int> x, int divisor)
    {
        // Both ints are exact in double. A quotient that is no integer is at least 1 / divisor, more than 2^-32, away from one,
        // and the division rounds by less than 2^-53 of at most 2^31: truncation finds the right integer.
        (Vector512<long> lower, Vector512<long> upper) = Vector512.Widen(x);
        Vector512<double> by = Vector512.Create((double)divisor);
        lower = Vector512.ConvertToInt64(Vector512.ConvertToDouble(lower) / by);
        upper = Vector512.ConvertToInt64(Vector512.ConvertToDouble(upper) / by);
        return Vector512.Narrow(lower, upper);
    }

    /// <summary>x % <paramref name="divisor"/> as C# does it, the sign being that of x, for a positive divisor.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<int> Remainder(Vector512<int> x, int divisor) => x - Divide(x, divisor) * divisor;

    private static Vector512<float> PowerOfTwo(Vector512<int> n) => ((n + Vector512.Create(127)) << 23).AsSingle();

    private static Vector512<float> Each(Vector512<float> x, Func<float, float> function)
    {
        Vector512<float> result = default;
        for (int lane = 0; lane < Vector512<float>.Count; lane++)
            result = result.WithElement(lane, function(x[lane]));
        return result;
    }
}
