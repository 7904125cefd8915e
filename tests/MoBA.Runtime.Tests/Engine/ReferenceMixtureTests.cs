using System.Numerics.Tensors;
using Xunit;

namespace MoBA.Runtime.Tests;

/// <summary>The oracle's mixtures against numbers that can be worked out by hand.</summary>
public sealed class ReferenceMixtureTests
{
    // Values are the key's number and scores are equal: an expert of one key gives that number, and log-sum-exp 0.
    private static readonly Tensor<float> s_zeros = Tensor.Create(new float[4 * 8], [4, 1, 8]);
    private static readonly Tensor<float> s_values = Tensor.Create([.. Enumerable.Range(0, 32).Select(i => (float)(i / 8))], [4, 1, 8]);
    private static readonly PredicateExpert s_one = Key(1), s_two = Key(2), s_three = Key(3), s_nothing = new((_, _, _) => false);

    [Fact]
    public void A_token_goes_to_its_best_expert_and_the_lower_id_wins_a_tie()
    {
        AttentionResult<float> result = Attend(new TestMixture(1, Combine.Weighted, s_one, s_two, s_three), [0, 5, 1, 3, 3, 2, 1, 7, 7, 4, 4, 4]);
        Assert.Equal([1, 0, 1, 0], Inputs.Ints(result.Routes!));
        Assert.Equal([1f, 1, 1, 1], Inputs.Floats(result.RouteWeights!));
        Assert.Equal([2f, 1, 2, 1], Outputs(result));
        Assert.Equal([0f, 0, 0, 0], Inputs.Floats(result.Lse!));
        Assert.Equal([(2L, 0.5), (2L, 0.5), (0L, 0.0)], result.Loads!.Select(load => (load.Tokens, load.Share)));
        Assert.Equal(Math.Log(3) / 2 + Entropy(3, 3, 2) / 2, result.Loads![0].Entropy, 1e-6);
    }

    [Fact]
    public void Outputs_are_weighted_by_the_softmax_of_the_chosen_logits()
    {
        float ln3 = MathF.Log(3);
        AttentionResult<float> result = Attend(new TestMixture(2, Combine.Weighted, s_one, s_two, s_three), [.. Rows(-9, ln3, 0)]);
        Assert.Equal([1, 2], Inputs.Ints(result.Routes!)[..2]);
        Assert.Equal(0.75f, result.RouteWeights![0, 0, 0], 1e-6f);
        Assert.Equal(0.25f, result.RouteWeights[0, 0, 1], 1e-6f);
        Assert.Equal((0.75f * 2) + (0.25f * 3), result.Output[0, 0, 0], 1e-6f);
        Assert.Null(result.Lse);
    }

    [Fact]
    public void An_expert_that_sees_nothing_adds_nothing_and_takes_its_weight_along()
    {
        AttentionResult<float> weighted = Attend(new TestMixture(2, Combine.Weighted, s_nothing, s_two), [.. Rows(0, 0)]);
        Assert.Equal([1f, 1, 1, 1], Outputs(weighted));
        AttentionResult<float> merged = Attend(new TestMixture(2, Combine.LogSumExp, s_nothing, s_two), [.. Rows(0, 0)]);
        Assert.Equal([2f, 2, 2, 2], Outputs(merged));
        AttentionResult<float> empty = Attend(new TestMixture(2, Combine.LogSumExp, s_nothing, s_nothing), [.. Rows(0, 0)]);
        Assert.Equal([0f, 0, 0, 0], Outputs(empty));
        Assert.Equal(float.NegativeInfinity, empty.Lse![0, 0]);
    }

    [Fact]
    public void Disjoint_experts_merge_to_one_softmax()
    {
        (Tensor<float> q, Tensor<float> k, Tensor<float> v) = (Inputs.Normal<float>(1, 40, 4, 8), Inputs.Normal<float>(2, 40, 2, 8), Inputs.Normal<float>(3, 40, 2, 8));
        var even = new PredicateExpert((i, j, _) => i >= j && j % 2 == 0);
        var odd = new PredicateExpert((i, j, _) => i >= j && j % 2 == 1);
        AttentionResult<float> causal = ReferenceAttention.Attend(new PredicateExpert((i, j, _) => i >= j), q, k, v);
        AttentionResult<float> merged = ReferenceAttention.Attend(
            new TestMixture(2, Combine.LogSumExp, even, odd), Tensor.Create(new float[40 * 4 * 2], [40, 4, 2]), q, k, v);
        AssertEqual(causal.Output, merged.Output, 1e-6f);
        AssertEqual(causal.Lse!, merged.Lse!, 1e-6f);
    }

    [Fact]
    public void A_router_is_linear_in_the_query_and_has_a_row_a_head()
    {
        // Head 0 goes by component 0, head 1 by the bias.
        Tensor<float> q = Tensor.Create([.. Row(2), .. Row(0), .. Row(-2), .. Row(0)], [2, 2, 8]);
        Tensor<float> weights = Tensor.Create([.. Row(1), .. Row(-1), .. Row(0), .. Row(0)], [2, 2, 8]);
        var router = new Router(weights, Tensor.Create([0f, 0, 0, 1], [2, 2]));
        AttentionResult<float> result = ReferenceAttention.Attend(
            new TestMixture(1, Combine.Weighted, s_one, s_two), router, q, s_zeros, s_values, new() { QueryStart = 0 });
        Assert.Equal([0, 1, 1, 1], Inputs.Ints(result.Routes!));
        Assert.Equal([1f, 2, 2, 2], Outputs(result));
        Assert.Equal((Entropy(2, -2) + Entropy(0, 1) + Entropy(2, -2) + Entropy(0, 1)) / 4, result.Loads!.Sum(load => load.Entropy * load.Share), 1e-6);
    }

    [Fact]
    public void Logits_that_cannot_be_ranked_are_named()
    {
        var mixture = new TestMixture(1, Combine.Weighted, s_one, s_two);
        float[] logits = [.. Rows(0, 0)];
        logits[5] = float.NaN;
        ArgumentException error = Assert.Throws<ArgumentException>("logits", () => Attend(mixture, logits));
        Assert.StartsWith("the logit of expert 1 at token 2 and head 0 is NaN", error.Message, StringComparison.Ordinal);

        var router = new Router(Tensor.Create([.. Row(0), .. Row(1)], [1, 2, 8]));
        Tensor<float> q = Tensor.Create([.. Row(0), .. Row(float.PositiveInfinity), .. Row(0), .. Row(0)], [4, 1, 8]);
        error = Assert.Throws<ArgumentException>("q", () => ReferenceAttention.Attend(mixture, router, q, s_zeros, s_values));
        Assert.Contains("token 1 and head 0", error.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>("router", () => ReferenceAttention.Attend(
            new TestMixture(1, Combine.Weighted, s_one), router, s_zeros, s_zeros, s_values));
    }

    [Fact]
    public void Gated_experts_find_their_routes()
    {
        (Tensor<float> q, Tensor<float> k, Tensor<float> v) = (Inputs.Normal<float>(1, 70, 2, 8), Inputs.Normal<float>(2, 70, 2, 8), Inputs.Normal<float>(3, 70, 2, 8));
        var gated = new PredicateExpert((i, j, _) => i >= j) { Gate = new(16, 2) };
        AttentionResult<float> mixed = ReferenceAttention.Attend(
            new TestMixture(1, Combine.Weighted, s_one, gated), Tensor.Create([.. Enumerable.Range(0, 280).Select(i => i % 2f)], [70, 2, 2]), q, k, v);
        Assert.Equal(Inputs.Floats(ReferenceAttention.Attend(gated, q, k, v).Output), Inputs.Floats(mixed.Output));
    }

    private static AttentionResult<float> Attend(TestMixture mixture, float[] logits) => ReferenceAttention.Attend(
        mixture, Tensor.Create(logits, [4, 1, mixture.Info.Experts.Count]), s_zeros, s_zeros, s_values, null, TestContext.Current.CancellationToken);

    private static PredicateExpert Key(int number) => new((_, k, _) => k == number);

    private static IEnumerable<float> Outputs(AttentionResult<float> result) => Inputs.Floats(result.Output).Where((_, i) => i % 8 == 0);

    private static IEnumerable<float> Rows(params float[] logits) => Enumerable.Repeat(logits, 4).SelectMany(x => x);

    private static float[] Row(float first) => [first, 0, 0, 0, 0, 0, 0, 0];

    private static double Entropy(params double[] logits)
    {
        double sum = logits.Sum(Math.Exp);
        return -logits.Sum(x => Math.Exp(x) / sum * Math.Log(Math.Exp(x) / sum));
    }

    private static void AssertEqual(Tensor<float> wanted, Tensor<float> found, float tolerance) =>
        Assert.All(Inputs.Floats(wanted).Zip(Inputs.Floats(found)), pair => Assert.Equal(pair.First, pair.Second, tolerance));
}
