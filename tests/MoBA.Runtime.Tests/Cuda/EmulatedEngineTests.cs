using System.Numerics.Tensors;
using MoBA.Runtime.Cuda;
using MoBA.Runtime.Tests.Cuda.Emulation;
using Xunit;

namespace MoBA.Runtime.Tests.Cuda;

/// <summary>Whole calls of an engine whose driver runs the kernels on the emulated machine, against the oracle.</summary>
public sealed class EmulatedEngineTests
{
    private static readonly KernelStore _store = new(new KernelCache(null, 0));

    [Theory]
    [InlineData(9, 1 << 20, 3, 0, Pooling.Mean, RouteScope.QueryHead, null)]     // without a gate
    [InlineData(9, 64, 1, 0, Pooling.Mean, RouteScope.QueryHead, null)]          // own blocks
    [InlineData(9, 64, 3, 0, Pooling.Mean, RouteScope.QueryHead, null)]
    [InlineData(8, 64, 3, 0, Pooling.Mean, RouteScope.KeyGroup, null)]
    [InlineData(9, 48, 2, 5, Pooling.MinMax, RouteScope.QueryHead, null)]
    [InlineData(8, 48, 2, 5, Pooling.Mean, RouteScope.QueryHead, 7L << 16)]
    [InlineData(9, 32, 4, 0, Pooling.Mean, RouteScope.QueryHead, 7L << 16)]
    public void The_result_is_that_of_the_oracle(int major, int blockSize, int topK, int sinks, Pooling pooling, RouteScope scope, long? limit)
    {
        FakeCudaDriver driver = new() { Devices = [("Emulated", major, 0)], Machine = new EmulatedMachine(64) };
        CudaTarget target = new(driver, static (context, pool, _) => new TensorCoreAttention(context, pool, _store));
        BandExpert expert = new(new BlockGate(blockSize, topK, pooling, scope), sinks: sinks);
        (Tensor<BFloat16> q, Tensor<BFloat16> k, Tensor<BFloat16> v) =
            (Inputs.Normal<BFloat16>(1, 340, 4, 40), Inputs.Normal<BFloat16>(2, 420, 2, 40), Inputs.Normal<BFloat16>(3, 420, 2, 40));
        AttentionOptions options = new() { Sequences = [0, 20, 20, 300, 340], KeySequences = [0, 20, 60, 260, 420], ReturnLse = true, ReturnRoutes = true };
        using (AttentionEngine engine = AttentionEngine.Create(new AttentionEngineOptions { Target = Target.Cuda, WorkspaceBytes = limit }, target))
        {
            AttentionResult<BFloat16> result = engine.Attend(expert, q, k, v, options);
            int groups = driver.Launches.Count(static l => l.Entry == "Kernel_Merge");
            Assert.InRange(groups, limit is null ? 0 : 2, limit is null ? 1 : 4);
            RouteGap gap = ReferenceAttention.CompareRoutes(expert, result.Routes!, q, k, options);
            Assert.Null(gap.Fault);
            Assert.InRange(gap.Deficit, 0, 0.01);
            AttentionResult<float> wanted = ReferenceAttention.Attend(expert, result.Routes!, q, k, v, options);
            Near(wanted.Output, Inputs.Floats(result.Output), 0.03);
            Near(wanted.Lse!, Inputs.Floats(result.Lse!), 0.001);
        }

        Assert.Equal(0, driver.Leaks);
    }

    private static void Near(Tensor<float> wanted, float[] result, double error)
    {
        float[] values = wanted.ToArray();
        Assert.Equal(values.Length, result.Length);
        for (int i = 0; i < values.Length; i++)
            Assert.True(values[i].Equals(result[i]) || Math.Abs(values[i] - result[i]) <= error, $"{i}: {result[i]} where {values[i]} was wanted");
    }
}
