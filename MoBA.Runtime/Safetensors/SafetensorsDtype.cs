namespace MoBA.Runtime;

/// <summary>Element types of a safetensors file whose size in bytes is known. Tensors of <see cref="F32"/>, <see cref="F16"/>,
/// <see cref="BF16"/> and <see cref="I32"/> can be read; the rest are only checked and stepped over.</summary>
public enum SafetensorsDtype
{
    /// <summary>IEEE 754 single precision, <c>float</c>.</summary>
    F32,

    /// <summary>IEEE 754 half precision, <see cref="Half"/>.</summary>
    F16,

    /// <summary>The upper half of a single, <see cref="BFloat16"/>.</summary>
    BF16,

    /// <summary>32-bit two's complement, <c>int</c>.</summary>
    I32,

    /// <summary>IEEE 754 double precision.</summary>
    F64,

    /// <summary>64-bit signed integer.</summary>
    I64,

    /// <summary>64-bit unsigned integer.</summary>
    U64,

    /// <summary>32-bit unsigned integer.</summary>
    U32,

    /// <summary>16-bit signed integer.</summary>
    I16,

    /// <summary>16-bit unsigned integer.</summary>
    U16,

    /// <summary>8-bit signed integer.</summary>
    I8,

    /// <summary>8-bit unsigned integer.</summary>
    U8,

    /// <summary>A byte that is 0 or 1.</summary>
    Bool,

    /// <summary>8-bit float with 4 exponent bits.</summary>
    F8E4M3,

    /// <summary>8-bit float with 5 exponent bits.</summary>
    F8E5M2,
}

/// <summary>Sizes and spellings of <see cref="SafetensorsDtype"/>.</summary>
internal static class SafetensorsDtypes
{
    /// <summary>Bytes of one element.</summary>
    public static int Size(this SafetensorsDtype dtype) => dtype switch
    {
        SafetensorsDtype.F64 or SafetensorsDtype.I64 or SafetensorsDtype.U64 => 8,
        SafetensorsDtype.F32 or SafetensorsDtype.I32 or SafetensorsDtype.U32 => 4,
        SafetensorsDtype.F16 or SafetensorsDtype.BF16 or SafetensorsDtype.I16 or SafetensorsDtype.U16 => 2,
        _ => 1,
    };

    /// <summary>The name in a header.</summary>
    public static string Spelling(this SafetensorsDtype dtype) => dtype switch
    {
        SafetensorsDtype.Bool => "BOOL",
        SafetensorsDtype.F8E4M3 => "F8_E4M3",
        SafetensorsDtype.F8E5M2 => "F8_E5M2",
        _ => dtype.ToString(),
    };

    /// <summary>The dtype that a header names.</summary>
    public static bool TryParse(string spelling, out SafetensorsDtype dtype)
    {
        SafetensorsDtype? found = spelling switch
        {
            "F32" => SafetensorsDtype.F32,
            "F16" => SafetensorsDtype.F16,
            "BF16" => SafetensorsDtype.BF16,
            "I32" => SafetensorsDtype.I32,
            "F64" => SafetensorsDtype.F64,
            "I64" => SafetensorsDtype.I64,
            "U64" => SafetensorsDtype.U64,
            "U32" => SafetensorsDtype.U32,
            "I16" => SafetensorsDtype.I16,
            "U16" => SafetensorsDtype.U16,
            "I8" => SafetensorsDtype.I8,
            "U8" => SafetensorsDtype.U8,
            "BOOL" => SafetensorsDtype.Bool,
            "F8_E4M3" => SafetensorsDtype.F8E4M3,
            "F8_E5M2" => SafetensorsDtype.F8E5M2,
            _ => null,
        };
        dtype = found.GetValueOrDefault();
        return found.HasValue;
    }

    /// <summary>The dtype that holds <typeparamref name="T"/>, or null where none does.</summary>
    public static SafetensorsDtype? Of<T>() =>
        typeof(T) == typeof(float) ? SafetensorsDtype.F32
        : typeof(T) == typeof(Half) ? SafetensorsDtype.F16
        : typeof(T) == typeof(BFloat16) ? SafetensorsDtype.BF16
        : typeof(T) == typeof(int) ? SafetensorsDtype.I32
        : null;
}
