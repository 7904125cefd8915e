using ILGPU;
using ILGPU.Runtime;
using MoBA.Runtime.Cuda;
using MoBA.Runtime.Tests.Portable;
using Xunit;

namespace MoBA.Runtime.Tests.Cuda;

/// <summary>Float functions of tensor-core kernels against C#'s.</summary>
public sealed class CudaMathTests
{
    [Fact]
    public void Functions_of_one_number_are_csharps()
    {
        Check(nameof(CudaMath.Exp), CudaMath.Exp, MathF.Exp, -87, 88.7f);
        Check(nameof(CudaMath.Exp2), CudaMath.Exp2, x => (float)Math.Pow(2, x), -126, 127.99f);
        Check(nameof(CudaMath.Log), CudaMath.Log, MathF.Log, 1e-30f, 5);
        Check(nameof(CudaMath.Log), CudaMath.Log, MathF.Log, 0.9f, 1.1f);
        Check(nameof(CudaMath.Log), CudaMath.Log, MathF.Log, 5, 1e30f);
        Check(nameof(CudaMath.Log2), CudaMath.Log2, x => (float)Math.Log2(x), 1e-30f, 5);
        Check(nameof(CudaMath.Log2), CudaMath.Log2, x => (float)Math.Log2(x), 5, 1e30f);
        Check(nameof(CudaMath.Tanh), CudaMath.Tanh, MathF.Tanh, -12, 12);
        Check(nameof(CudaMath.Tanh), CudaMath.Tanh, MathF.Tanh, -1e-3f, 1e-3f);
        Check(nameof(CudaMath.TanhNear), x => CudaMath.TanhNear(x, 3, 0.1f, 0), x => 3 * MathF.Tanh(x * 0.1f), -5, 5);
        Check(nameof(CudaMath.TanhNear), x => CudaMath.TanhNear(x, -2, 2, 4), x => 4 - (2 * MathF.Tanh(x * 2)), -0.25f, 0.25f);
        Assert.Equal([5, 5, float.PositiveInfinity, float.NaN], new[] { 0.1f, -0.1f, 0, float.NaN }.Select(CudaMath.NearLimit));
        Check(nameof(CudaMath.Sqrt), CudaMath.Sqrt, MathF.Sqrt, 0, 100);
        Check(nameof(CudaMath.Sqrt), CudaMath.Sqrt, MathF.Sqrt, 1e20f, 1e38f);
        Check(nameof(CudaMath.Floor), CudaMath.Floor, MathF.Floor, -20, 20);
        Check(nameof(CudaMath.Ceiling), CudaMath.Ceiling, MathF.Ceiling, -20, 20);
        Check(nameof(CudaMath.Abs), CudaMath.Abs, MathF.Abs, -20, 20);
        Check(nameof(CudaMath.Sin), x => CudaMath.Sin(x) + 3, x => MathF.Sin(x) + 3, -3000, 3000);
        Check(nameof(CudaMath.Cos), x => CudaMath.Cos(x) + 3, x => MathF.Cos(x) + 3, -3000, 3000);
        Check(nameof(CudaMath.Divide), x => CudaMath.Divide(3.7f, x), x => 3.7f / x, -1e30f, 1e30f);
        Check(nameof(CudaMath.Divide), x => CudaMath.Divide(-3.7f, x), x => -3.7f / x, -10, 10);
        Check(nameof(CudaMath.Pow), x => CudaMath.Pow(x, 1.7f), x => MathF.Pow(x, 1.7f), 1e-3f, 1000, 2e-6f);
        Check(nameof(CudaMath.Pow), x => CudaMath.Pow(1.3f, x), x => MathF.Pow(1.3f, x), -250, 250, 2e-5f);
        Check(nameof(CudaMath.Pow), x => CudaMath.Pow(-1.3f, MathF.Floor(x)), x => MathF.Pow(-1.3f, MathF.Floor(x)), -9, 9, 2e-6f);
    }

    [Theory]
    [InlineData(nameof(MathF.Exp), 0f)]
    [InlineData(nameof(MathF.Exp), 100f)]
    [InlineData(nameof(MathF.Exp), float.PositiveInfinity)]
    [InlineData(nameof(MathF.Exp), float.NegativeInfinity)]
    [InlineData(nameof(CudaMath.Exp2), 128f)]
    [InlineData(nameof(CudaMath.Exp2), -200f)]
    [InlineData(nameof(CudaMath.Exp2), -3f)]
    [InlineData(nameof(MathF.Log), 0f)]
    [InlineData(nameof(MathF.Log), 1f)]
    [InlineData(nameof(MathF.Log), -1f)]
    [InlineData(nameof(MathF.Log), 1e-40f)]
    [InlineData(nameof(MathF.Log), float.PositiveInfinity)]
    [InlineData(nameof(MathF.Log2), 0f)]
    [InlineData(nameof(MathF.Log2), 8f)]
    [InlineData(nameof(MathF.Tanh), 0f)]
    [InlineData(nameof(MathF.Tanh), float.PositiveInfinity)]
    [InlineData(nameof(MathF.Tanh), -50f)]
    [InlineData(nameof(MathF.Sqrt), 0f)]
    [InlineData(nameof(MathF.Sqrt), -1f)]
    [InlineData(nameof(MathF.Sqrt), float.PositiveInfinity)]
    public void Edges_are_csharps(string function, float x)
    {
        (float actual, float expected) = function switch
        {
            nameof(MathF.Exp) => (CudaMath.Exp(x), MathF.Exp(x)),
            nameof(CudaMath.Exp2) => (CudaMath.Exp2(x), (float)Math.Pow(2, x)),
            nameof(MathF.Log) => (CudaMath.Log(x), MathF.Log(x)),
            nameof(MathF.Log2) => (CudaMath.Log2(x), MathF.Log2(x)),
            nameof(MathF.Tanh) => (CudaMath.Tanh(x), MathF.Tanh(x)),
            _ => (CudaMath.Sqrt(x), MathF.Sqrt(x)),
        };
        Assert.True(actual.Equals(expected) || Math.Abs(actual - expected) <= 1e-6f * Math.Abs(expected), $"{actual} for {expected}");
    }

    [Theory]
    [InlineData(0f, 2f)]
    [InlineData(0f, 0f)]
    [InlineData(5f, 0f)]
    [InlineData(-2f, 3f)]
    [InlineData(-2f, 4f)]
    [InlineData(-2f, 0.5f)]
    [InlineData(2f, 200f)]
    [InlineData(2f, -200f)]
    public void Edges_of_powers_are_csharps(float x, float y)
    {
        (float actual, float expected) = (CudaMath.Pow(x, y), MathF.Pow(x, y));
        Assert.True(actual.Equals(expected) || Math.Abs(actual - expected) <= 1e-6f * Math.Abs(expected), $"{actual} for {expected}");
    }

    [Fact]
    public void No_function_branches_or_calls()
    {
        string ptx = OfflinePtx.Compile(typeof(CudaMathKernels).GetMethod(nameof(CudaMathKernels.Everything))!);
        Assert.DoesNotContain("bra", ptx);
        Assert.DoesNotContain(".local", ptx);
        Assert.DoesNotContain("call", ptx);
        Assert.DoesNotContain("div.", ptx);

        // What is a routine of ptxas becomes an instruction.
        string lowered = TileLowering.Lower(ptx, TileShape.For(KernelTarget.Sm90a, 64, ElementKind.Half)).Ptx;
        Assert.Contains("rcp.rn.f32", ptx);
        Assert.Contains("sqrt.rn.f32", ptx);
        Assert.DoesNotMatch("(rcp|sqrt).rn", lowered);
    }

    private static void Check(string name, Func<float, float> actual, Func<float, float> expected, float low, float high, float error = 1e-6f)
    {
        const int steps = 200_000;
        (float worst, float at) = (0, 0);
        for (int i = 0; i <= steps; i++)
        {
            float x = (float)(low + (((double)high - low) * i / steps));
            float truth = expected(x);
            float off = truth == 0 ? Math.Abs(actual(x)) : Math.Abs((actual(x) - truth) / truth);
            if (!(off <= worst))
                (worst, at) = (off, x);
        }

        TestContext.Current.TestOutputHelper?.WriteLine($"{name} on [{low}, {high}]: {worst:g3} at {at}");
        Assert.True(worst <= error, $"{name} is off by {worst} at {at}");
    }
}

/// <summary>Kernels to read; public because ILGPU compiles them.</summary>
public static class CudaMathKernels
{
    /// <summary>A kernel with every function.</summary>
    public static void Everything(Index1D index, ArrayView<float> values)
    {
        float x = values[index];
        float sum = CudaMath.Exp(x) + CudaMath.Exp2(x) + CudaMath.Log(x) + CudaMath.Log2(x) + CudaMath.Tanh(x) + CudaMath.Sqrt(x);
        sum += CudaMath.Floor(x) + CudaMath.Ceiling(x) + CudaMath.Abs(x) + CudaMath.Divide(x, sum) + CudaMath.Pow(x, sum);
        sum += CudaMath.Min(x, sum) + CudaMath.Max(x, sum * x) + CudaMath.Sin(x) + CudaMath.Cos(x);
        sum += CudaMath.Select(x > 3f, x * x, sum) + CudaMath.Select(x > 5f, index.X, index.X * 7);
        values[index] = sum;
    }
}
