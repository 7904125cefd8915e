using System.ComponentModel;
using ILGPU;
using MoBA.Runtime.Portable;

namespace MoBA.Runtime.Cuda;

/// <summary>
/// Float functions of score modifiers in tensor-core kernels. They run on every score while a product of the tensor cores is under
/// way, so none has a branch, and polynomials do most of the work: the unit of special functions has the softmax to do, and ILGPU's
/// own functions are routines. Reciprocals and square roots become one instruction each in <see cref="TileLowering"/>. Unless said
/// otherwise results are within 1e-6 of <see cref="MathF"/>'s, relative; subnormal ones may be 0.
/// </summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public static class CudaMath
{
    // Added and taken away again it rounds to the nearest integer, which then stands in the low bits.
    private const float Rounder = 12582912f;

    /// <summary><paramref name="whenTrue"/> or <paramref name="whenFalse"/>; both have been computed.</summary>
    public static int Select(bool condition, int whenTrue, int whenFalse) => condition ? whenTrue : whenFalse;

    /// <summary><paramref name="whenTrue"/> or <paramref name="whenFalse"/>; both have been computed.</summary>
    public static float Select(bool condition, float whenTrue, float whenFalse) => condition ? whenTrue : whenFalse;

    /// <summary>The lesser; for numbers, not NaN.</summary>
    public static float Min(float a, float b) => PortableMath.Min(a, b);

    /// <summary>The greater; for numbers, not NaN.</summary>
    public static float Max(float a, float b) => PortableMath.Max(a, b);

    /// <summary>The magnitude, not of <see cref="int.MinValue"/>: one instruction, where ptxas makes three of a choice.</summary>
    public static int Abs(int x) => IntrinsicMath.Abs(x);

    /// <summary>The magnitude.</summary>
    public static float Abs(float x) => PortableMath.Abs(x);

    /// <summary><paramref name="x"/> held between <paramref name="lo"/> and <paramref name="hi"/>.</summary>
    public static float Clamp(float x, float lo, float hi) => Min(Max(x, lo), hi);

    /// <summary>The greatest integer that is not above <paramref name="x"/>.</summary>
    public static float Floor(float x)
    {
        // A greater number has no fraction.
        float toZero = (int)x;
        float floor = toZero - Select(toZero > x, 1f, 0f);
        return Select(Abs(x) < 8388608f, floor, x);
    }

    /// <summary>The least integer that is not below <paramref name="x"/>.</summary>
    public static float Ceiling(float x) => -Floor(-x);

    /// <summary>a / b, for |b| from 2^-126 to 2^126.</summary>
    public static float Divide(float a, float b) => a * (1f / b);

    /// <summary>The square root.</summary>
    public static float Sqrt(float x) => MathF.Sqrt(x);

    /// <summary>e to the power <paramref name="x"/>.</summary>
    public static float Exp(float x)
    {
        // x = n ln 2 + r, ln 2 in two pieces so that the first product is exact; e^r to 3e-9.
        x = Min(Max(x, -104f), 89f);
        float shifted = (x * 1.44269504f) + Rounder;
        float n = shifted - Rounder;
        float r = x - (n * 0.693359375f) + (n * 2.12194440e-4f);
        float tail = 0.5f + (r * (0.166665186f + (r * (0.041666206f + (r * (8.36891306e-3f + (r * 1.39504737e-3f)))))));
        return Scale(1f + (r + (r * r * tail)), shifted);
    }

    /// <summary>2 to the power <paramref name="x"/>.</summary>
    public static float Exp2(float x)
    {
        x = Min(Max(x, -150f), 128f);
        float shifted = x + Rounder;
        float r = x - (shifted - Rounder);
        float tail = 0.240226511f + (r * (0.0555032721f + (r * (9.61803596e-3f + (r * (1.34004322e-3f + (r * 1.54673655e-4f)))))));
        return Scale(1f + ((r * 0.693147207f) + (r * r * tail)), shifted);
    }

    /// <summary>Natural logarithm.</summary>
    public static float Log(float x)
    {
        float exponent = Split(x, out float rest);
        return ForEdges(x, (exponent * 0.693359375f) + ((exponent * -2.12194440e-4f) + LogNearOne(rest)));
    }

    /// <summary>Logarithm to base 2.</summary>
    public static float Log2(float x)
    {
        float exponent = Split(x, out float rest);
        return ForEdges(x, exponent + (LogNearOne(rest) * 1.44269504f));
    }

    /// <summary><paramref name="x"/> to the power <paramref name="y"/>; the error grows with the result's exponent, to 2e-5 at 2^100
    /// or 2^-100.</summary>
    public static float Pow(float x, float y)
    {
        float size = Exp2(y * Log2(Abs(x)));
        float half = y * 0.5f;
        bool isWhole = Floor(y) == y;
        bool isOdd = isWhole & (Floor(half) != half);
        size = Select((x < 0f) & isOdd, -size, size);
        size = Select((x < 0f) & !isWhole, float.NaN, size);
        return Select(y == 0f, 1f, size);
    }

    /// <summary>Hyperbolic tangent: an odd polynomial over an even one, to 6e-8, both of x held where the result is not yet 1.</summary>
    public static float Tanh(float x)
    {
        x = Min(Max(x, -9f), 9f);
        float u = x * x;
        float above = 0.999999941f + (u * (0.129192687f + (u * (2.92080353e-3f + (u * (9.26777004e-6f
            + (u * (-1.27813669e-8f + (u * 1.82573084e-11f)))))))));
        float below = 1f + (u * (0.462525527f + (u * (0.0237633436f + (u * 2.28105752e-4f)))));
        return x * above * (1f / below);
    }

    /// <summary>The size below which <see cref="TanhNear"/> is right for x.</summary>
    public static float NearLimit(float rate) => 0.5f / Abs(rate);

    /// <summary><paramref name="factor"/> * tanh(x * <paramref name="rate"/>) + <paramref name="offset"/> of an argument below 1/2: a
    /// polynomial in x, to 6e-7 of the product, whose coefficients are the same wherever the factor and the rate are.</summary>
    public static float TanhNear(float x, float factor, float rate, float offset)
    {
        float squared = rate * rate, first = factor * rate, third = first * squared, fifth = third * squared;
        float a = Whole(first * 0.999999463558197f), b = Whole(third * -0.33326318860054016f);
        float c = Whole(fifth * 0.13190296292304993f), d = Whole(fifth * squared * -0.04440222680568695f);
        float u = x * x;
        return (x * (a + (u * (b + (u * (c + (u * d))))))) + offset;
    }

    // A product that stays one: ptxas would break it up, to multiply and add in one instruction, for every x anew.
    private static float Whole(float product) => Max(product, float.MinValue);

    /// <summary>Sine of an angle in radians, to 1e-6, as long as the angle is below 10000.</summary>
    public static float Sin(float x) => SinOfQuarters(x, 0);

    /// <summary>Cosine of an angle in radians, as <see cref="Sin"/>.</summary>
    public static float Cos(float x) => SinOfQuarters(x, 1);

    // Of an angle to which quarter turns are added.
    private static float SinOfQuarters(float x, int quarters)
    {
        float shifted = (x * 0.636619772f) + Rounder;
        float rest = PortableMath.Reduced(x, shifted - Rounder);
        return PortableMath.SinOfQuarter(rest, (int)Interop.FloatAsInt(shifted) + quarters);
    }

    // x times 2 to the integer in the low bits, in two steps because the power itself may be no float.
    private static float Scale(float x, float shifted)
    {
        int n = (int)Interop.FloatAsInt(shifted) - 0x4B400000;
        int half = n >> 1;
        return x * Power(half) * Power(n - half);
    }

    private static float Power(int n) => Interop.IntAsFloat((uint)((n + 127) << 23));

    // x = 2^exponent (1 + rest), rest in [-1/3, 1/3].
    private static float Split(float x, out float rest)
    {
        bool isSubnormal = x < 1.17549435e-38f;
        int bits = (int)Interop.FloatAsInt(Select(isSubnormal, x * 16777216f, x));
        int exponent = (bits - 0x3F2AAAAB) >> 23;
        rest = Interop.IntAsFloat((uint)(bits - (exponent << 23))) - 1f;
        return exponent - Select(isSubnormal, 24f, 0f);
    }

    private static float LogNearOne(float x) => x + (x * x * (-0.499999344f + (x * (0.333332065f + (x * (-0.250079079f
        + (x * (0.200107815f + (x * (-0.164145538f + (x * (0.140012083f + (x * (-0.153953157f + (x * 0.140029095f)))))))))))))));

    // The logarithm of no positive finite number.
    private static float ForEdges(float x, float logarithm)
    {
        logarithm = Select(x == 0f, float.NegativeInfinity, logarithm);
        logarithm = Select(x < 0f, float.NaN, logarithm);
        return Select(x < float.PositiveInfinity, logarithm, x);
    }
}
