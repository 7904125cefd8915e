using System.Runtime.Intrinsics;
using MoBA.Runtime.Cpu;
using Xunit;

namespace MoBA.Runtime.Tests;

/// <summary>The vectorised 2^x against the library's.</summary>
public class Exp2Tests
{
    [Fact]
    public void ItIsWithinTwoUlp()
    {
        double worst = 0;
        for (float x = 1; x > -126; x -= 0.00037f)
        {
            float wide = Exp2.Of(Vector512.Create(x)).ToScalar();
            Assert.Equal(wide, Exp2.Of(Vector256.Create(x)).ToScalar());
            worst = Math.Max(worst, Math.Abs(wide - Math.Pow(2, x)) / (MathF.BitIncrement(wide) - wide));
        }

        Assert.InRange(worst, 0.1, 2);
    }

    [Theory]
    [InlineData(0f, 1f)]
    [InlineData(-1f, 0.5f)]
    [InlineData(-127f, 0f)]
    [InlineData(-1e30f, 0f)]
    [InlineData(float.NegativeInfinity, 0f)]
    [InlineData(float.NaN, float.NaN)]
    public void ItIsExactAtTheEnds(float x, float expected)
    {
        Assert.Equal(expected, Exp2.Of(Vector512.Create(x)).ToScalar());
        Assert.Equal(expected, Exp2.Of(Vector256.Create(x)).ToScalar());
    }
}
