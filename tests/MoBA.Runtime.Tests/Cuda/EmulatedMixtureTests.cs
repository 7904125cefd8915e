using System.Numerics.Tensors;
using MoBA.Runtime.Cuda;
using MoBA.Runtime.Tests.Cuda.Emulation;
using Xunit;

namespace MoBA.Runtime.Tests.Cuda;

/// <summary>Whole calls of mixtures of an engine whose driver runs the kernels on the emulated machine, against the oracle.</summary>
public sealed class EmulatedMixtureTests
{
    private const int Heads = 4, Dim = 40;

    private static readonly KernelStore _store = new(new KernelCache(null, 0));

    private static readonly int[] _sequences = [0, 20, 20, 300, 340];
    private static readonly int[] _keySequences = [0, 20, 60, 260, 420];

    private static readonly ISparseExpert _window = new WindowExpert(30), _modified = new WindowExpert(100, modifies: true), _all = new WindowExpert(1 << 20);

    private readonly Tensor<BFloat16> _q = Inputs.Normal<BFloat16>(1, 340, Heads, Dim);
    private readonly Tensor<BFloat16> _k = Inputs.Normal<BFloat16>(2, 420, 2, Dim);
    private readonly Tensor<BFloat16> _v = Inputs.Normal<BFloat16>(3, 420, 2, Dim);

    /// <summary>Compute capability, TopK, how outputs become one, whether there is a router, gated experts, and a limit of scratch memory.</summary>
    public static TheoryData<int, int, Combine, bool, int, long?> Cases()
    {
        TheoryData<int, int, Combine, bool, int, long?> cases = [];
        foreach (int major in new[] { 8, 9 })
        {
            cases.Add(major, 1, Combine.Weighted, true, 0, null);
            cases.Add(major, 2, Combine.Weighted, false, 0, null);
            cases.Add(major, 2, Combine.LogSumExp, true, 0, 600L << 10);
            cases.Add(major, 3, Combine.Weighted, true, 0, null);
            cases.Add(major, 1, Combine.Weighted, false, 1, null);
            cases.Add(major, 2, Combine.LogSumExp, false, 1, null);
            cases.Add(major, 2, Combine.LogSumExp, false, 1, 600L << 10);
            cases.Add(major, 1, Combine.LogSumExp, true, 2, null);
            cases.Add(major, 2, Combine.Weighted, true, 2, null);
            cases.Add(major, 1, Combine.Weighted, true, 3, null);       // own blocks, and no need of a gate
        }

        return cases;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void The_result_is_that_of_the_oracle(int major, int topK, Combine combine, bool hasRouter, int gated, long? limit)
    {
        ISparseExpert[] experts = [_window, .. Gated(gated), _modified, _all];
        TestMixture mixture = new(topK, combine, experts);
        Router router = new(Inputs.Normal<float>(5, Heads, experts.Length, Dim), Tensor.Create([.. Enumerable.Range(0, Heads * experts.Length).Select(static i => i % 3 * 0.25f)], [Heads, experts.Length]));
        Tensor<float> logits = Inputs.Normal<float>(7, 340, Heads, experts.Length);
        AttentionOptions options = new()
        {
            Sequences = _sequences,
            KeySequences = _keySequences,
            ReturnRoutes = true,
            ReturnLse = combine == Combine.LogSumExp || topK == 1,
        };
        AttentionResult<float> wanted = hasRouter
            ? ReferenceAttention.Attend(mixture, router, _q, _k, _v, options) : ReferenceAttention.Attend(mixture, logits, _q, _k, _v, options);
        FakeCudaDriver driver = Driver(major);
        using (AttentionEngine engine = Engine(driver, limit))
        {
            AttentionResult<BFloat16> result = hasRouter
                ? engine.Attend(mixture, router, _q, _k, _v, options) : engine.Attend(mixture, logits, _q, _k, _v, options);
            Assert.Contains(driver.Launches, static l => l.Entry == "Kernel_Choose");
            Assert.Equal(topK == 1 && gated != 2 ? 0 : limit is null ? 1 : 2, driver.Launches.Count(static l => l.Entry == "Kernel_Mix"));
            Assert.Equal(Inputs.Ints(wanted.Routes!), Inputs.Ints(result.Routes!));
            Near(wanted.RouteWeights!, Inputs.Floats(result.RouteWeights!), 1e-5);
            Near(wanted.Output, Inputs.Floats(result.Output), 0.03);
            if (options.ReturnLse)
                Near(wanted.Lse!, Inputs.Floats(result.Lse!), 0.004);
            Assert.Equal(wanted.Loads!.Select(static l => l.Tokens), result.Loads!.Select(static l => l.Tokens));
            foreach ((ExpertLoad load, ExpertLoad other) in wanted.Loads!.Zip(result.Loads!))
                Assert.Equal(load.Entropy, other.Entropy, 1e-5);
        }

        Assert.Equal(0, driver.Leaks);
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(3, 3)]
    [InlineData(8, 5)]
    [InlineData(9, 4)]
    [InlineData(21, 9)]
    public void Of_equal_logits_the_lower_id_wins(int experts, int topK)
    {
        TestMixture mixture = new(topK, Combine.Weighted, [.. Enumerable.Repeat(_window, experts)]);
        Random random = new(experts);
        float[] values = [.. Enumerable.Range(0, 150 * Heads * experts).Select(_ => random.Next(5) switch { 0 => -0f, 1 => 0f, 2 => -3e38f, 3 => 3e38f, _ => (float)random.Next(3) })];
        Route(mixture, 150, Dim, null, Tensor.Create(values, [150, Heads, experts]));
    }

    [Theory]
    [InlineData(8, 1, 256)]
    [InlineData(2, 2, 72)]
    [InlineData(9, 2, 128)]
    [InlineData(17, 3, 8)]
    public void A_router_is_asked_in_full_precision(int experts, int topK, int dim) => Route(
        new(topK, Combine.Weighted, [.. Enumerable.Repeat(_window, experts)]), 131, dim,
        new(Inputs.Normal<float>(experts, Heads, experts, dim), Tensor.Create([.. Enumerable.Range(0, Heads * experts).Select(static i => i % 3 * 0.25f)], [Heads, experts])), null);

    // Routes, weights and entropies are those of the CPU engine.
    private static void Route(TestMixture mixture, int tokens, int dim, Router? router, Tensor<float>? logits)
    {
        Tensor<Half> q = Inputs.Normal<Half>(1, tokens, Heads, dim), k = Inputs.Normal<Half>(2, tokens, 2, dim), v = Inputs.Normal<Half>(3, tokens, 2, dim);
        AttentionOptions options = new() { ReturnRoutes = true };
        using AttentionEngine engine = Engine(Driver(8), null), cpu = AttentionEngine.Create(Target.Cpu);
        AttentionResult<Half> result = router is null ? engine.Attend(mixture, logits!, q, k, v, options) : engine.Attend(mixture, router, q, k, v, options);
        AttentionResult<Half> wanted = router is null ? cpu.Attend(mixture, logits!, q, k, v, options) : cpu.Attend(mixture, router, q, k, v, options);
        Assert.Equal(Inputs.Ints(wanted.Routes!), Inputs.Ints(result.Routes!));
        Near(wanted.RouteWeights!, Inputs.Floats(result.RouteWeights!), 1e-5);
        foreach ((ExpertLoad load, ExpertLoad other) in wanted.Loads!.Zip(result.Loads!))
        {
            Assert.Equal(load.Tokens, other.Tokens);
            Assert.Equal(load.Entropy, other.Entropy, 1e-5);
        }
    }

    [Theory]
    [InlineData(8)]
    [InlineData(9)]
    public void A_router_that_always_picks_one_expert_gives_its_very_bits(int major)
    {
        ISparseExpert[] experts = [_window, .. Gated(1), _modified];
        TestMixture mixture = new(1, Combine.Weighted, experts);
        AttentionOptions options = new() { Sequences = _sequences, KeySequences = _keySequences, ReturnLse = true };
        using AttentionEngine engine = Engine(Driver(major), null);
        for (int id = 0; id < experts.Length; id++)
        {
            int chosen = id;
            Tensor<float> logits = Tensor.Create([.. Enumerable.Range(0, 340 * Heads * experts.Length).Select(i => i % experts.Length == chosen ? 1f : 0f)], [340, Heads, experts.Length]);
            AttentionResult<BFloat16> alone = engine.Attend(experts[id], _q, _k, _v, options), mixed = engine.Attend(mixture, logits, _q, _k, _v, options);
            Assert.Equal(Inputs.Floats(alone.Output), Inputs.Floats(mixed.Output));
            Assert.Equal(Inputs.Floats(alone.Lse!), Inputs.Floats(mixed.Lse!));
            Assert.Equal(340 * Heads, mixed.Loads![id].Tokens);
        }
    }

    [Theory]
    [InlineData(8, 1)]
    [InlineData(9, 2)]
    public void Device_tensors_are_attended_without_waiting(int major, int topK)
    {
        ISparseExpert[] experts = [_window, _modified, _all];
        TestMixture mixture = new(topK, Combine.Weighted, experts);
        Router router = new(Inputs.Normal<float>(5, Heads, experts.Length, Dim));
        DeviceAttentionOptions options = new() { Sequences = _sequences, KeySequences = _keySequences, ReturnRoutes = true };
        AttentionResult<float> wanted = ReferenceAttention.Attend(
            mixture, router, _q, _k, _v, new() { Sequences = _sequences, KeySequences = _keySequences, ReturnRoutes = true });
        FakeCudaDriver driver = Driver(major);
        using (AttentionEngine engine = Engine(driver, null))
        {
            using DeviceTensor<BFloat16> q = engine.ToDevice(_q), k = engine.ToDevice(_k), v = engine.ToDevice(_v);
            using DeviceTensor<float> logits = engine.ToDevice(router.Logits(_q));

            // The output may be the queries.
            foreach (DeviceAttentionResult<BFloat16> result in new[] { engine.Attend(mixture, logits, q, k, v, options), engine.Attend(mixture, router, q, k, v, options, q) })
            {
                Assert.Equal(Inputs.Ints(wanted.Routes!), Inputs.Ints(result.Routes!.ToHost()));
                Near(wanted.RouteWeights!, Inputs.Floats(result.RouteWeights!.ToHost()), 1e-5);
                Near(wanted.Output, Inputs.Floats(result.Output.ToHost()), 0.03);
                Assert.Equal(wanted.Loads!.Select(static l => l.Tokens), result.ReadLoads()!.Select(static l => l.Tokens));
                Assert.True(result.WorkspaceBytes > 0);
                foreach (IDisposable tensor in new IDisposable[] { result.Output, result.Routes, result.RouteWeights, result.RouterEntropy! })
                    tensor.Dispose();
            }
        }

        Assert.Equal(0, driver.Leaks);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Rows_without_an_order_of_logits_are_refused(int topK)
    {
        TestMixture mixture = new(topK, Combine.Weighted, _window, _all);
        float[] values = Inputs.Floats(Inputs.Normal<float>(7, 340, Heads, 2));
        (values[2 * ((17 * Heads) + 1)], values[(2 * ((17 * Heads) + 3)) + 1]) = (float.NaN, float.PositiveInfinity);
        Tensor<float> bad = Tensor.Create(values, [340, Heads, 2]);
        FakeCudaDriver driver = Driver(8);
        using AttentionEngine engine = Engine(driver, null);
        using AttentionEngine cpu = AttentionEngine.Create(Target.Cpu);
        Tensor<BFloat16> k = _k[..340, .., ..], v = _v[..340, .., ..];
        string wanted = Assert.Throws<ArgumentException>(() => cpu.Attend(mixture, bad, _q, k, v)).Message;
        Assert.Equal(wanted, Assert.Throws<ArgumentException>(() => engine.Attend(mixture, bad, _q, k, v)).Message);

        using DeviceTensor<BFloat16> q = engine.ToDevice(_q), keys = engine.ToDevice(k), deviceValues = engine.ToDevice(v);
        using DeviceTensor<float> logits = engine.ToDevice(bad);
        DeviceAttentionResult<BFloat16> result = engine.Attend(mixture, logits, q, keys, deviceValues, new() { ReturnRoutes = true });
        float[] output = Inputs.Floats(result.Output.ToHost());
        int[] routes = Inputs.Ints(result.Routes!.ToHost());
        for (int row = 0; row < 340 * Heads; row++)
        {
            int expert = row == (17 * Heads) + 1 ? 0 : row == (17 * Heads) + 3 ? 1 : -1;
            Assert.All(output[(row * Dim)..((row + 1) * Dim)], x => Assert.Equal(expert >= 0, float.IsNaN(x)));
            Assert.Equal(expert >= 0 ? -1 - expert : Math.Max(0, routes[row * topK]), routes[row * topK]);
        }
    }

    [Fact]
    public void Without_keys_there_are_routes_and_zeros()
    {
        TestMixture mixture = new(1, Combine.Weighted, _window, _all);
        Tensor<float> logits = Inputs.Normal<float>(7, 340, Heads, 2);
        Tensor<BFloat16> none = Tensor.Create(Array.Empty<BFloat16>(), [0, 2, Dim]);
        AttentionOptions options = new() { QueryStart = 0, ReturnRoutes = true, ReturnLse = true };
        using AttentionEngine engine = Engine(Driver(9), null), cpu = AttentionEngine.Create(Target.Cpu);
        AttentionResult<BFloat16> result = engine.Attend(mixture, logits, _q, none, none, options);
        Assert.Equal(Inputs.Ints(cpu.Attend(mixture, logits, _q, none, none, options).Routes!), Inputs.Ints(result.Routes!));
        Assert.All(Inputs.Floats(result.Output), static x => Assert.Equal(0, x));
        Assert.All(Inputs.Floats(result.Lse!), static x => Assert.Equal(float.NegativeInfinity, x));
    }

    [Fact]
    public void A_NaN_among_values_stays_with_rows_that_attend_it()
    {
        TestMixture mixture = new(2, Combine.Weighted, _window, new WindowExpert(10));
        Tensor<float> logits = Inputs.Normal<float>(7, 340, Heads, 2);
        BFloat16[] values = [.. _v[..340, .., ..]];
        values[200 * 2 * Dim] = (BFloat16)float.NaN;
        Tensor<BFloat16> k = _k[..340, .., ..], v = Tensor.Create(values, [340, 2, Dim]);
        foreach (int major in new[] { 8, 9 })
        {
            using AttentionEngine engine = Engine(Driver(major), null);
            Near(ReferenceAttention.Attend(mixture, logits, _q, k, v).Output, Inputs.Floats(engine.Attend(mixture, logits, _q, k, v)), 0.03);
        }
    }

    private static IEnumerable<ISparseExpert> Gated(int count)
    {
        if (count > 0)
            yield return new BandExpert(new BlockGate(32, count == 3 ? 1 : 3));
        if (count == 3)
            yield return new BandExpert(new BlockGate(1 << 20, 3));
        if (count == 2)
            yield return new BandExpert(new BlockGate(48, 2, Pooling.MinMax, RouteScope.KeyGroup), sinks: 5);
    }

    private static FakeCudaDriver Driver(int major) => new() { Devices = [("Emulated", major, 0)], Machine = new EmulatedMachine(64) };

    private static AttentionEngine Engine(FakeCudaDriver driver, long? limit) => AttentionEngine.Create(
        new AttentionEngineOptions { Target = Target.Cuda, WorkspaceBytes = limit },
        new CudaTarget(driver, static (context, pool, _) => new TensorCoreAttention(context, pool, _store)));

    private static void Near(Tensor<float> wanted, float[] result, double error)
    {
        float[] values = wanted.ToArray();
        Assert.Equal(values.Length, result.Length);
        for (int i = 0; i < values.Length; i++)
            Assert.True(values[i].Equals(result[i]) || Math.Abs(values[i] - result[i]) <= error, $"{i}: {result[i]} where {values[i]} was wanted");
    }
}
