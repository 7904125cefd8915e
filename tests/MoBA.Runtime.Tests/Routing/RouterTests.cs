using System.Numerics.Tensors;
using Xunit;

namespace MoBA.Runtime.Tests;

/// <summary>Logits and expert names of a router.</summary>
public sealed class RouterTests
{
    [Fact]
    public void Logits_are_linear_in_the_query_of_their_head()
    {
        var router = new Router(Tensor.Create([1f, 2, 10, 20, 3, 4, 30, 40], [2, 2, 2]), Tensor.Create([0.5f, 0, 0, -1], [2, 2]));
        Tensor<float> q = Tensor.Create([1f, 1, 1, 0, 0, 1, 2, 2], [2, 2, 2]);
        Tensor<float> logits = router.Logits(q);
        Assert.Equal([2, 2, 2], logits.Lengths.ToArray());
        Assert.Equal([3.5f, 30, 3, 29, 2.5f, 20, 14, 139], Inputs.Floats(logits));
        Assert.Equal([3.5f, 30, 3, 29, 2.5f, 20, 14, 139], Inputs.Floats(router.Logits(Tensor.Create(Array.ConvertAll(Inputs.Floats(q), x => (BFloat16)x), [2, 2, 2]))));
        Assert.Equal([0, 2, 2], router.Logits(Tensor.Create(Array.Empty<float>(), [0, 2, 2])).Lengths.ToArray());
    }

    [Fact]
    public void Queries_that_do_not_fit_are_named()
    {
        var router = new Router(Tensor.Create([1f, 1], [1, 2, 1]));
        ArgumentException error = Assert.Throws<ArgumentException>("q", () => router.Logits(Tensor.Create([1f, 1], [1, 2, 1])));
        Assert.StartsWith("q is [1, 2, 1]: it must be [query tokens, query heads, dim], which is [any, 1, 1]", error.Message, StringComparison.Ordinal);
        error = Assert.Throws<ArgumentException>("q", () => router.Logits(Tensor.Create([1f, float.NaN], [2, 1, 1])));
        Assert.StartsWith("the logit of expert 0 at token 1 and head 0 is NaN", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_router_for_other_experts_is_refused()
    {
        Tensor<float> x = Inputs.Normal<float>(1, 4, 1, 8);
        var mixture = new TestMixture(1, Combine.Weighted, new Causal(), new Everything());
        Router Named(params string[] names) => new(Tensor.Create(new float[16], [1, 2, 8])) { ExpertNames = names };

        Assert.Equal(["Causal0", "Everything1"], mixture.Info.Experts.Select(e => e.Name));
        Assert.Equal(
            Inputs.Floats(ReferenceAttention.Attend(new Causal(), x, x, x).Output),
            Inputs.Floats(ReferenceAttention.Attend(mixture, Named("Causal0", "Everything1"), x, x, x).Output));
        using AttentionEngine engine = AttentionEngine.Create(Target.Cpu);
        foreach (Action attend in new Action[]
        {
            () => ReferenceAttention.Attend(mixture, Named("Everything1", "Causal0"), x, x, x),
            () => engine.Attend(mixture, Named("Everything1", "Causal0"), x, x, x),
        })
        {
            ArgumentException error = Assert.Throws<ArgumentException>("router", attend);
            Assert.StartsWith("the router is for the experts Everything1, Causal0: 'Mixture' has Causal0, Everything1;", error.Message, StringComparison.Ordinal);
        }

        Assert.StartsWith("ExpertNames has 3 names, 0 of them empty: it must have one for each of the 2 experts.",
            Assert.Throws<ArgumentException>("ExpertNames", () => Named("a", "b", "c")).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>("ExpertNames", () => Named("a", ""));
    }
}
