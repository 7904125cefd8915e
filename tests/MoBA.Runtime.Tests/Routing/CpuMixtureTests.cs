using System.Numerics.Tensors;
using MoBA.Runtime.Cpu;
using Xunit;

namespace MoBA.Runtime.Tests;

/// <summary>Mixtures on the CPU engine against the oracle, against their own experts, and their faults.</summary>
public sealed class CpuMixtureTests
{
    private const int Tokens = 300, Heads = 4, Dim = 16;

    private static readonly ISparseExpert[] _experts =
    [
        new WindowAndSinks(40, 4),
        new GatedExpert(new FastCausal(), new BlockGate(32, 3)),
        new PenaltyAndCap(),
        new GatedExpert(new FastCausal(), new BlockGate(16, 4, Pooling.MinMax, RouteScope.KeyGroup), static (q, k) => k < 8),
        new EveryThirdQuery(),
    ];

    private readonly Tensor<float> _q = Inputs.Normal<float>(1, Tokens, Heads, Dim);
    private readonly Tensor<float> _k = Inputs.Normal<float>(2, Tokens, 2, Dim);
    private readonly Tensor<float> _v = Inputs.Normal<float>(3, Tokens, 2, Dim);

    /// <summary>Experts of the mixture.</summary>
    public static TheoryData<int> Ids => [.. Enumerable.Range(0, _experts.Length)];

    [Theory]
    [MemberData(nameof(Ids))]
    public void A_router_that_always_picks_one_expert_gives_its_very_bits(int id)
    {
        float[] bias = new float[Heads * _experts.Length];
        for (int head = 0; head < Heads; head++)
            bias[(head * _experts.Length) + id] = 1;
        Router router = new(Tensor.Create(new float[bias.Length * Dim], [Heads, _experts.Length, Dim]), Tensor.Create(bias, [Heads, _experts.Length]));
        AttentionOptions options = new() { ReturnLse = true, Sequences = [0, 120, 120, 121, Tokens] };
        foreach (int workers in new[] { 1, 2, 8 })
        {
            using AttentionEngine engine = Engine(workers);
            AttentionResult<float> alone = engine.Attend(_experts[id], _q, _k, _v, options);
            AttentionResult<float> mixed = engine.Attend(new TestMixture(1, Combine.Weighted, _experts), router, _q, _k, _v, options);
            Assert.Equal(Inputs.Floats(alone.Output), Inputs.Floats(mixed.Output));
            Assert.Equal(Inputs.Floats(alone.Lse!), Inputs.Floats(mixed.Lse!));
            Assert.Equal(Tokens * Heads, mixed.Loads![id].Tokens);
            Assert.Equal(1, mixed.Loads[id].Share);
        }
    }

    [Theory]
    [InlineData(1, Combine.Weighted)]
    [InlineData(2, Combine.Weighted)]
    [InlineData(5, Combine.Weighted)]
    [InlineData(1, Combine.LogSumExp)]
    [InlineData(3, Combine.LogSumExp)]
    public void Agrees_with_the_oracle(int topK, Combine combine)
    {
        TestMixture mixture = new(topK, combine, _experts);
        Tensor<float> logits = Inputs.Normal<float>(4, Tokens, Heads, _experts.Length);
        AttentionOptions options = new() { ReturnRoutes = true, ReturnLse = combine == Combine.LogSumExp || topK == 1, Sequences = [0, 90, 90, 91, Tokens] };
        AttentionResult<float> wanted = ReferenceAttention.Attend(mixture, logits, _q, _k, _v, options);
        AttentionResult<float>[] actual = [.. new[] { 1, 2, 8 }.Select(workers =>
        {
            using AttentionEngine engine = Engine(workers);
            return engine.Attend(mixture, logits, _q, _k, _v, options);
        })];

        Assert.Equal(Inputs.Ints(wanted.Routes!), Inputs.Ints(actual[0].Routes!));
        Close(Inputs.Floats(wanted.RouteWeights!), Inputs.Floats(actual[0].RouteWeights!));
        Close(Inputs.Floats(wanted.Output), Inputs.Floats(actual[0].Output));
        if (options.ReturnLse)
            Close(Inputs.Floats(wanted.Lse!), Inputs.Floats(actual[0].Lse!));
        Assert.All(actual, a => Assert.Equal(Inputs.Floats(actual[0].Output), Inputs.Floats(a.Output)));
    }

    [Fact]
    public void Disjoint_experts_merge_to_their_union()
    {
        TestMixture mixture = new(2, Combine.LogSumExp, new Distance(0, 50), new Distance(50, 1000));
        Tensor<float> logits = Inputs.Normal<float>(4, Tokens, Heads, 2);
        using AttentionEngine engine = Engine(2);
        Close(Inputs.Floats(engine.Attend(new FastCausal(), _q, _k, _v)), Inputs.Floats(engine.Attend(mixture, logits, _q, _k, _v)));
    }

    [Fact]
    public void Lower_ids_win_ties_and_loads_add_up()
    {
        TestMixture mixture = new(2, Combine.Weighted, _experts);
        float[] values = new float[Tokens * Heads * 5];
        for (int row = 0; row < Tokens * Heads; row++)
            values[(row * 5) + 3] = 1;
        using AttentionEngine engine = Engine(2);
        AttentionResult<float> result = engine.Attend(
            mixture, Tensor.Create(values, [Tokens, Heads, 5]), _q, _k, _v, new AttentionOptions { ReturnRoutes = true });
        Assert.All(Inputs.Ints(result.Routes!).Chunk(2), route => Assert.Equal([3, 0], route));

        double first = Math.E / (Math.E + 1), entropy = Math.Log(Math.E + 4) - (Math.E / (Math.E + 4));
        Assert.Equal([0, 1, 2, 3, 4], result.Loads!.Select(l => l.Id));
        Assert.Equal([Tokens * Heads, 0, 0, Tokens * Heads, 0], result.Loads!.Select(l => l.Tokens));
        Assert.Equal([0.5, 0, 0, 0.5, 0], result.Loads!.Select(l => l.Share));
        Assert.Equal(first, result.Loads![3].MeanWeight, 6);
        Assert.Equal(1 - first, result.Loads[0].MeanWeight, 6);
        Assert.Equal(entropy, result.Loads[3].Entropy, 5);
        Assert.Equal([Tokens, Tokens, Tokens, Tokens], result.Loads[3].TokensPerHead);
    }

    [Fact]
    public void A_router_gives_the_logits_of_its_definition()
    {
        TestMixture mixture = new(1, Combine.Weighted, _experts);
        Router router = new(Inputs.Normal<float>(5, Heads, 5, Dim), Tensor.Create([.. Enumerable.Range(0, Heads * 5).Select(i => i % 3f)], [Heads, 5]));
        using AttentionEngine engine = Engine(2);
        AttentionOptions options = new() { ReturnRoutes = true };
        AttentionResult<float> routed = engine.Attend(mixture, router, _q, _k, _v, options);
        Assert.Equal(Inputs.Ints(ReferenceAttention.Attend(mixture, router, _q, _k, _v, options).Routes!), Inputs.Ints(routed.Routes!));
        Assert.All(routed.Loads!, load => Assert.True(load.Tokens > 0));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void The_output_may_be_q_itself(int topK)
    {
        // The group's gate reads the queries of the other heads.
        TestMixture mixture = new(topK, Combine.Weighted, _experts);
        Tensor<float> logits = Inputs.Normal<float>(4, Tokens, Heads, _experts.Length);
        using AttentionEngine engine = Engine(2);
        float[] wanted = Inputs.Floats(engine.Attend(mixture, logits, _q, _k, _v, new()).Output);
        Assert.Same(_q, engine.Attend(mixture, logits, _q, _k, _v, new(), _q).Output);
        Assert.Equal(wanted, Inputs.Floats(_q));
    }

    [Theory]
    [InlineData(RouteScope.QueryHead)]
    [InlineData(RouteScope.KeyGroup)]
    public void An_output_over_other_inputs_is_refused(RouteScope scope)
    {
        TestMixture mixture = new(1, Combine.Weighted, new GatedExpert(new FastCausal(), new BlockGate(64, 2, Pooling.Mean, scope)));
        float[] memory = new float[200 * 32];
        Tensor<float> k = Tensor.Create(memory, 0, [100, 2, Dim], [32, Dim, 1]), output = Tensor.Create(memory, Dim, [100, 2, Dim], [32, Dim, 1]);
        using AttentionEngine engine = Engine(1);
        ArgumentException error = Assert.Throws<ArgumentException>(() => engine.Attend(
            mixture, Tensor.Create(new float[200], [100, 2, 1]), Inputs.Normal<float>(1, 100, 2, Dim), k, k, new(), output));
        Assert.Contains("output shares memory with k", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Gathered_rows_touch_no_keys_that_were_not_packed()
    {
        // Rows that are far apart share a tile, whose hull holds keys that none of them attends.
        const int queries = 192, keys = 640;
        Tensor<float> nan = Tensor.Create(Enumerable.Repeat(float.NaN, keys * Dim).ToArray(), [keys, 1, Dim]);
        Tensor<float> q = Inputs.Normal<float>(1, queries, 1, Dim), k = Inputs.Normal<float>(2, keys, 1, Dim), v = Inputs.Normal<float>(3, keys, 1, Dim);
        using AttentionEngine engine = Engine(1);
        Jumps jumps = new(keys - queries);
        float[] wanted = Inputs.Floats(engine.Attend(jumps, q, k, v));
        engine.Attend(new FastCausal(), nan, nan, nan);   // leaves NaN in the workspace

        float[] logits = new float[queries * 2];
        for (int i = 0; i < queries; i++)
            logits[(i * 2) + (i % 7 != 0 ? 1 : 0)] = 1;
        TestMixture mixture = new(1, Combine.Weighted, jumps, new Jumps(keys - queries));
        Assert.Equal(wanted, Inputs.Floats(engine.Attend(mixture, Tensor.Create(logits, [queries, 1, 2]), q, k, v, new()).Output));
    }

    [Fact]
    public void A_mean_of_the_largest_numbers_is_finite()
    {
        Tensor<float> v = Tensor.Create(Enumerable.Repeat(float.MaxValue, Tokens * 2 * Dim).ToArray(), [Tokens, 2, Dim]);
        TestMixture mixture = new(3, Combine.Weighted, new FastCausal(), new FastCausal(), new FastCausal());
        using AttentionEngine engine = Engine(2);
        Tensor<float> output = engine.Attend(mixture, Inputs.Normal<float>(4, Tokens, Heads, 3), _q, _k, v, new()).Output;
        Assert.All(Inputs.Floats(output), x => Assert.InRange(x, 0.999f * float.MaxValue, float.MaxValue));
    }

    [Fact]
    public void One_expert_and_no_tokens_work()
    {
        TestMixture mixture = new(1, Combine.Weighted, new FastCausal());
        using AttentionEngine engine = Engine(2);
        Tensor<float> logits = Inputs.Normal<float>(4, Tokens, Heads, 1);
        Assert.Equal(Inputs.Floats(engine.Attend(new FastCausal(), _q, _k, _v)), Inputs.Floats(engine.Attend(mixture, logits, _q, _k, _v, new()).Output));

        Tensor<float> none = Inputs.Normal<float>(1, 0, Heads, Dim), noKeys = Inputs.Normal<float>(1, 0, 2, Dim);
        AttentionResult<float> empty = engine.Attend(mixture, Inputs.Normal<float>(1, 0, Heads, 1), none, noKeys, noKeys, new() { ReturnRoutes = true });
        Assert.Equal(0, empty.Output.FlattenedLength);
        Assert.Equal(0, Assert.Single(empty.Loads!).Tokens);
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    [InlineData(float.NegativeInfinity)]
    public void Logits_that_cannot_be_ranked_are_named(float bad)
    {
        TestMixture mixture = new(1, Combine.Weighted, _experts);
        Tensor<float> logits = Inputs.Normal<float>(4, Tokens, Heads, 5);
        logits[200, 1, 2] = bad;
        logits[77, 3, 4] = bad;
        using AttentionEngine engine = Engine(2);
        ArgumentException error = Assert.Throws<ArgumentException>(() => engine.Attend(mixture, logits, _q, _k, _v, new()));
        Assert.Contains("expert 4 at token 77 and head 3", error.Message, StringComparison.Ordinal);

        _q[123, 2, 0] = bad;
        Router router = new(Inputs.Normal<float>(5, Heads, 5, Dim));
        error = Assert.Throws<ArgumentException>(() => engine.Attend(mixture, router, _q, _k, _v));
        Assert.Contains("token 123 and head 2", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Routers_and_logits_of_other_shapes_are_refused()
    {
        TestMixture mixture = new(2, Combine.Weighted, _experts);
        using AttentionEngine engine = Engine(2);
        Refused("the router's weights are [4, 4, 16]", () => engine.Attend(mixture, new Router(Inputs.Normal<float>(5, Heads, 4, Dim)), _q, _k, _v));
        Refused("[4, 5, 16]", () => engine.Attend(mixture, new Router(Inputs.Normal<float>(5, Heads, 5, 8)), _q, _k, _v));
        Refused("logits is [300, 4, 4]", () => engine.Attend(mixture, Inputs.Normal<float>(4, Tokens, Heads, 4), _q, _k, _v, new()));
        Refused("TopK of 'Mixture' is 6", () => engine.Attend(new TestMixture(6, Combine.Weighted, _experts), Inputs.Normal<float>(4, Tokens, Heads, 5), _q, _k, _v, new()));
        Refused("ReturnLse", () => engine.Attend(mixture, Inputs.Normal<float>(4, Tokens, Heads, 5), _q, _k, _v, new() { ReturnLse = true }));

        static void Refused(string text, Action call) => Assert.Contains(text, Assert.Throws<ArgumentException>(call).Message, StringComparison.Ordinal);
    }

    private static AttentionEngine Engine(int workers) => new(new CpuBackend(TileMath.Best, workers));

    private static void Close(float[] wanted, float[] actual)
    {
        for (int i = 0; i < wanted.Length; i++)
            Assert.True(wanted[i] == actual[i] || Math.Abs(wanted[i] - actual[i]) <= 1e-5 * Math.Max(1, Math.Abs(wanted[i])), $"{wanted[i]:R} is wanted at {i}, {actual[i]:R} was computed");
    }

    private sealed class Distance(int first, int end) : TestExpert
    {
        public override bool Attends(int q, int k, int head) => q - k >= first && q - k < end;
    }

    // The first 96 queries see key tile 0, the others key tile 5; a tile with both is taken to see all between.
    private sealed class Jumps(int start) : TestExpert
    {
        public override bool Attends(int q, int k, int head) => k / 64 == (q - start < 96 ? 0 : 5);

        protected override int KeyRanges(long q0, long q1, int keys, int head, Span<KeyRange> ranges)
        {
            ranges[0] = new(q0 - start < 96 ? 0 : 320, q1 - start < 96 ? 64 : 384);
            return 1;
        }

        protected override TileKind Classify(TileKind exact) => exact == TileKind.Empty ? TileKind.Partial : exact;
    }
}
