using MoBA.Conformance.Tests;
using MoBA.Patterns;
using MoBA.Runtime;
using Xunit;

namespace MoBA.Gpu.Tests.Offline;

/// <summary>The cases of gated experts are those that were meant.</summary>
[Trait("Category", "Offline")]
public sealed class GatedSelectionTests
{
    [Fact]
    public void Every_gated_expert_is_judged() =>
        Assert.Equal(Gallery.Experts.Count(entry => entry.Info.Gate is not null), GatedCase.Patterns.Count);

    [Fact]
    public void Any_two_levels_meet()
    {
        HashSet<(int, int, int, int)> missing = [.. Pairwise.Pairs(GatedCases.Levels)];
        foreach (int[] row in GatedCases.Rows())
            missing.ExceptWith(Pairwise.PairsOf(row));
        Assert.Empty(missing);
    }

    [Fact]
    public void Cases_are_few_enough_and_most_have_a_choice()
    {
        Assert.SkipWhen(GpuCases.IsFull, "everything is judged");
        GatedCase[] cases = [.. GatedCase.Patterns.SelectMany(GatedCases.Matrix)];
        Assert.InRange(cases.Length, 200, 400);
        Assert.All(cases, at => Assert.InRange(at.KeyLengths.Max(), 1, 4701));
        int routed = cases.Count(at => at.TopK > 1 && at.KeyLengths.Zip(at.QueryLengths, (keys, queries) => (at.QueryStart ?? keys - queries) + queries - 1).Max() / at.BlockSize >= at.TopK);
        Assert.InRange(routed, cases.Length / 3, cases.Length);
    }

    [Fact]
    public void A_cases_tensors_have_its_lengths()
    {
        foreach (GatedCase at in GatedCase.Patterns.SelectMany(GatedCases.Matrix).Concat(GatedCase.Patterns.SelectMany(GatedCases.Smoke)).Take(60))
        {
            AttentionInputs inputs = at.Normal();
            Assert.Equal((at.QueryLengths.Sum(), at.KeyLengths.Sum()), (inputs.QueryTokens, inputs.KeyTokens));
            Assert.Equal(at.KeyLengths.Length, inputs.Sequences.Count);
            Assert.Equal((at.BlockSize, at.TopK), (at.Expert.Gate!.BlockSize, at.Expert.Gate.TopK));
            Assert.All(inputs.Sequences.Zip(at.KeyLengths), one => Assert.Equal(one.Second, one.First.At.Keys));
        }
    }
}
