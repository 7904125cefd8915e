using System.Numerics.Tensors;
using MoBA.Runtime.Portable;
using Xunit;

namespace MoBA.Runtime.Tests.Portable;

public sealed class PortableMixtureTests(PortableGateTests.Engines engines) : IClassFixture<PortableGateTests.Engines>
{
    private static readonly GatedSample _window = GatedSample.Window(null, 20, 3);
    private static readonly GatedSample _causal = GatedSample.Causal(null);
    private static readonly GatedSample _everything = GatedSample.Everything(null);
    private static readonly GatedSample _gated = GatedSample.Causal(new(16, 3));
    private static readonly GatedSample _group = GatedSample.CausalAlways(new(16, 2, Pooling.MinMax, RouteScope.KeyGroup), 10, 2);

    private AttentionEngine Engine => engines.Engine;

    public static TheoryData<int[], int[]?, int?> Batches => new()
    {
        { [0, 90], null, null },
        { [0, 70, 70, 71, 75, 100], null, null },
        { [0, 5, 25, 26], [0, 0, 90, 150], null },
        { [0, 60], [0, 37], null },
        { [0, 40], [0, 100], 30 },
    };

    [Theory]
    [MemberData(nameof(Batches))]
    public void A_weighted_mixture_agrees_with_the_definition(int[] sequences, int[]? keySequences, int? start)
    {
        Weighted(1, sequences, keySequences, start, _window, _causal, _everything);
        Weighted(2, sequences, keySequences, start, _window, _causal, _everything);
        Weighted(3, sequences, keySequences, start, _window, _everything, _causal, GatedSample.Alibi(null));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void A_mixture_that_always_picks_one_expert_is_that_expert(int always)
    {
        ISparseExpert[] experts = [_window, _gated, _group, GatedSample.Alibi(null)];
        foreach (Combine combine in Enum.GetValues<Combine>())
        {
            foreach (int[] sequences in new int[][] { [0, 140], [0, 30, 30, 31, 140] })
            {
                (Tensor<BFloat16> q, Tensor<BFloat16> k, Tensor<BFloat16> v) =
                    (Inputs.Normal<BFloat16>(1, 140, 4, 8), Inputs.Normal<BFloat16>(2, 140, 2, 8), Inputs.Normal<BFloat16>(3, 140, 2, 8));
                AttentionOptions options = new() { Sequences = sequences, ReturnLse = true };
                Router router = new(Tensor.Create(new float[4 * 4 * 8], [4, 4, 8]), Bias(4, 4, (_, e) => e == always ? 1 : 0));
                AttentionResult<BFloat16> expected = Engine.Attend(experts[always], q, k, v, options);
                foreach (AttentionEngine engine in new[] { Engine, engines.Frugal })
                {
                    AttentionResult<BFloat16> actual = engine.Attend(new MixtureSample(1, combine, experts), router, q, k, v, options);
                    Assert.Equal(Inputs.Floats(expected.Output), Inputs.Floats(actual.Output));
                    Assert.Equal(Inputs.Floats(expected.Lse!), Inputs.Floats(actual.Lse!));
                    Assert.Equal(140 * 4, actual.Loads![always].Tokens);
                }
            }
        }
    }

    [Fact]
    public void Every_row_gets_what_its_experts_give_it()
    {
        // By the experts' own outputs: a gated expert among others, of heads that share a route only in part.
        ISparseExpert[] experts = [_window, _gated, _group];
        (Tensor<float> q, Tensor<float> k, Tensor<float> v) = (Inputs.Normal<float>(1, 120, 4, 8), Inputs.Normal<float>(2, 120, 2, 8), Inputs.Normal<float>(3, 120, 2, 8));
        Tensor<float> logits = Logits(4, 120, 4, 3);
        AttentionOptions options = new() { ReturnRoutes = true };
        float[][] each = [.. experts.Select(e => Inputs.Floats(Engine.Attend(e, q, k, v)))];
        AttentionResult<float> one = Engine.Attend(new MixtureSample(1, Combine.Weighted, experts), logits, q, k, v, options);
        int[] routes = Ints(one.Routes!);
        Assert.Equal(3, routes.Distinct().Count());
        Assert.Equal(each[0].Select((_, i) => each[routes[i / 8]][i]), Inputs.Floats(one.Output));

        AttentionResult<float> two = Engine.Attend(new MixtureSample(2, Combine.Weighted, experts), logits, q, k, v, options);
        (routes, float[] weights, float[] mixed) = (Ints(two.Routes!), Inputs.Floats(two.RouteWeights!), Inputs.Floats(two.Output));
        for (int i = 0; i < mixed.Length; i++)
        {
            int place = i / 8 * 2;
            double expected = ((double)weights[place] * each[routes[place]][i]) + ((double)weights[place + 1] * each[routes[place + 1]][i]);
            Assert.Equal(expected, mixed[i], 1e-6);
        }
    }

    [Fact]
    public void Two_disjoint_windows_merge_to_their_union()
    {
        GatedSample near = GatedSample.Window(null, 25, 0), sinks = GatedSample.Window(null, 0, 12), none = GatedSample.Window(null, 0, 0);
        (Tensor<float> q, Tensor<float> k, Tensor<float> v) = (Inputs.Normal<float>(1, 60, 2, 8), Inputs.Normal<float>(2, 100, 1, 8), Inputs.Normal<float>(3, 100, 1, 8));
        Tensor<float> logits = Logits(1, 60, 2, 2);

        // From position 40 on no window reaches the sinks.
        AttentionOptions options = new() { Sequences = [0, 60], KeySequences = [0, 100], ReturnLse = true };
        Union(new(2, Combine.LogSumExp, sinks, near), logits, q, k, v, options, (i, j) => i >= j && (j < 12 || i - j < 25));
        Union(new(2, Combine.LogSumExp, near, none), logits, q, k, v, options, (i, j) => i >= j && i - j < 25);
        Union(new(2, Combine.LogSumExp, none, none), logits, q, k, v, options, (_, _) => false);
    }

    [Fact]
    public void Routes_weights_and_loads_are_those_of_the_router()
    {
        const int tokens = 50, heads = 3, experts = 4, dim = 16;
        Tensor<float> q = Inputs.Normal<float>(1, tokens, heads, dim), k = Inputs.Normal<float>(2, tokens, 1, dim);
        Router router = new(Inputs.Normal<float>(5, heads, experts, dim), Bias(heads, experts, (h, e) => (h - e) * 0.3f));
        float[] queries = Inputs.Floats(q), weights = Inputs.Floats(router.Weights), bias = Inputs.Floats(router.Bias);
        MixtureSample mixture = new(2, Combine.Weighted, _window, _causal, _everything, _gated);
        AttentionResult<float> result = Engine.Attend(mixture, router, q, k, k, new() { ReturnRoutes = true });
        (int[] routes, float[] shares) = (Ints(result.Routes!), Inputs.Floats(result.RouteWeights!));
        double[] entropy = new double[experts];
        for (int i = 0; i < tokens * heads; i++)
        {
            double[] logits = [.. Enumerable.Range(0, experts).Select(e =>
                bias[((i % heads) * experts) + e] + Enumerable.Range(0, dim).Sum(c => (double)queries[(i * dim) + c] * weights[((((i % heads) * experts) + e) * dim) + c]))];
            int[] best = [.. Enumerable.Range(0, experts).OrderByDescending(e => logits[e]).Take(2)];
            Assert.Equal(best, routes[(2 * i)..(2 * i + 2)]);
            double second = Math.Exp(logits[best[1]] - logits[best[0]]), all = logits.Sum(Math.Exp);
            Assert.Equal(1 / (1 + second), shares[2 * i], 1e-5);
            Assert.Equal(second / (1 + second), shares[(2 * i) + 1], 1e-5);
            foreach (int e in best)
                entropy[e] -= logits.Sum(l => Math.Exp(l) / all * Math.Log(Math.Exp(l) / all));
        }

        for (int e = 0; e < experts; e++)
        {
            Assert.Equal(routes.Count(r => r == e), result.Loads![e].Tokens);
            Assert.Equal(entropy[e] / Math.Max(1, result.Loads[e].Tokens), result.Loads[e].Entropy, 1e-4);
        }
    }

    [Fact]
    public void Of_equal_logits_the_lower_expert_wins_and_an_expert_may_get_nothing()
    {
        Tensor<float> x = Inputs.Normal<float>(1, 20, 2, 8);
        Tensor<float> logits = Tensor.Create([.. Enumerable.Repeat(new[] { 1f, 2f, -1e30f, 2f }, 40).SelectMany(r => r)], [20, 2, 4]);
        AttentionResult<float> result = Engine.Attend(new MixtureSample(3, Combine.Weighted, _window, _causal, _everything, _gated), logits, x, x, x, new() { ReturnRoutes = true });
        Assert.All(Ints(result.Routes!).Chunk(3), route => Assert.Equal([1, 3, 0], route));
        Assert.Equal([40, 40, 0, 40], result.Loads!.Select(l => l.Tokens));
    }

    [Fact]
    public void A_mixture_of_one_expert_is_that_expert()
    {
        Tensor<float> x = Inputs.Normal<float>(1, 70, 2, 8);
        Tensor<float> actual = Engine.Attend(new MixtureSample(1, Combine.Weighted, _gated), Logits(3, 70, 2, 1), x, x, x, new()).Output;
        Assert.Equal(Inputs.Floats(Engine.Attend(_gated, x, x, x)), Inputs.Floats(actual));
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    [InlineData(float.NegativeInfinity)]
    public void A_logit_that_is_no_number_is_named(float bad)
    {
        Tensor<float> x = Inputs.Normal<float>(1, 20, 2, 8), logits = Logits(3, 20, 2, 3);
        (logits[19, 0, 0], logits[7, 1, 2], logits[7, 1, 1]) = (bad, float.NaN, bad);
        MixtureSample mixture = new(2, Combine.Weighted, _window, _causal, _gated);
        ArgumentException error = Assert.Throws<ArgumentException>(() => Engine.Attend(mixture, logits, x, x, x, new()));
        Assert.StartsWith($"the logit of expert 1 at token 7 and head 1 is {bad}:", error.Message);
        Assert.Equal("logits", error.ParamName);

        Tensor<float> q = Inputs.Normal<float>(1, 20, 2, 8);
        q[3, 0, 5] = bad;
        error = Assert.Throws<ArgumentException>(() => Engine.Attend(mixture, new Router(Inputs.Normal<float>(2, 2, 3, 8)), q, x, x, new()));
        Assert.Contains("expert 0 at token 3 and head 0", error.Message);
        Assert.Equal("q", error.ParamName);
    }

    [Fact]
    public void Huge_numbers_route_and_mix()
    {
        Tensor<float> Scaled(int seed, float factor) => Tensor.Create(
            [.. Inputs.Floats(Inputs.Normal<float>(seed, 60, 2, 8)).Select(x => Math.Clamp(x, -1, 1) * factor)], [60, 2, 8]);
        Router router = new(Tensor.Create([.. Inputs.Floats(Inputs.Normal<float>(4, 2, 3, 8)).Select(x => x * 1e-38f)], [2, 3, 8]));
        Router same = new(Tensor.Create([.. Inputs.Floats(router.Weights).Select(x => x * 3e38f)], [2, 3, 8]));
        foreach (Combine combine in Enum.GetValues<Combine>())
        {
            MixtureSample mixture = new(2, combine, _window, _causal, _gated);
            AttentionOptions options = new() { ReturnRoutes = true };
            AttentionResult<float> expected = Engine.Attend(mixture, same, Scaled(1, 1), Scaled(2, 1), Scaled(3, 1), options);
            AttentionResult<float> result = Engine.Attend(mixture, router, Scaled(1, 3e38f), Scaled(2, 3e38f), Scaled(3, 3e38f), options);
            AttentionResult<float> plain = Engine.Attend(mixture, router, Scaled(1, 3e38f), Scaled(2, 3e38f), Scaled(3, 1), options);
            Assert.Equal(Ints(expected.Routes!), Ints(result.Routes!));
            Assert.All(Inputs.Floats(result.RouteWeights!).Zip(Inputs.Floats(expected.RouteWeights!)), pair => Assert.Equal(pair.Second, pair.First, 1e-4f));
            Assert.All(Inputs.Floats(result.Output).Zip(Inputs.Floats(plain.Output)), pair => Assert.Equal(pair.Second, pair.First / 3e38f, 1e-4f));
        }
    }

    [Fact]
    public void Passes_are_timed_in_their_order()
    {
        Tensor<float> x = Inputs.Normal<float>(1, 40, 1, 8);
        AttentionResult<float> result = Engine.Attend(new MixtureSample(2, Combine.Weighted, _window, _gated), Logits(1, 40, 1, 2), x, x, x, new());
        Assert.Equal(["upload", "route", "index", "attend", "centroids", "gate", "combine", "download"], result.Timings.Select(t => t.Pass));
    }

    // The oracle of each expert, in the sum that the returned routes and weights say; bitwise the same again and in parts.
    private void Weighted(int topK, int[] sequences, int[]? keySequences, int? start, params GatedSample[] experts)
    {
        int keys = (keySequences ?? sequences)[^1], tokens = sequences[^1];
        (Tensor<float> q, Tensor<float> k, Tensor<float> v) = (Inputs.Normal<float>(1, tokens, 4, 8), Inputs.Normal<float>(2, keys, 2, 8), Inputs.Normal<float>(3, keys, 2, 8));
        AttentionOptions options = new() { Sequences = sequences, KeySequences = keySequences, QueryStart = start, ReturnRoutes = true };
        Tensor<float> logits = Logits(4, tokens, 4, experts.Length);
        MixtureSample mixture = new(topK, Combine.Weighted, experts);
        AttentionResult<float> actual = Engine.Attend(mixture, logits, q, k, v, options);
        (int[] routes, float[] weights, float[] output) = (Ints(actual.Routes!), Inputs.Floats(actual.RouteWeights!), Inputs.Floats(actual.Output));
        double[][] each = [.. experts.Select(e => Oracle.Attend(e, q, k, v, options).Output)];
        for (int i = 0; i < output.Length; i++)
        {
            double expected = Enumerable.Range(i / 8 * topK, topK).Sum(place => weights[place] * each[routes[place]][i]);
            Assert.True(Math.Abs(expected - output[i]) < 2e-5, $"element {i}: {output[i]} instead of {expected}");
        }

        foreach (AttentionEngine engine in new[] { Engine, engines.Frugal })
        {
            AttentionResult<float> again = engine.Attend(mixture, logits, q, k, v, options);
            Assert.Equal(output, Inputs.Floats(again.Output));
            Assert.Equal(routes, Ints(again.Routes!));
        }
    }

    private void Union(
        MixtureSample mixture, Tensor<float> logits, Tensor<float> q, Tensor<float> k, Tensor<float> v, AttentionOptions options, Func<int, int, bool> attends)
    {
        AttentionResult<float> actual = Engine.Attend(mixture, logits, q, k, v, options);
        (double[] output, double[] lse) = Oracle.Attend(new SampleExpert(_ => { }, (i, j, _) => attends(i, j)), q, k, v, options);
        Assert.All(Inputs.Floats(actual.Output).Zip(output), pair => Assert.Equal(pair.Second, pair.First, 2e-5));
        Assert.All(Inputs.Floats(actual.Lse!).Zip(lse), pair => Assert.True(pair.Second == pair.First || Math.Abs(pair.Second - pair.First) < 2e-5));
    }

    private static Tensor<float> Logits(int seed, int tokens, int heads, int experts) =>
        Inputs.Normal<float>(seed, tokens, heads, experts);

    private static Tensor<float> Bias(int heads, int experts, Func<int, int, float> value) => Tensor.Create(
        [.. Enumerable.Range(0, heads * experts).Select(i => value(i / experts, i % experts))], [heads, experts]);

    private static int[] Ints(Tensor<int> tensor)
    {
        int[] values = new int[tensor.FlattenedLength];
        tensor.FlattenTo(values);
        return values;
    }
}
