namespace MoBA.Runtime.Tests.Cuda.Emulation;

/// <summary>What scalar instructions compute, on values as bits.</summary>
internal static class PtxMath
{
    public static Func<ulong, ulong, ulong, ulong> Of(string name)
    {
        string[] parts = name.Split('.');
        string type = parts[^1];
        return (parts[0], type) switch
        {
            ("mov" or "cvta", _) => Cut(type, static (a, _, _) => a, type),
            ("add", "f32") => static (a, b, _) => F(F(a) + F(b)),
            ("sub", "f32") => static (a, b, _) => F(F(a) - F(b)),
            ("mul", "f32") => static (a, b, _) => F(F(a) * F(b)),
            ("max" or "min", "f32") => Extreme(parts[0] == "max", parts.Contains("NaN")),
            ("fma", "f32") => static (a, b, c) => F((float)(((double)F(a) * F(b)) + F(c))),
            ("fma", "f16x2" or "bf16x2") => ProductPair(type == "f16x2"),
            ("neg", "f32") => static (a, _, _) => F(-F(a)),
            ("abs", "f32") => static (a, _, _) => F(Math.Abs(F(a))),
            ("ex2", _) => static (a, _, _) => F((float)Math.Pow(2, F(a))),
            ("lg2", _) => static (a, _, _) => F((float)Math.Log2(F(a))),
            ("rcp", _) => static (a, _, _) => F(1 / F(a)),
            ("setp", _) => Compare(parts[1], parts.Length > 3 ? parts[2] : "", type),
            ("brev", _) => static (a, _, _) => Enumerable.Range(0, 32).Aggregate(0ul, (bits, i) => bits | (((a >> i) & 1) << (31 - i))),
            ("clz", _) => static (a, _, _) => (ulong)System.Numerics.BitOperations.LeadingZeroCount((uint)a),
            ("prmt", _) => static (a, b, c) => Enumerable.Range(0, 4).Aggregate(0ul, (bytes, i) => bytes | ((((b << 32) | (uint)a) >> (8 * (int)((c >> (4 * i)) & 7)) & 0xFF) << (8 * i))),
            ("bfind", _) => static (a, _, _) => (uint)(31 - System.Numerics.BitOperations.LeadingZeroCount((uint)a)),
            ("max" or "min", "f16x2" or "bf16x2") when parts.Contains("NaN") => ExtremePair(parts[0] == "max", type == "f16x2"),
            ("popc", _) => static (a, _, _) => (ulong)System.Numerics.BitOperations.PopCount((uint)a),
            ("testp", "f32") when parts[1] == "notanumber" => static (a, _, _) => float.IsNaN(F(a)) ? 1ul : 0,
            ("selp", _) => static (a, b, c) => c != 0 ? a : b,
            ("cvt", _) when parts[^2] is "bf16x2" or "f16x2" => Pack(parts[^2] == "f16x2"),
            ("cvt", "s32") when parts[^2] == "f32" => static (a, _, _) => F((float)(int)a),
            ("cvt", "f16") when parts[^2] == "f32" => static (a, _, _) => F(Element(a, true)),
            ("cvt", "f32") when parts[^2] is "f16" or "bf16" => parts[^2] == "f16" ? static (a, _, _) => Round(F(a), true) : static (a, _, _) => Round(F(a), false),
            ("cvt", _) when parts[^2][0] == 'f' || type[0] == 'f' => throw new NotSupportedException($"{name} is not emulated."),
            ("cvt", _) => Cut(parts[^2], static (a, _, _) => a, type),
            ("mul" or "mad", "u32" or "s32") when parts[1] == "wide" => type == "u32" ? static (a, b, c) => ((a & uint.MaxValue) * (b & uint.MaxValue)) + c : static (a, b, c) => (ulong)((long)(int)a * (int)b) + c,
            ("mad" or "mul", _) => Cut(type, parts[0] == "mad" ? static (a, b, c) => (a * b) + c : static (a, b, _) => a * b, type),
            ("add", _) => Cut(type, static (a, b, _) => a + b, type),
            ("sub", _) => Cut(type, static (a, b, _) => a - b, type),
            ("neg", _) => Cut(type, static (a, _, _) => 0 - a, type),
            ("div", "f32") => static (a, b, _) => F(F(a) / F(b)),
            ("div", _) => Cut(type, type[0] == 's' ? static (a, b, _) => (ulong)((long)a / (long)b) : static (a, b, _) => a / b, type),
            ("rem", _) => Cut(type, type[0] == 's' ? static (a, b, _) => (ulong)((long)a % (long)b) : static (a, b, _) => a % b, type),
            ("min", _) => Cut(type, type[0] == 's' ? static (a, b, _) => (ulong)Math.Min((long)a, (long)b) : static (a, b, _) => Math.Min(a, b), type),
            ("max", _) => Cut(type, type[0] == 's' ? static (a, b, _) => (ulong)Math.Max((long)a, (long)b) : static (a, b, _) => Math.Max(a, b), type),
            ("and", _) => static (a, b, _) => a & b,
            ("or", _) => static (a, b, _) => a | b,
            ("xor", _) => static (a, b, _) => a ^ b,
            ("not", "pred") => static (a, _, _) => a ^ 1,
            ("not", _) => Cut(type, static (a, _, _) => ~a, type),
            ("shl", _) => Cut(type, static (a, b, _) => a << (int)b, type),
            ("shr", _) => Cut(type, type[0] == 's' ? static (a, b, _) => (ulong)((long)a >> (int)b) : static (a, b, _) => a >> (int)b, type),
            _ => throw new NotSupportedException($"{name} is not emulated."),
        };
    }

    public static float F(ulong bits) => BitConverter.UInt32BitsToSingle((uint)bits);

    public static ulong F(float value) => BitConverter.SingleToUInt32Bits(value);

    public static float Element(ulong bits, bool isHalf) =>
        isHalf ? (float)BitConverter.UInt16BitsToHalf((ushort)bits) : BitConverter.UInt32BitsToSingle((uint)(ushort)bits << 16);

    public static ushort Round(float value, bool isHalf)
    {
        if (isHalf)
            return BitConverter.HalfToUInt16Bits((Half)value);
        uint bits = BitConverter.SingleToUInt32Bits(value);
        if (float.IsNaN(value))
            return 0x7FFF;
        return (ushort)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
    }

    // Of a NaN and a number it is the number, or the NaN if it says so.
    private static Func<ulong, ulong, ulong, ulong> Extreme(bool isMaximum, bool isNaN) => (isMaximum, isNaN) switch
    {
        (true, true) => static (a, b, _) => F(MathF.Max(F(a), F(b))),
        (true, false) => static (a, b, _) => F(float.MaxNumber(F(a), F(b))),
        (false, true) => static (a, b, _) => F(MathF.Min(F(a), F(b))),
        (false, false) => static (a, b, _) => F(float.MinNumber(F(a), F(b))),
    };

    // Of each half, with a NaN where either is.
    private static Func<ulong, ulong, ulong, ulong> ExtremePair(bool isMaximum, bool isHalf)
    {
        Func<ulong, ulong, ulong, ulong> extreme = Extreme(isMaximum, true);
        return (a, b, _) => Of(a >> 16, b >> 16) << 16 | Of(a, b);

        ulong Of(ulong a, ulong b) => Round(F(extreme(F(Element(a, isHalf)), F(Element(b, isHalf)), 0)), isHalf);
    }

    private static Func<ulong, ulong, ulong, ulong> ProductPair(bool isHalf)
    {
        return (a, b, c) => Of(a >> 16, b >> 16, c >> 16) << 16 | Of(a, b, c);

        ulong Of(ulong a, ulong b, ulong c) => Round((Element(a, isHalf) * Element(b, isHalf)) + Element(c, isHalf), isHalf);
    }

    // The first source is the upper half.
    private static Func<ulong, ulong, ulong, ulong> Pack(bool isHalf) =>
        (a, b, _) => ((ulong)Round(F(a), isHalf) << 16) | Round(F(b), isHalf);

    private static Func<ulong, ulong, ulong, ulong> Compare(string test, string with, string type)
    {
        Func<ulong, ulong, bool> compare = type switch
        {
            "f32" => (a, b) => Test(test, F(a).CompareTo(F(b)), float.IsNaN(F(a)) || float.IsNaN(F(b))),
            _ when type[0] is 's' or 'b' => (a, b) => Test(test, ((long)Wide(a, type)).CompareTo((long)Wide(b, type)), false),
            _ => (a, b) => Test(test, Wide(a, type).CompareTo(Wide(b, type)), false),
        };
        return with switch
        {
            "or" => (a, b, c) => compare(a, b) | (c != 0) ? 1ul : 0,
            "and" => (a, b, c) => compare(a, b) & (c != 0) ? 1ul : 0,
            _ => (a, b, _) => compare(a, b) ? 1ul : 0,
        };
    }

    private static bool Test(string test, int order, bool isUnordered) => test switch
    {
        "eq" => order == 0 && !isUnordered,
        "ne" => order != 0 && !isUnordered,
        "neu" => order != 0 || isUnordered,
        "lt" or "lo" => order < 0 && !isUnordered,
        "le" or "ls" => order <= 0 && !isUnordered,
        "gt" or "hi" => order > 0 && !isUnordered,
        "ge" or "hs" => order >= 0 && !isUnordered,
        "ltu" => order < 0 || isUnordered,
        "leu" => order <= 0 || isUnordered,
        "gtu" => order > 0 || isUnordered,
        "geu" => order >= 0 || isUnordered,
        "nan" => isUnordered,
        "num" => !isUnordered,
        _ => throw new NotSupportedException($"setp.{test} is not emulated."),
    };

    private static Func<ulong, ulong, ulong, ulong> Cut(string to, Func<ulong, ulong, ulong, ulong> compute, string from) => (a, b, c) =>
    {
        ulong result = compute(Wide(a, from), Wide(b, from), Wide(c, from));
        return to.EndsWith("64", StringComparison.Ordinal) ? result : (uint)result;
    };

    private static ulong Wide(ulong value, string type) => type switch
    {
        "s32" => (ulong)(int)value,
        "u32" or "b32" or "f32" => (uint)value,
        "u16" or "b16" or "f16" => (ushort)value,
        _ => value,
    };
}
