using ILGPU;

namespace MoBA.Gpu.Tests.Reference;

/// <summary>Rounds to 16 bits and back, to nearest, ties to even, in arithmetic that every ILGPU device has.</summary>
public static class Rounding
{
    private const float SmallestNormalHalf = 1f / (1 << 14);

    /// <summary>The nearest bfloat16 or half of a finite number within the type's range.</summary>
    public static float Round(float value, int isBFloat16) => isBFloat16 != 0 ? DropBits(value, 16) : ToHalf(value);

    private static float ToHalf(float value)
    {
        float size = value < 0f ? -value : value;

        // Below the normal numbers halves are 2^-24 apart, as floats in [0.5, 1) are.
        float rounded = size < SmallestNormalHalf ? (size + 0.5f) - 0.5f : DropBits(size, 13);
        return value < 0f ? -rounded : rounded;
    }

    private static float DropBits(float value, int count)
    {
        uint bits = Interop.FloatAsInt(value);
        uint odd = (bits >> count) & 1u, half = (1u << (count - 1)) - 1u;
        return Interop.IntAsFloat(((bits + half + odd) >> count) << count);
    }
}
