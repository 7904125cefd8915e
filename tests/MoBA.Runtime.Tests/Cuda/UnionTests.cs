using System.Numerics.Tensors;
using MoBA.Runtime.Cuda;
using MoBA.Runtime.Tests.Cuda.Emulation;
using Xunit;

namespace MoBA.Runtime.Tests.Cuda;

/// <summary>Whole calls over the union of what tiles of queries chose, on the emulated machine, against the oracle and the other path.</summary>
public sealed class UnionTests
{
    private static readonly KernelStore _store = new(new KernelCache(null, 0));

    [Theory]
    [InlineData(9, 64, 3, 0, RouteScope.QueryHead, false, 40)]
    [InlineData(8, 64, 3, 0, RouteScope.KeyGroup, false, 40)]
    [InlineData(9, 16, 6, 0, RouteScope.KeyGroup, false, 64)]
    [InlineData(8, 16, 10, 0, RouteScope.QueryHead, false, 128)]
    [InlineData(9, 48, 2, 5, RouteScope.QueryHead, false, 40)]
    [InlineData(8, 48, 2, 5, RouteScope.QueryHead, true, 40)]
    [InlineData(9, 32, 4, 20, RouteScope.KeyGroup, true, 40)]
    [InlineData(9, 128, 2, 0, RouteScope.QueryHead, false, 128)]
    [InlineData(8, 128, 2, 3, RouteScope.KeyGroup, false, 40)]
    [InlineData(9, 80, 3, 0, RouteScope.QueryHead, true, 256)]
    public void The_result_is_that_of_the_oracle(int major, int blockSize, int topK, int sinks, RouteScope scope, bool modifies, int dim)
    {
        BandExpert expert = new(new BlockGate(blockSize, topK, Pooling.Mean, scope), Proof.None, sinks, modifies: modifies);
        Inputs3 inputs = new(340, 420, dim);
        AttentionOptions options = new()
        {
            Sequences = [0, 20, 20, 300, 340],
            KeySequences = [0, 20, 60, 260, 420],
            ReturnLse = true,
            ReturnRoutes = true,
            ReturnOverlap = true,
            AttendPath = AttendPath.Union,
        };
        Check(major, expert, inputs, options, AttendPath.Union);
    }

    [Theory]
    [InlineData(9, 256, null)]
    [InlineData(8, 256, 100)]
    [InlineData(9, 192, 150)]
    [InlineData(8, 96, -30)]
    public void So_it_is_of_one_sequence_with_large_blocks_and_anywhere(int major, int blockSize, int? start)
    {
        BandExpert expert = new(new BlockGate(blockSize, 2), causal: Proof.None);
        Inputs3 inputs = new(300, 900, 64);
        Check(major, expert, inputs, new() { QueryStart = start, ReturnLse = true, ReturnRoutes = true, ReturnOverlap = true, AttendPath = AttendPath.Union }, AttendPath.Union);
    }

    [Theory]
    [InlineData(9, true, AttendPath.Union)]
    [InlineData(8, true, AttendPath.Union)]
    [InlineData(9, false, AttendPath.Gathered)]
    [InlineData(8, false, AttendPath.Gathered)]
    public void The_device_takes_the_path_by_how_much_choices_overlap(int major, bool alike, AttendPath path)
    {
        BandExpert expert = new(new BlockGate(128, 3));
        Inputs3 inputs = new(1100, 1100, 64, alike);
        AttentionResult<BFloat16> result = Check(major, expert, inputs, new() { ReturnLse = true, ReturnRoutes = true, ReturnOverlap = true }, path);
        Assert.InRange(result.Overlap!.Value.UnionRatio, alike ? 1 : 1.7, alike ? 1.3 : 9);
    }

    [Theory]
    [InlineData(9)]
    [InlineData(8)]
    public void A_value_that_is_no_number_breaks_those_that_attend_it(int major)
    {
        BandExpert expert = new(new BlockGate(32, 2), sinks: 3);
        Inputs3 inputs = new(16, 150, 64);
        foreach ((int token, int head, float value) in new[] { (40, 0, float.NaN), (75, 1, float.PositiveInfinity) })
            inputs.V[token, head, 5] = (BFloat16)value;
        Check(major, expert, inputs, new() { ReturnLse = true, ReturnRoutes = true, ReturnOverlap = true, AttendPath = AttendPath.Union }, AttendPath.Union);
    }

    private static AttentionResult<BFloat16> Check(int major, BandExpert expert, Inputs3 inputs, AttentionOptions options, AttendPath path)
    {
        FakeCudaDriver driver = new() { Devices = [("Emulated", major, 0)], Machine = new EmulatedMachine(64) };
        CudaTarget target = new(driver, static (context, pool, _) => new TensorCoreAttention(context, pool, _store));
        AttentionResult<BFloat16> result;
        using (AttentionEngine engine = AttentionEngine.Create(new AttentionEngineOptions { Target = Target.Cuda }, target))
        {
            result = engine.Attend(expert, inputs.Q, inputs.K, inputs.V, options);
            AttentionResult<float> wanted = ReferenceAttention.Attend(expert, result.Routes!, inputs.Q, inputs.K, inputs.V, options);
            Near(wanted.Output, Inputs.Floats(result.Output), 0.03);
            Near(wanted.Lse!, Inputs.Floats(result.Lse!), 0.001);
            Assert.Equal(path, result.Overlap!.Value.Path);

            // The other path chooses the same, and is as near.
            AttentionResult<BFloat16> other = engine.Attend(
                expert, inputs.Q, inputs.K, inputs.V, options with { AttendPath = path == AttendPath.Union ? AttendPath.Gathered : AttendPath.Union });
            Assert.Equal(result.Routes!.ToArray(), other.Routes!.ToArray());
            Near(wanted.Output, Inputs.Floats(other.Output), 0.03);
            Assert.Equal(result.Overlap.Value with { Path = other.Overlap!.Value.Path }, other.Overlap.Value);
            Assert.NotEqual(path, other.Overlap.Value.Path);
            AttentionResult<BFloat16> again = engine.Attend(expert, inputs.Q, inputs.K, inputs.V, options);
            Assert.Equal(Inputs.Floats(result.Output), Inputs.Floats(again.Output));
        }

        Assert.Equal(0, driver.Leaks);
        return result;
    }

    private static void Near(Tensor<float> wanted, float[] result, double error)
    {
        float[] values = wanted.ToArray();
        Assert.Equal(values.Length, result.Length);
        for (int i = 0; i < values.Length; i++)
            Assert.True(values[i].Equals(result[i]) || Math.Abs(values[i] - result[i]) <= error, $"{i}: {result[i]} where {values[i]} was wanted");
    }

    /// <summary>q, k and v; where all are alike, every query is the same.</summary>
    private sealed class Inputs3
    {
        public Inputs3(int queries, int keys, int dim, bool alike = false)
        {
            Q = Inputs.Normal<BFloat16>(1, queries, 4, dim);
            K = Inputs.Normal<BFloat16>(2, keys, 2, dim);
            V = Inputs.Normal<BFloat16>(3, keys, 2, dim);
            if (!alike)
                return;
            BFloat16[] values = Q.ToArray();
            for (int i = 4 * dim; i < values.Length; i++)
                values[i] = values[i % (4 * dim)];
            Q = Tensor.Create(values, Q.Lengths);
        }

        public Tensor<BFloat16> Q { get; }

        public Tensor<BFloat16> K { get; }

        public Tensor<BFloat16> V { get; }
    }
}
