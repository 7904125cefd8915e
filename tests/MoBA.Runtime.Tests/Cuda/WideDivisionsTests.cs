using System.Globalization;
using System.Text.RegularExpressions;
using MoBA.Runtime.Cuda;
using Xunit;

namespace MoBA.Runtime.Tests.Cuda;

/// <summary>Runs the instructions that stand for a 64-bit division.</summary>
public sealed partial class WideDivisionsTests
{
    private static readonly long[] _numbers =
        [1, 2, 3, 5, 7, 8, 100, 4095, 4096, int.MaxValue, 1L << 31, (1L << 53) + 1, 0x7FFF_FFFF_FFFF_FF00, long.MaxValue];

    [Theory]
    [InlineData("div")]
    [InlineData("rem")]
    public void The_instructions_are_the_division(string operation)
    {
        string text = WideDivisions.ToInstructions($"\t{operation}.s64\t%rd3, %rd1, %rd2;");
        Assert.DoesNotContain(operation + ".s64", text);
        foreach ((long a, long b) in Pairs())
        {
            long wanted = operation == "div" ? a / b : a % b;
            long actual = Run(text, a, b);
            Assert.True(actual == wanted, $"{a} {operation} {b} is {actual}, {wanted} is wanted");
        }
    }

    [Fact]
    public void Constants_are_operands_and_other_divisions_stay()
    {
        Assert.Equal(-3, Run(WideDivisions.ToInstructions("div.s64 %rd3, %rd1, -7;"), 27, 0));
        Assert.Equal("div.s32 %r3, %r1, %r2;", WideDivisions.ToInstructions("div.s32 %r3, %r1, %r2;"));
    }

    private static IEnumerable<(long A, long B)> Pairs()
    {
        foreach (long a in _numbers)
        {
            foreach (long b in _numbers)
            {
                for (int near = -1; near <= 1; near++)
                {
                    long dividend = near < 0 || a < long.MaxValue ? a + near : a;
                    yield return (dividend, b);
                    yield return (-dividend, b);
                    yield return (dividend, -b);
                    yield return (dividend / b * b, b);
                }
            }
        }

        Random random = new(1);
        for (int i = 0; i < 2000; i++)
            yield return (random.NextInt64(long.MinValue + 1, long.MaxValue) >> random.Next(63), 1 + (random.NextInt64() >> random.Next(63)));
    }

    // One line, one instruction; doubles are kept as their bits.
    private static long Run(string text, long a, long b)
    {
        Dictionary<string, long> registers = new() { ["%rd1"] = a, ["%rd2"] = b };
        foreach (string line in text.Split('\n'))
        {
            Match match = Instruction().Match(line);
            if (!match.Success || (match.Groups["guard"].Success && registers[match.Groups["guard"].Value] == 0))
                continue;
            string[] operands = match.Groups["operands"].Value.Split(',', StringSplitOptions.TrimEntries);
            registers[operands[0]] = Value(match.Groups["name"].Value, [.. operands[1..].Select(Read)]);
        }

        return registers["%rd3"];

        long Read(string operand) => registers.TryGetValue(operand, out long value) ? value
            : operand.StartsWith("0d", StringComparison.Ordinal) ? long.Parse(operand.AsSpan(2), NumberStyles.HexNumber, CultureInfo.InvariantCulture)
            : long.Parse(operand, CultureInfo.InvariantCulture);
    }

    private static long Value(string name, long[] from) => name switch
    {
        "mov.b64" => from[0],
        "abs.s64" => Math.Abs(from[0]),
        "neg.s64" => -from[0],
        "add.s64" => from[0] + from[1],
        "sub.s64" => from[0] - from[1],
        "mul.lo.s64" => from[0] * from[1],
        "xor.b64" => from[0] ^ from[1],
        "setp.lt.s64" => from[0] < from[1] ? 1 : 0,
        "setp.ge.s64" => from[0] >= from[1] ? 1 : 0,
        "cvt.rn.f64.s64" => Bits(from[0]),
        "cvt.rzi.s64.f64" => (long)Double(from[0]),
        "neg.f64" => Bits(-Double(from[0])),
        "mul.rn.f64" => Bits(Double(from[0]) * Double(from[1])),
        "fma.rn.f64" => Bits(Math.FusedMultiplyAdd(Double(from[0]), Double(from[1]), Double(from[2]))),

        // It promises no more than the upper half of the bits.
        "rcp.approx.ftz.f64" => Bits(1 / Double(from[0])) & ~0xFFFF_FFFFL,
        _ => throw new NotSupportedException(name),
    };

    private static double Double(long bits) => BitConverter.Int64BitsToDouble(bits);

    private static long Bits(double value) => BitConverter.DoubleToInt64Bits(value);

    [GeneratedRegex(@"^\s*(?:@(?<guard>\w+) )?(?<name>[a-z]\S+)\s+(?<operands>[^;{}]+);")]
    private static partial Regex Instruction();
}
