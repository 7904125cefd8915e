using System.Numerics.Tensors;
using MoBA.Runtime.Portable;
using Xunit;

namespace MoBA.Runtime.Tests.Portable;

public sealed class PortableGateTests(PortableGateTests.Engines engines) : IClassFixture<PortableGateTests.Engines>
{
    [Theory]
    [InlineData(16, 3)]
    [InlineData(48, 2)]
    [InlineData(80, 2)]
    public void A_causal_expert_agrees_with_the_definition(int blockSize, int topK)
    {
        Check(GatedSample.Causal(new(blockSize, topK)), new(2, 1, 16, [0, 200]));
        Check(GatedSample.Causal(new(blockSize, topK)), new(1, 1, 8, [0, 161]));
    }

    [Fact]
    public void A_gate_composes_with_a_window_and_a_predicate_that_is_not_causal()
    {
        Check(GatedSample.Window(new(16, 4), window: 70, sinks: 20), new(2, 2, 8, [0, 150]));
        Check(GatedSample.Everything(new(16, 3)), new(2, 1, 8, [0, 100]));
    }

    [Fact]
    public void A_gate_composes_with_a_score_modifier() => Check(GatedSample.Alibi(new(16, 3)), new(4, 2, 8, [0, 130]));

    [Theory]
    [InlineData(RouteScope.QueryHead, Pooling.MinMax)]
    [InlineData(RouteScope.KeyGroup, Pooling.Mean)]
    [InlineData(RouteScope.KeyGroup, Pooling.MinMax)]
    public void Heads_may_share_a_route_and_blocks_may_be_bounds(RouteScope scope, Pooling pooling)
    {
        Check(GatedSample.Causal(new(16, 3, pooling, scope)), new(6, 2, 16, [0, 120]));
        Check(GatedSample.CausalAlways(new(16, 3, pooling, scope), 20, 3), new(4, 1, 8, [0, 5, 90]));
    }

    [Fact]
    public void What_is_always_attended_is_attended_once()
    {
        Check(GatedSample.CausalAlways(new(16, 3), window: 40, sinks: 4), new(2, 1, 8, [0, 150]));
        Check(GatedSample.CausalAlways(new(32, 1), window: 20, sinks: 40), new(2, 1, 8, [0, 150]));
        Check(GatedSample.CausalAlways(new(16, 20), window: 1000, sinks: 0), new(1, 1, 8, [0, 100]));
        Check(GatedSample.CausalAlways(new(16, 3), window: 1000, sinks: 30), new(2, 1, 8, [0, 30], [0, 20]));    // rows before the first key
    }

    [Fact]
    public void Sequences_do_not_see_each_other()
    {
        Case packed = new(2, 1, 8, [0, 70, 70, 71, 75, 140]);
        Check(GatedSample.Causal(new(16, 3)), packed);
        Check(GatedSample.CausalAlways(new(16, 4), 5, 5), packed);
        Check(GatedSample.Causal(new(16, 3)), new(2, 1, 8, [0, 5, 25, 26], [0, 0, 90, 150]));                 // decode, and no keys
    }

    [Theory]
    [InlineData(100, 37, null)]
    [InlineData(100, 60, 40)]
    [InlineData(40, 90, null)]         // more queries than keys
    [InlineData(64, 20, 100)]          // own blocks past the last key
    [InlineData(64, 1, null)]
    public void Queries_start_anywhere(int keys, int queries, int? start)
    {
        Check(GatedSample.Causal(new(16, 3)), new(2, 1, 8, [0, queries], [0, keys], start));
        Check(GatedSample.CausalAlways(new(16, 2), 30, 2), new(2, 1, 8, [0, queries], [0, keys], start));
    }

    [Fact]
    public void Chunked_prefill_routes_as_one_call()
    {
        GatedSample expert = GatedSample.Causal(new(16, 3));
        (Tensor<float> q, Tensor<float> k, Tensor<float> v) = (Inputs.Normal<float>(1, 100, 2, 8), Inputs.Normal<float>(2, 100, 1, 8), Inputs.Normal<float>(3, 100, 1, 8));
        AttentionResult<float> whole = engines.Engine.Attend(expert, q, k, v, new() { ReturnRoutes = true, ReturnLse = true });
        Tensor<float> tail = Tensor.Create(Inputs.Floats(q)[(60 * 16)..], [40, 2, 8]);
        AttentionResult<float> part = engines.Engine.Attend(expert, tail, k, v, new() { ReturnRoutes = true, ReturnLse = true });
        Assert.Equal(Inputs.Floats(whole.Output)[(60 * 16)..], Inputs.Floats(part.Output));
        Assert.Equal(Inputs.Floats(whole.Lse!)[(60 * 2)..], Inputs.Floats(part.Lse!));
        Assert.Equal(Ints(whole.Routes!)[(60 * 6)..], Ints(part.Routes!));
    }

    [Fact]
    public void One_block_is_block_diagonal_and_all_blocks_are_dense()
    {
        (Tensor<float> q, Tensor<float> k, Tensor<float> v) = (Inputs.Normal<float>(1, 110, 2, 8), Inputs.Normal<float>(2, 110, 2, 8), Inputs.Normal<float>(3, 110, 2, 8));
        double[] diagonal = Oracle.Attend(new SampleExpert(_ => { }, (i, j, _) => i >= j && i / 16 == j / 16), q, k, v, new()).Output;
        double[] dense = Oracle.Attend(new SampleExpert(_ => { }, (i, j, _) => i >= j), q, k, v, new()).Output;
        AssertClose(diagonal, Inputs.Floats(engines.Engine.Attend(GatedSample.Causal(new(16, 1)), q, k, v)));
        AssertClose(dense, Inputs.Floats(engines.Engine.Attend(GatedSample.Causal(new(16, 7)), q, k, v)));
        AssertClose(dense, Inputs.Floats(engines.Engine.Attend(GatedSample.Causal(new(16, 100_000)), q, k, v)));
        Assert.NotEqual(
            Inputs.Floats(engines.Engine.Attend(GatedSample.Causal(new(16, 3)), q, k, v)),
            Inputs.Floats(engines.Engine.Attend(GatedSample.Causal(new(16, 7)), q, k, v)));
    }

    [Theory]
    [InlineData(Pooling.Mean)]
    [InlineData(Pooling.MinMax)]
    public void Of_equal_gates_the_later_block_wins(Pooling pooling)
    {
        Tensor<float> q = Inputs.Normal<float>(1, 100, 1, 8), k = Tensor.Create(Enumerable.Repeat(1f, 800).ToArray(), [100, 1, 8]);
        int[] routes = Ints(engines.Engine.Attend(GatedSample.Causal(new(16, 3, pooling)), q, k, k, new() { ReturnRoutes = true }).Routes!);
        Assert.Equal([0, -1, -1], routes[..3]);
        Assert.Equal([1, 0, -1], routes[(16 * 3)..(17 * 3)]);
        Assert.Equal([3, 1, 2], routes[(48 * 3)..(49 * 3)]);
        Assert.Equal([6, 4, 5], routes[^3..]);
    }

    [Fact]
    public void A_gate_that_is_no_number_ranks_lowest()
    {
        float[] keys = Inputs.Floats(Inputs.Normal<float>(2, 80, 1, 8));
        keys[(20 * 8) + 3] = float.NaN;                                                   // block 1
        Tensor<float> q = Inputs.Normal<float>(1, 80, 1, 8), k = Tensor.Create(keys, [80, 1, 8]), v = Inputs.Normal<float>(3, 80, 1, 8);
        foreach (Pooling pooling in Enum.GetValues<Pooling>())
        {
            AttentionResult<float> result = engines.Engine.Attend(GatedSample.Causal(new(16, 4, pooling)), q, k, v, new() { ReturnRoutes = true });
            Assert.Equal([4, 0, 2, 3], Ints(result.Routes!)[^4..]);
            Assert.DoesNotContain(Inputs.Floats(result.Output)[(64 * 8)..], float.IsNaN);
        }
    }

    [Fact]
    public void Halves_are_pooled_in_float_and_rounded_once()
    {
        Check<Half>(GatedSample.Causal(new(16, 3)), new(2, 1, 16, [0, 120]), 1.0 / 1000);
        Check<BFloat16>(GatedSample.Causal(new(16, 3)), new(2, 1, 16, [0, 120]), 1.0 / 128);
        Check<BFloat16>(GatedSample.Causal(new(48, 2, Pooling.MinMax)), new(2, 1, 16, [0, 120]), 1.0 / 128);
    }

    [Fact]
    public void Means_that_round_to_one_number_tie()
    {
        // A last bit of one key of block 0 makes its mean the greater one in float, not in bfloat16.
        Tensor<BFloat16> q = Tensor.Create(Enumerable.Repeat((BFloat16)1f, 8 * 33).ToArray(), [33, 1, 8]);
        Tensor<BFloat16> k = Tensor.Create(q.ToArray(), [33, 1, 8]);
        k[0, 0, 0] = (BFloat16)(1f + (1f / 128));
        int[] Last<T>(Tensor<T> queries, Tensor<T> keys) =>
            Ints(engines.Engine.Attend(GatedSample.Causal(new(16, 2)), queries, keys, keys, new() { ReturnRoutes = true }).Routes!)[^2..];
        Assert.Equal([2, 1], Last(q, k));
        Assert.Equal([2, 0], Last(Tensor.Create(Inputs.Floats(q), [33, 1, 8]), Tensor.Create(Inputs.Floats(k), [33, 1, 8])));
    }

    [Fact]
    public void Means_are_rounded_as_conversions_round()
    {
        Random random = new(1);
        for (int i = 0; i < 100_000; i++)
        {
            float half = (float)((random.NextDouble() - 0.5) * Math.ScaleB(1, random.Next(-26, 17))), wide = BitConverter.Int32BitsToSingle(random.Next(0x7f000000) | (i << 31));
            Assert.Equal((float)(Half)half, CentroidKernel.Rounded(half, 13));
            Assert.Equal((float)(BFloat16)wide, CentroidKernel.Rounded(wide, 16));
            float tie = BitConverter.Int32BitsToSingle((BitConverter.SingleToInt32Bits(wide) & ~0xffff) | 0x8000);
            Assert.Equal((float)(BFloat16)tie, CentroidKernel.Rounded(tie, 16));
        }

        foreach (float tie in new[] { 1f + (1f / 2048), 1f + (3f / 2048), 0.5f / (1 << 24), 1.5f / (1 << 24), 2.5f / (1 << 24), 1023.5f / (1 << 24) })
            Assert.Equal((float)(Half)tie, CentroidKernel.Rounded(tie, 13));
    }

    [Theory]
    [InlineData(3e38f, 1f, 1f)]
    [InlineData(1f, 3e38f, 1f)]
    [InlineData(2e38f, 3e38f, 3e38f)]
    [InlineData(1e-3f, 1f, 3e38f)]
    [InlineData(3e38f, 1e-38f, 1f)]
    public void Huge_numbers_route_and_do_not_become_NaN(float query, float key, float value)
    {
        Tensor<float> Scaled(int seed, int heads, float factor) => Tensor.Create(
            [.. Inputs.Floats(Inputs.Normal<float>(seed, 100, heads, 8)).Select(x => Math.Clamp(x, -1, 1) * factor)], [100, heads, 8]);
        foreach (Pooling pooling in Enum.GetValues<Pooling>())
        {
            BlockGate gate = new(16, 3, pooling, RouteScope.KeyGroup);
            AttentionOptions options = new() { ReturnRoutes = true };
            int[] expected = Ints(engines.Engine.Attend(GatedSample.Causal(gate), Scaled(1, 4, 1), Scaled(2, 1, 1), Scaled(3, 1, 1), options).Routes!);
            GatedSample expert = GatedSample.CausalAlways(gate, 20, 2);
            AttentionResult<float> result = engines.Engine.Attend(expert, Scaled(1, 4, query), Scaled(2, 1, key), Scaled(3, 1, value), options);
            Assert.Equal(expected, Ints(result.Routes!));
            float[] plain = Inputs.Floats(engines.Engine.Attend(expert, Scaled(1, 4, query), Scaled(2, 1, key), Scaled(3, 1, 1)));
            Assert.All(Inputs.Floats(result.Output).Zip(plain), pair => Assert.Equal(pair.Second, pair.First / value, 1e-4f));
        }
    }

    [Fact]
    public void Passes_are_timed_in_their_order()
    {
        Tensor<float> x = Inputs.Normal<float>(1, 40, 1, 8);
        AttentionResult<float> result = engines.Engine.Attend(GatedSample.Causal(new(16, 2)), x, x, x, new());
        Assert.Equal(["upload", "centroids", "gate", "index", "attend", "combine", "download"], result.Timings.Select(t => t.Pass));
    }

    private void Check(GatedSample expert, Case problem) => Check<float>(expert, problem, 0);

    // Against the definition; again, with memory for a few units at a time only; again.
    private void Check<T>(GatedSample expert, Case problem, double relative)
        where T : unmanaged
    {
        int[] keys = problem.KeySequences ?? problem.Sequences;
        Tensor<T> q = Inputs.Normal<T>(1, problem.Sequences[^1], problem.Heads, problem.Dim);
        Tensor<T> k = Inputs.Normal<T>(2, keys[^1], problem.KeyHeads, problem.Dim);
        Tensor<T> v = Inputs.Normal<T>(3, keys[^1], problem.KeyHeads, problem.Dim);
        AttentionOptions options = new()
        {
            Sequences = problem.Sequences,
            KeySequences = problem.KeySequences,
            QueryStart = problem.QueryStart,
            ReturnLse = true,
            ReturnRoutes = true,
        };
        AttentionResult<T> actual = engines.Engine.Attend(expert, q, k, v, options);
        GateOracle<T> oracle = new(expert, q, k, v, options);
        int[] routes = Ints(actual.Routes!);
        oracle.CheckRoutes(routes);
        (double[] output, double[] lse) = oracle.Attend(routes);
        AssertClose(output, Inputs.Floats(actual.Output), relative);
        AssertClose(lse, Inputs.Floats(actual.Lse!));

        foreach (AttentionEngine engine in new[] { engines.Engine, engines.Frugal })
        {
            AttentionResult<T> again = engine.Attend(expert, q, k, v, options);
            Assert.Equal(Inputs.Floats(actual.Output), Inputs.Floats(again.Output));
            Assert.Equal(Inputs.Floats(actual.Lse!), Inputs.Floats(again.Lse!));
            Assert.Equal(routes, Ints(again.Routes!));
        }
    }

    private static int[] Ints(Tensor<int> tensor)
    {
        int[] values = new int[tensor.FlattenedLength];
        tensor.FlattenTo(values);
        return values;
    }

    private static void AssertClose(double[] expected, float[] actual, double relative = 0)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (int i = 0; i < expected.Length; i++)
        {
            double bound = 2e-5 + (relative * Math.Abs(expected[i]));
            Assert.True(expected[i] == actual[i] || Math.Abs(expected[i] - actual[i]) < bound, $"element {i}: {actual[i]} instead of {expected[i]}");
        }
    }

    private sealed record Case(int Heads, int KeyHeads, int Dim, int[] Sequences, int[]? KeySequences = null, int? QueryStart = null);

    public sealed class Engines : IDisposable
    {
        internal AttentionEngine Engine { get; } = new(new PortableBackend(PortableDevice.Cpu()));

        /// <summary>Has memory for few rows at a time, and lays them out as on a GPU.</summary>
        internal AttentionEngine Frugal { get; } = new(new PortableBackend(PortableDevice.Cpu(scratchBytes: 5000, interleaves: true)));

        public void Dispose()
        {
            Engine.Dispose();
            Frugal.Dispose();
        }
    }
}
