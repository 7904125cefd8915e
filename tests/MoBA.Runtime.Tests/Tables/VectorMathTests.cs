using System.Runtime.Intrinsics;
using MoBA.Runtime.Cpu;
using Xunit;

namespace MoBA.Runtime.Tests.Tables;

public sealed class VectorMathTests
{
    private static readonly float[] _specials =
    [
        0f, -0f, 1f, -1f, 0.5f, -0.5f, 2f, float.Epsilon, -float.Epsilon, 1.17549435e-38f, float.MaxValue, float.MinValue,
        float.PositiveInfinity, float.NegativeInfinity, float.NaN, 0.35f,
    ];

    [Fact]
    public void Exp_is_within_4_ulp() => Compare(VectorMath.Exp, Math.Exp, -110, 95, 4);

    [Fact]
    public void Exp2_is_within_4_ulp() => Compare(VectorMath.Exp2, x => Math.Pow(2, x), -155, 135, 4);

    [Fact]
    public void Log_is_within_4_ulp() => Compare(VectorMath.Log, Math.Log, 0, 1e4, 4);

    [Fact]
    public void Log2_is_within_4_ulp() => Compare(VectorMath.Log2, Math.Log2, 0, 1e4, 4);

    [Fact]
    public void Tanh_is_within_4_ulp()
    {
        Compare(VectorMath.Tanh, Math.Tanh, -12, 12, 4);
        Compare(VectorMath.Tanh, Math.Tanh, -0.5, 0.5, 4);
        Compare(VectorMath.Tanh, Math.Tanh, -1e-4, 1e-4, 4);
    }

    [Fact]
    public void Sin_and_Cos_are_within_4_ulp_or_1e7_of_the_truth()
    {
        foreach (double range in new[] { 1, 10, 1000, 16384, 1e7 })
        {
            Compare(VectorMath.Sin, Math.Sin, -range, range, 4, absolute: 1.2e-7);
            Compare(VectorMath.Cos, Math.Cos, -range, range, 4, absolute: 1.2e-7);
        }
    }

    [Fact]
    public void Exact_functions_are_exact()
    {
        Compare(VectorMath.Sqrt, x => MathF.Sqrt((float)x), 0, 1e6, 0);
        Compare(VectorMath.Abs, Math.Abs, -5, 5, 0);
        Compare(VectorMath.Floor, Math.Floor, -50, 50, 0);
        Compare(VectorMath.Ceiling, Math.Ceiling, -50, 50, 0);
        Vector512<float> two = Vector512.Create(2f);
        Compare(x => VectorMath.Min(x, two), x => Math.Min(x, 2), -5, 5, 0);
        Compare(x => VectorMath.Max(x, two), x => Math.Max(x, 2), -5, 5, 0);
        Compare(x => VectorMath.Clamp(x, -two, two), x => Math.Clamp(x, -2, 2), -5, 5, 0);
        Compare(x => VectorMath.Pow(x, two), x => MathF.Pow((float)x, 2), -50, 50, 0);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(7)]
    [InlineData(64)]
    [InlineData(1000)]
    [InlineData(46341)]
    [InlineData(1 << 30)]
    [InlineData(int.MaxValue - 1)]
    [InlineData(int.MaxValue)]
    public void Divide_and_Remainder_truncate_as_csharp_does(int divisor)
    {
        var random = new Random(divisor);
        var values = new List<int> { 0, 1, -1, int.MaxValue, int.MinValue, int.MinValue + 1, int.MaxValue - 1 };
        for (int i = 0; i < 20_000; i++)
        {
            int multiple = (int)(random.NextInt64(int.MinValue, (long)int.MaxValue + 1) / divisor) * divisor;
            values.AddRange([random.Next(int.MinValue, int.MaxValue), random.Next(-1000, 1000), multiple, multiple - Math.Sign(multiple)]);
        }

        while (values.Count % 16 != 0)
            values.Add(0);
        int[] all = [.. values];
        for (int i = 0; i < all.Length; i += 16)
        {
            Vector512<int> x = Vector512.Create(all, i);
            Vector512<int> quotient = VectorMath.Divide(x, divisor), remainder = VectorMath.Remainder(x, divisor);
            for (int lane = 0; lane < 16; lane++)
            {
                Assert.Equal(x[lane] / divisor, quotient[lane]);
                Assert.Equal(x[lane] % divisor, remainder[lane]);
            }
        }
    }

    private static void Compare(
        Func<Vector512<float>, Vector512<float>> function, Func<double, double> truth, double lo, double hi, double ulps, double absolute = 0)
    {
        var random = new Random(7);
        for (int round = 0; round < 4000; round++)
        {
            var x = new float[16];
            for (int lane = 0; lane < 16; lane++)
                x[lane] = round == 0 ? _specials[lane] : (float)(lo + ((hi - lo) * random.NextDouble()));
            Vector512<float> actual = function(Vector512.Create(x));
            for (int lane = 0; lane < 16; lane++)
            {
                double expected = truth(x[lane]);
                Assert.True(IsClose((float)expected, expected, actual[lane], ulps, absolute), $"f({x[lane]:R}) is {actual[lane]:R}, not {expected:R}");
            }
        }
    }

    private static bool IsClose(float rounded, double expected, float actual, double ulps, double absolute)
    {
        if (rounded.Equals(actual))
            return true;
        if (!float.IsFinite(rounded))
            return float.IsInfinity(rounded) && actual * Math.Sign(rounded) >= float.MaxValue * (1 - (ulps * Math.Pow(2, -23)));
        float ulp = MathF.BitIncrement(MathF.Abs(rounded)) - MathF.Abs(rounded);
        return Math.Abs(actual - expected) <= Math.Max(absolute, ulps * ulp);
    }
}
