namespace MoBA.Runtime;

/// <summary>A bfloat16 number: the upper half of a <c>float</c>. Conversions round to nearest, ties to even; NaN stays NaN.</summary>
/// <param name="Bits">Sign, 8 exponent bits, 7 fraction bits.</param>
public readonly record struct BFloat16(ushort Bits)
{
    /// <summary>The exact value as <c>float</c>.</summary>
    public static explicit operator float(BFloat16 value) => BitConverter.UInt32BitsToSingle((uint)value.Bits << 16);

    /// <summary>The nearest bfloat16.</summary>
    public static explicit operator BFloat16(float value)
    {
        uint bits = BitConverter.SingleToUInt32Bits(value);
        if (float.IsNaN(value))
        {
            return new((ushort)((bits >> 16) | 0x40));   // keep it quiet: rounding could turn a NaN into infinity
        }

        return new((ushort)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16));
    }

    /// <inheritdoc/>
    public override string ToString() => ((float)this).ToString(System.Globalization.CultureInfo.InvariantCulture);
}
