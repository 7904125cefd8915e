using ILGPU;
using ILGPU.Algorithms;

namespace MoBA.Runtime.Portable;

/// <summary>
/// Arithmetic of generated portable kernels, from functions alone that ILGPU compiles rightly for every device: integers exact
/// as C#, floats within a few units of the last place for score modifiers.
/// </summary>
public static class PortableMath
{
    /// <summary><paramref name="x"/> / <paramref name="divisor"/> as C# truncates, for a positive divisor. The remainder goes
    /// first: a division by a power of two is compiled to a shift, signed or not, which rounds a negative number down unless it
    /// is a multiple.</summary>
    public static int Div(int x, int divisor) => (x - (x % divisor)) / divisor;

    /// <inheritdoc cref="Div(int, int)"/>
    public static long Div(long x, long divisor) => (x - (x % divisor)) / divisor;

    /// <summary><paramref name="x"/> % <paramref name="divisor"/> as C# does it: the sign is that of <paramref name="x"/>.</summary>
    public static int Rem(int x, int divisor) => x % divisor;

    /// <inheritdoc cref="Rem(int, int)"/>
    public static long Rem(long x, long divisor) => x % divisor;

    /// <summary>The lesser.</summary>
    public static int Min(int a, int b) => IntrinsicMath.Min(a, b);

    /// <summary>The greater.</summary>
    public static int Max(int a, int b) => IntrinsicMath.Max(a, b);

    /// <summary>The lesser.</summary>
    public static long Min(long a, long b) => IntrinsicMath.Min(a, b);

    /// <summary>The greater.</summary>
    public static long Max(long a, long b) => IntrinsicMath.Max(a, b);

    /// <summary>The lesser; for numbers, not NaN.</summary>
    public static float Min(float a, float b) => IntrinsicMath.Min(a, b);

    /// <summary>The greater; for numbers, not NaN.</summary>
    public static float Max(float a, float b) => IntrinsicMath.Max(a, b);

    /// <summary>The magnitude; <see cref="int.MinValue"/> stays as it is.</summary>
    public static int Abs(int x) => x < 0 ? -x : x;

    /// <summary>The magnitude; <see cref="long.MinValue"/> stays as it is.</summary>
    public static long Abs(long x) => x < 0 ? -x : x;

    /// <summary>The magnitude.</summary>
    public static float Abs(float x) => IntrinsicMath.Abs(x);

    /// <summary><paramref name="x"/> held between <paramref name="lo"/> and <paramref name="hi"/>.</summary>
    public static int Clamp(int x, int lo, int hi) => Min(Max(x, lo), hi);

    /// <summary><paramref name="x"/> held between <paramref name="lo"/> and <paramref name="hi"/>.</summary>
    public static long Clamp(long x, long lo, long hi) => Min(Max(x, lo), hi);

    /// <summary><paramref name="x"/> held between <paramref name="lo"/> and <paramref name="hi"/>.</summary>
    public static float Clamp(float x, float lo, float hi) => Min(Max(x, lo), hi);

    /// <summary>The greatest integer that is not above <paramref name="x"/>.</summary>
    public static float Floor(float x) => MathF.Floor(x);

    /// <summary>The least integer that is not below <paramref name="x"/>.</summary>
    public static float Ceiling(float x) => MathF.Ceiling(x);

    /// <summary>The square root.</summary>
    public static float Sqrt(float x) => MathF.Sqrt(x);

    /// <summary>e to the power <paramref name="x"/>.</summary>
    public static float Exp(float x) => MathF.Exp(x);

    /// <summary>2 to the power <paramref name="x"/>.</summary>
    public static float Exp2(float x) => XMath.Exp2(x);

    /// <summary>Natural logarithm.</summary>
    public static float Log(float x) => MathF.Log(x);

    /// <summary>Logarithm to base 2.</summary>
    public static float Log2(float x) => XMath.Log2(x);

    /// <summary><paramref name="x"/> to the power <paramref name="y"/>.</summary>
    public static float Pow(float x, float y) => MathF.Pow(x, y);

    /// <summary>Hyperbolic tangent. The device's own instruction has 11 good bits, too few for a cap on scores.</summary>
    public static float Tanh(float x)
    {
        float size = Abs(x);
        float square = x * x;
        if (size < 0.25f)
        {
            // Odd Taylor series; the next term is below 2^-26 of x here.
            float tail = -0.333333333f + (square * (0.133333333f + (square * (-0.053968254f + (square * 0.021869489f)))));
            return x + (x * square * tail);
        }

        float decay = Exp(-2f * size);
        float result = (1f - decay) / (1f + decay);
        return x < 0f ? -result : result;
    }

    /// <summary>Sine of an angle in radians.</summary>
    public static float Sin(float x)
    {
        float turns = Floor((x * 0.636619772f) + 0.5f);
        return SinOfQuarter(Reduced(x, turns), Quadrant(turns));
    }

    /// <summary>Cosine of an angle in radians.</summary>
    public static float Cos(float x)
    {
        float turns = Floor((x * 0.636619772f) + 0.5f);
        return SinOfQuarter(Reduced(x, turns), Quadrant(turns) + 1);
    }

    // x minus its quarter turns, the quarter turn in three pieces so that every product but the last is exact.
    internal static float Reduced(float x, float turns) =>
        ((x - (turns * 1.5703125f)) - (turns * 4.837512969970703125e-4f)) - (turns * 7.54978995489188216e-8f);

    private static int Quadrant(float turns) => (int)(turns - (4f * Floor(turns * 0.25f)));

    internal static float SinOfQuarter(float x, int quadrant)
    {
        float square = x * x;
        float sine = x + (x * square * (-0.166666546f + (square * (8.33216087e-3f + (square * -1.95152959e-4f)))));
        float cosine = 1f - (0.5f * square)
            + (square * square * (4.16666456e-2f + (square * (-1.38873162e-3f + (square * 2.44331571e-5f)))));
        float result = (quadrant & 1) != 0 ? cosine : sine;
        return (quadrant & 2) != 0 ? -result : result;
    }
}
