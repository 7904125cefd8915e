using System.Numerics.Tensors;
using MoBA.Runtime.Cpu;
using Xunit;

namespace MoBA.Runtime.Tests;

/// <summary>Block gates on the CPU engine against the oracle, and against itself in every other way of computing the same.</summary>
public sealed class CpuGateTests
{
    // As in the conformance tests: see there.
    private const float Bound = 1e-5f;

    /// <summary>Seeds of random cases.</summary>
    public static TheoryData<int> Seeds => [.. Enumerable.Range(0, 120)];

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Agrees_with_the_oracle(int seed)
    {
        GateCase at = GateCase.Random(seed);
        using AttentionEngine engine = Engine(seed % 2 == 0, 2);
        AttentionResult<float> actual = engine.Attend(at.Expert, at.Q, at.K, at.V, at.Options);

        // Routes by the definition; attention by the routes.
        RouteGap gap = ReferenceAttention.CompareRoutes(at.Expert, actual.Routes!, at.Q, at.K, at.Options);
        Assert.Null(gap.Fault);
        Assert.InRange(gap.Deficit, 0, 1e-5);
        AttentionResult<float> wanted = ReferenceAttention.Attend(at.Expert, actual.Routes!, at.Q, at.K, at.V, at.Options);
        Agree(wanted, actual);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Threads_chunks_and_runs_change_no_bit(bool wide)
    {
        Tensor<float> q = Inputs.Normal<float>(1, 5000, 2, 16), k = Inputs.Normal<float>(2, 5000, 1, 16), v = Inputs.Normal<float>(3, 5000, 1, 16);
        ISparseExpert expert = new GatedExpert(new FastCausal(), new BlockGate(64, 6), static (q, k) => k < 16 || q - k < 40);
        float[][] outputs = [.. new[] { 1, 2, 8, 2 }.Select(workers =>
        {
            using AttentionEngine engine = Engine(wide, workers);   // more workers, shorter chunks
            return Inputs.Floats(engine.Attend(expert, q, k, v));
        })];
        Assert.All(outputs, o => Assert.Equal(outputs[0], o));
        Assert.Contains(outputs[0], x => x != 0);
    }

    [Fact]
    public void A_chunk_of_queries_is_bitwise_a_part_of_all()
    {
        Tensor<float> q = Inputs.Normal<float>(1, 700, 2, 16), k = Inputs.Normal<float>(2, 700, 2, 16), v = Inputs.Normal<float>(3, 700, 2, 16);
        ISparseExpert expert = new GatedExpert(new FastCausal(), new BlockGate(32, 4));
        using AttentionEngine engine = Engine(true, 2);
        float[] all = Inputs.Floats(engine.Attend(expert, q, k, v));
        foreach ((int first, int end) in new[] { (0, 1), (0, 300), (300, 301), (299, 700), (699, 700) })
        {
            // The keys that are there when the chunk is computed, and no later ones.
            float[] part = Inputs.Floats(engine.Attend(expert, Slice(q, first, end), Slice(k, 0, end), Slice(v, 0, end)));
            Assert.Equal(all[(first * 32)..(end * 32)], part);
        }
    }

    [Fact]
    public void As_many_blocks_as_there_are_is_dense()
    {
        Tensor<float> q = Inputs.Normal<float>(1, 333, 4, 8), k = Inputs.Normal<float>(2, 333, 2, 8), v = Inputs.Normal<float>(3, 333, 2, 8);
        using AttentionEngine engine = Engine(true, 2);
        float[] dense = Inputs.Floats(engine.Attend(new FastCausal(), q, k, v));
        foreach (int topK in new[] { 21, 22, 1000 })
            Close(dense, Inputs.Floats(engine.Attend(new GatedExpert(new FastCausal(), new BlockGate(16, topK)), q, k, v)));
        float[] fewer = Inputs.Floats(engine.Attend(new GatedExpert(new FastCausal(), new BlockGate(16, 20)), q, k, v));
        Assert.Contains(dense.Zip(fewer), x => Math.Abs(x.First - x.Second) > 1e-3);
    }

    [Fact]
    public void One_block_is_the_own_block_alone()
    {
        Tensor<float> q = Inputs.Normal<float>(1, 333, 2, 8), k = Inputs.Normal<float>(2, 333, 2, 8), v = Inputs.Normal<float>(3, 333, 2, 8);
        using AttentionEngine engine = Engine(true, 2);
        Tensor<float> actual = engine.Attend(new GatedExpert(new FastCausal(), new BlockGate(48, 1)), q, k, v);
        (double[] wanted, _) = Oracle.Attend(new PredicateExpert((q, k, _) => q >= k && q / 48 == k / 48), q, k, v, new());
        Close([.. wanted.Select(x => (float)x)], Inputs.Floats(actual));
    }

    [Theory]
    [InlineData(Pooling.Mean)]
    [InlineData(Pooling.MinMax)]
    public void Later_blocks_win_ties(Pooling pooling)
    {
        Tensor<float> same = Tensor.Create(Enumerable.Repeat(0.5f, 400 * 8).ToArray(), [400, 1, 8]);
        using AttentionEngine engine = Engine(true, 2);
        foreach (int topK in new[] { 4, 19 })
        {
            GatedExpert expert = new(new FastCausal(), new BlockGate(16, topK, pooling));
            int[] routes = Inputs.Ints(engine.Attend(expert, same, same, same, new AttentionOptions { ReturnRoutes = true }).Routes!);
            for (int q = 0; q < 400; q++)
            {
                int own = q / 16, past = Math.Min(own, topK - 1);
                int[] wanted = [own, .. Enumerable.Range(own - past, past), .. Enumerable.Repeat(-1, topK - 1 - past)];
                Assert.Equal(wanted, routes[(q * topK)..((q + 1) * topK)]);
            }
        }
    }

    [Fact]
    public void Permuted_sequences_permute_the_output()
    {
        int[] lengths = [200, 0, 1, 333, 97], order = [3, 4, 0, 2, 1];
        Tensor<float>[] q = Sequences(1, lengths), k = Sequences(2, lengths), v = Sequences(3, lengths);
        GatedExpert expert = new(new FastCausal(), new BlockGate(32, 3));
        using AttentionEngine engine = Engine(true, 2);
        float[] straight = Attend(Enumerable.Range(0, 5).ToArray()), permuted = Attend(order);
        int[] starts = Starts(lengths);
        Assert.Equal(order.SelectMany(i => straight[(starts[i] * 16)..(starts[i + 1] * 16)]), permuted);

        // The offsets are read anew in every call.
        float[] Attend(int[] which) => Inputs.Floats(engine.Attend(
            expert, Join(which.Select(i => q[i])), Join(which.Select(i => k[i])), Join(which.Select(i => v[i])),
            new AttentionOptions { Sequences = Starts([.. which.Select(i => lengths[i])]) }).Output);
    }

    [Fact]
    public void Offsets_edited_in_place_are_read_anew()
    {
        Tensor<float> x = Inputs.Normal<float>(1, 96, 1, 8);
        GatedExpert expert = new(new FastCausal(), new BlockGate(16, 2));
        using AttentionEngine engine = Engine(true, 1);
        int[] offsets = [0, 10, 96];
        float[] before = Inputs.Floats(engine.Attend(expert, x, x, x, new AttentionOptions { Sequences = offsets }).Output);
        offsets[1] = 50;
        float[] after = Inputs.Floats(engine.Attend(expert, x, x, x, new AttentionOptions { Sequences = offsets }).Output);
        float[] fresh = Inputs.Floats(engine.Attend(expert, x, x, x, new AttentionOptions { Sequences = [0, 50, 96] }).Output);
        Assert.NotEqual(before, after);
        Assert.Equal(fresh, after);
    }

    [Fact]
    public void Sixteen_bit_keys_have_sixteen_bit_centroids_of_exact_sums()
    {
        // 1 + 511 times 2^-9: a bfloat16 running sum would stay at 1; the mean is 1/256 and a little, rounded once.
        float[] keys = new float[1536];
        Array.Fill(keys, 1f / 512, 0, 512);
        keys[0] = 1;
        Array.Fill(keys, 1.5f / 512, 512, 512);
        Tensor<BFloat16> k = Tensor.Create([.. keys.SelectMany(x => Enumerable.Repeat((BFloat16)x, 8))], [1536, 1, 8]);
        Tensor<BFloat16> q = Tensor.Create([.. Enumerable.Repeat((BFloat16)1f, 1536 * 8)], [1536, 1, 8]);
        using AttentionEngine engine = Engine(true, 1);
        int[] routes = Inputs.Ints(engine.Attend(
            new GatedExpert(new FastCausal(), new BlockGate(512, 2)), q, k, k, new AttentionOptions { ReturnRoutes = true }).Routes!);
        Assert.Equal([2, 0], routes[(1535 * 2)..]);   // 1.998 / 512 beats 1.5 / 512
    }

    [Fact]
    public void Huge_queries_and_keys_choose_as_small_ones_do()
    {
        Tensor<float> q = Inputs.Normal<float>(1, 300, 2, 16), k = Inputs.Normal<float>(2, 300, 2, 16), v = Inputs.Normal<float>(3, 300, 2, 16);
        using AttentionEngine engine = Engine(true, 2);
        foreach (Pooling pooling in Enum.GetValues<Pooling>())
        {
            GatedExpert expert = new(new FastCausal(), new BlockGate(16, 4, pooling));
            AttentionOptions options = new() { ReturnRoutes = true, Scale = 1e-30f };
            AttentionResult<float> huge = engine.Attend(expert, Times(q, MathF.ScaleB(1, 110)), Times(k, MathF.ScaleB(1, 120)), v, options);
            AttentionResult<float> small = engine.Attend(expert, q, k, v, options);
            Assert.Equal(Inputs.Ints(small.Routes!), Inputs.Ints(huge.Routes!));
            Assert.All(Inputs.Floats(huge.Output), x => Assert.True(float.IsFinite(x)));
        }
    }

    [Theory]
    [InlineData(RouteScope.QueryHead)]
    [InlineData(RouteScope.KeyGroup)]
    public void The_output_may_be_q_itself(RouteScope scope)
    {
        Tensor<float> q = Inputs.Normal<float>(1, 700, 4, 16), k = Inputs.Normal<float>(2, 700, 2, 16), v = Inputs.Normal<float>(3, 700, 2, 16);
        GatedExpert expert = new(new FastCausal(), new BlockGate(16, 4, Pooling.Mean, scope));
        using AttentionEngine engine = Engine(true, 8);
        float[] wanted = Inputs.Floats(engine.Attend(expert, q, k, v));
        engine.Attend(expert, q, k, v, new AttentionOptions(), q);
        Assert.Equal(wanted, Inputs.Floats(q));
    }

    [Fact]
    public void One_query_over_many_blocks_takes_memory_for_one_query()
    {
        const int keys = 65536;
        using AttentionEngine engine = Engine(true, 1);
        Tensor<float> k = Tensor.Create(new float[keys * 8], [keys, 1, 8]), q = Inputs.Normal<float>(1, 1, 1, 8);
        GatedExpert expert = new(new FastCausal(), new BlockGate(16, 100_000));
        long before = GC.GetAllocatedBytesForCurrentThread();
        engine.Attend(expert, q, k, k);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1 << 20);
    }

    [Fact]
    public void An_infinite_key_bounds_its_block_and_is_no_NaN()
    {
        float[] keys = [.. Enumerable.Range(0, 80 * 8).Select(i => i / 8 / 16 == 1 ? 1 : 0.1f)];   // block 1 is best
        keys[16 * 8] = float.NegativeInfinity;                                                      // and stays it for positive queries
        Tensor<float> k = Tensor.Create(keys, [80, 1, 8]), q = Tensor.Create(Enumerable.Repeat(1f, 640).ToArray(), [80, 1, 8]);
        using AttentionEngine engine = Engine(true, 1);
        int[] routes = Inputs.Ints(engine.Attend(
            new GatedExpert(new FastCausal(), new BlockGate(16, 2, Pooling.MinMax)), q, k, q, new AttentionOptions { ReturnRoutes = true }).Routes!);
        Assert.Equal([4, 1], routes[^2..]);
    }

    [Fact]
    public void Calls_can_be_cancelled_and_the_engine_used_on()
    {
        Tensor<float> x = Inputs.Normal<float>(1, 600, 2, 8);
        using CancellationTokenSource source = new();
        using AttentionEngine engine = Engine(true, 2);
        GatedExpert expert = new(new Interrupting(source.Cancel), new BlockGate(16, 3));
        Assert.Throws<OperationCanceledException>(() => engine.Attend(expert, x, x, x, new AttentionOptions(), source.Token));
        GatedExpert calm = new(new FastCausal(), new BlockGate(16, 3));
        Assert.Equal(Inputs.Floats(engine.Attend(calm, x, x, x)), Inputs.Floats(Engine(true, 1).Attend(calm, x, x, x)));
    }

    [Fact]
    public void Passes_are_named()
    {
        Tensor<float> x = Inputs.Normal<float>(1, 600, 2, 8);
        using AttentionEngine engine = Engine(true, 2);
        AttentionResult<float> result = engine.Attend(new GatedExpert(new FastCausal(), new BlockGate(16, 3)), x, x, x, new AttentionOptions());
        Assert.Equal(["pack", "centroids", "gate", "index", "attend"], result.Timings.Select(t => t.Pass));
        Assert.All(result.Timings, t => Assert.True(t.Elapsed > TimeSpan.Zero));
        Assert.Null(result.Routes);
    }

    private static AttentionEngine Engine(bool wide, int workers) =>
        new(new CpuBackend(wide ? new WideTileMath() : new NarrowTileMath(), workers));

    private static void Agree(AttentionResult<float> wanted, AttentionResult<float> actual)
    {
        Close(Inputs.Floats(wanted.Output), Inputs.Floats(actual.Output));
        Close(Inputs.Floats(wanted.Lse!), Inputs.Floats(actual.Lse!));
    }

    private static void Close(float[] wanted, float[] actual)
    {
        for (int i = 0; i < wanted.Length; i++)
            Assert.True(wanted[i] == actual[i] || Math.Abs(wanted[i] - actual[i]) <= Bound * Math.Max(1, Math.Abs(wanted[i])), $"{wanted[i]:R} is wanted at {i}, {actual[i]:R} was computed");
    }

    private static Tensor<float> Slice(Tensor<float> x, int first, int end)
    {
        int row = (int)(x.Lengths[1] * x.Lengths[2]);
        return Tensor.Create(Inputs.Floats(x)[(first * row)..(end * row)], [end - first, x.Lengths[1], x.Lengths[2]]);
    }

    private static Tensor<float> Times(Tensor<float> x, float factor) => Tensor.Create([.. Inputs.Floats(x).Select(y => y * factor)], x.Lengths);

    private static Tensor<float>[] Sequences(int seed, int[] lengths) => [.. lengths.Select((n, i) => Inputs.Normal<float>((seed * 10) + i, n, 2, 8))];

    private static Tensor<float> Join(IEnumerable<Tensor<float>> parts)
    {
        float[] values = [.. parts.SelectMany(Inputs.Floats)];
        return Tensor.Create(values, [values.Length / 16, 2, 8]);
    }

    private static int[] Starts(int[] lengths) => [.. Enumerable.Range(0, lengths.Length + 1).Select(i => lengths.Take(i).Sum())];
}
