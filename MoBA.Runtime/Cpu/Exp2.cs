using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace MoBA.Runtime.Cpu;

/// <summary>
/// Vectorised 2^x for x at most a little above 0, within about one ulp; 0 from -127 down, so 2^-infinity is exactly 0. NaN stays
/// NaN.
/// </summary>
internal static class Exp2
{
    // 1.5 * 2^23 makes the addition round to an integer, and 127 puts the exponent's bias beside it: the sum's lowest bits are
    // the exponent field of 2^round(x), and at -127 they are 0, so the product is 0.
    private const float Rounder = 12582912f + 127f;
    private const float Lowest = -127f;

    // Polynomial of 2^r on [-1/2, 1/2] with the least relative error, 9.4e-8, of those that are exactly 1 at 0.
    private const float C1 = 0.6931470036506653f;
    private const float C2 = 0.24022246897220612f;
    private const float C3 = 0.0555071085691452f;
    private const float C4 = 0.009671294130384922f;
    private const float C5 = 0.0013269571354612708f;

    /// <summary>2^x of sixteen lanes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Of(Vector512<float> x)
    {
        x = Vector512.MaxNative(Vector512.Create(Lowest), x);
        Vector512<float> rounded = x + Vector512.Create(Rounder);
        Vector512<float> r = x - (rounded - Vector512.Create(Rounder));
        Vector512<float> p = Vector512.MultiplyAddEstimate(Vector512.Create(C5), r, Vector512.Create(C4));
        p = Vector512.MultiplyAddEstimate(p, r, Vector512.Create(C3));
        p = Vector512.MultiplyAddEstimate(p, r, Vector512.Create(C2));
        p = Vector512.MultiplyAddEstimate(p, r, Vector512.Create(C1));
        p = Vector512.MultiplyAddEstimate(p, r, Vector512<float>.One);
        return p * Vector512.ShiftLeft(rounded.AsInt32(), 23).AsSingle();
    }

    /// <summary>2^x of eight lanes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Of(Vector256<float> x)
    {
        x = Vector256.MaxNative(Vector256.Create(Lowest), x);
        Vector256<float> rounded = x + Vector256.Create(Rounder);
        Vector256<float> r = x - (rounded - Vector256.Create(Rounder));
        Vector256<float> p = Vector256.MultiplyAddEstimate(Vector256.Create(C5), r, Vector256.Create(C4));
        p = Vector256.MultiplyAddEstimate(p, r, Vector256.Create(C3));
        p = Vector256.MultiplyAddEstimate(p, r, Vector256.Create(C2));
        p = Vector256.MultiplyAddEstimate(p, r, Vector256.Create(C1));
        p = Vector256.MultiplyAddEstimate(p, r, Vector256<float>.One);
        return p * Vector256.ShiftLeft(rounded.AsInt32(), 23).AsSingle();
    }
}
