using MoBA.Runtime.Portable;
using Xunit;

namespace MoBA.Runtime.Tests.Portable;

public sealed class PortableMathTests
{
    [Fact]
    public void Float_functions_are_close_to_the_truth()
    {
        Compare(PortableMath.Exp, Math.Exp, -80, 80);
        Compare(PortableMath.Exp2, x => Math.Pow(2, x), -100, 100);
        Compare(PortableMath.Log, Math.Log, 1e-3, 1e4);
        Compare(PortableMath.Log2, Math.Log2, 1e-3, 1e4);
        Compare(PortableMath.Sqrt, Math.Sqrt, 0, 1e4);
        Compare(PortableMath.Tanh, Math.Tanh, -20, 20);
        Compare(PortableMath.Tanh, Math.Tanh, -0.5, 0.5);
        Compare(PortableMath.Tanh, Math.Tanh, -1e-5, 1e-5);
        Compare(x => PortableMath.Pow(x, 1.5f), x => Math.Pow(x, 1.5), 0, 100);
        Compare(PortableMath.Sin, Math.Sin, -4, 4, 2e-7);
        Compare(PortableMath.Cos, Math.Cos, -4, 4, 2e-7);
        Compare(PortableMath.Sin, Math.Sin, -3000, 3000, 4e-7);
        Compare(PortableMath.Cos, Math.Cos, -3000, 3000, 4e-7);
    }

    [Fact]
    public void Exp_of_minus_infinity_is_zero_and_tanh_saturates()
    {
        Assert.Equal(0f, PortableMath.Exp(float.NegativeInfinity));
        Assert.Equal(1f, PortableMath.Tanh(float.PositiveInfinity));
        Assert.Equal(-1f, PortableMath.Tanh(float.NegativeInfinity));
        Assert.Equal(-1f, PortableMath.Tanh(-500f));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(8)]
    [InlineData(1 << 30)]
    [InlineData(int.MaxValue)]
    public void Division_truncates_as_csharp_does(int divisor)
    {
        foreach (int x in new[] { 0, 1, -1, 7, 8, 9, -7, -8, -9, int.MaxValue, int.MinValue, int.MinValue + 1 })
        {
            Assert.Equal(x / divisor, PortableMath.Div(x, divisor));
            Assert.Equal(x % divisor, PortableMath.Rem(x, divisor));
            Assert.Equal((long)x * 5 / divisor, PortableMath.Div((long)x * 5, divisor));
            Assert.Equal((long)x * 5 % divisor, PortableMath.Rem((long)x * 5, divisor));
        }
    }

    private static void Compare(Func<float, float> function, Func<double, double> truth, double lo, double hi, double absolute = 0)
    {
        var random = new Random(11);
        for (int i = 0; i < 20_000; i++)
        {
            float x = (float)(lo + ((hi - lo) * random.NextDouble()));
            double expected = truth(x);
            Assert.True(
                Math.Abs(function(x) - expected) <= Math.Max(absolute, Math.Abs(expected) * 5e-7),
                $"f({x:R}) is {function(x):R}, not {expected:R}");
        }
    }
}
