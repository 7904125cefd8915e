using System.Numerics.Tensors;
using MoBA.Conformance.Tests;
using MoBA.Runtime;

namespace MoBA.Gpu.Tests;

/// <summary>Elements of 16 bits as their bits: <see cref="Element.Half"/> and <see cref="Element.BFloat16"/>.</summary>
internal static class Bits
{
    /// <summary>A NaN that no arithmetic makes: memory that holds it has not been written.</summary>
    public static ushort Poison(Element element) => element == Element.Half ? (ushort)0xFE5A : (ushort)0xFFA5;

    /// <summary>The poison of a log-sum-exp: a negative NaN with a payload.</summary>
    public static float LsePoison { get; } = BitConverter.Int32BitsToSingle(unchecked((int)0xFFA5A5A5));

    /// <summary>The nearest element.</summary>
    public static ushort Of(float value, Element element) =>
        element == Element.Half ? BitConverter.HalfToUInt16Bits((Half)value) : ((BFloat16)value).Bits;

    /// <summary>The exact value.</summary>
    public static float ToFloat(ushort bits, Element element) =>
        element == Element.Half ? (float)BitConverter.UInt16BitsToHalf(bits) : (float)new BFloat16(bits);

    /// <summary>From one element to the next at <paramref name="value"/>, which is finite and not negative.</summary>
    public static double Spacing(float value, Element element)
    {
        (int fraction, int least) = element == Element.Half ? (10, -14) : (7, -126);
        return Math.ScaleB(1, Math.Max(value == 0 ? least : Math.ILogB(value), least) - fraction);
    }

    /// <summary>The exact values.</summary>
    public static float[] ToFloats(ReadOnlySpan<ushort> bits, Element element)
    {
        float[] values = new float[bits.Length];
        if (element == Element.Half)
        {
            TensorPrimitives.ConvertToSingle(System.Runtime.InteropServices.MemoryMarshal.Cast<ushort, Half>(bits), values);
            return values;
        }

        for (int i = 0; i < values.Length; i++)
            values[i] = ToFloat(bits[i], element);
        return values;
    }
}
