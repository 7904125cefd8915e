using System.Reflection;
using MoBA.Generators.Tests.Harness;
using MoBA.Runtime;
using MoBA.Runtime.Cuda;

namespace MoBA.Generators.Tests.Emit;

/// <summary>What tensor-core kernels are told of the size of modified scores.</summary>
public sealed class ScoreBoundTests
{
    [Theory]
    [InlineData("Cap * MathF.Tanh(s / Cap)", 50)]
    [InlineData("MathF.Min(MathF.Max(s, -3f), Cap)", 50)]
    [InlineData("MathF.Max(-3f, MathF.Min(2f, s))", 3)]
    [InlineData("Math.Clamp(s, -2f, 1f) + MathF.Sin(q) * 0.5f", 2.5)]
    [InlineData("q > k ? MathF.Cos(s) : -4f", 4)]
    [InlineData("MathF.Abs(-MathF.Tanh(s)) / Cap", 0.02)]
    [InlineData("MathF.Tanh(s) / s", double.PositiveInfinity)]
    [InlineData("MathF.Tanh(s) - Bias[k]", double.PositiveInfinity)]
    [InlineData("MathF.Min(s, 3f)", double.PositiveInfinity)]
    [InlineData("q > k ? MathF.Cos(s) : s", double.PositiveInfinity)]
    [InlineData("s - 0.5f * (q - k)", double.PositiveInfinity)]
    public void A_bound_of_scores_is_proven(string score, double bound)
    {
        Assembly assembly = Compiler.Load(Compiler.Usings +
            "[SparseExpert] public sealed partial class P { public float Cap { get; init; } = -50; public float[] Bias { get; init; } = [1f]; " +
            $"bool Attends(int q, int k) => q >= k; float Score(float s, int q, int k) => {score}; }}");
        Launch launch = new();
        ((ISparseExpert)Activator.CreateInstance(assembly.GetType("P", throwOnError: true)!)!).LaunchCuda(launch);
        Assert.Equal((float)bound, launch.Bound);
    }

    private sealed class Launch : CudaLaunch
    {
        public float? Bound { get; private set; }

        public override CudaTable Table(ReadOnlyMemory<int> values, bool monotone) => default;

        public override CudaFloatTable Table(ReadOnlyMemory<float> values) => default;

        public override void Run<TPattern, TRuns, TQuery, TKey>(TPattern pattern, string source) => Bound = pattern.ScoreBound;
    }
}
