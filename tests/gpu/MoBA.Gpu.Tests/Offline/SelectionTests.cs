using MoBA.Conformance.Tests;
using MoBA.Patterns;
using Xunit;

namespace MoBA.Gpu.Tests.Offline;

/// <summary>The cases are those that were meant.</summary>
[Trait("Category", "Offline")]
public sealed class SelectionTests
{
    [Fact]
    public void Every_static_pattern_is_judged() =>
        Assert.Equal(Gallery.Experts.Count(entry => entry.Info.Gate is null), GpuCases.Patterns.Length);

    [Fact]
    public void Short_lengths_meet_everything_else()
    {
        AttentionCase[] cases = [.. GpuCases.ShortProduct(nameof(SlidingWindow), Element.Half)];
        Assert.Equal(cases.Length, cases.Select(at => at with { Variant = 0 }).Distinct().Count());
        int placements = GpuCases.IsFull ? 6 : 3;
        Assert.Equal(4 * 7 * 3 * 2 * placements, cases.Length);
        Assert.All(Enumerable.Range(0, Variants.Count), variant => Assert.InRange(cases.Count(at => at.Variant == variant), cases.Length / 4, cases.Length / 2));
        Assert.All(Enum.GetValues<Layout>(), layout => Assert.InRange(cases.Count(at => GpuCases.LayoutOf(at) == layout), cases.Length / 5, cases.Length / 2));
    }

    [Fact]
    public void A_third_of_the_short_cases_meets_every_pair()
    {
        Assert.SkipWhen(GpuCases.IsFull, "everything is judged");
        foreach (string pattern in GpuCases.Patterns)
        {
            foreach (Element element in GpuCases.Elements)
            {
                AttentionCase[] all = [.. GpuCases.ShortProduct(pattern, element)], chosen = [.. GpuCases.Short(pattern, element)];
                Assert.InRange(chosen.Length, all.Length / 3, (all.Length / 3) + 5);
                Assert.Equal(chosen.Length, chosen.Distinct().Count());
                Assert.Subset(all.ToHashSet(), chosen.ToHashSet());
                Assert.Equal(all.SelectMany(GpuCases.PairsOf).ToHashSet(), chosen.SelectMany(GpuCases.PairsOf).ToHashSet());
            }
        }
    }

    [Fact]
    public void Patterns_and_types_have_other_thirds()
    {
        Assert.SkipWhen(GpuCases.IsFull, "everything is judged");
        int shapes = (from pattern in GpuCases.Patterns
                      from element in GpuCases.Elements
                      from at in GpuCases.Short(pattern, element)
                      select at with { Pattern = "", Element = default }).Distinct().Count();
        Assert.Equal(GpuCases.ShortProduct(nameof(BigBird), Element.Half).Count(), shapes);
    }

    [Fact]
    public void The_same_cases_are_chosen_every_time() =>
        Assert.Equal(GpuCases.Short(nameof(BigBird), Element.Half), GpuCases.Short(nameof(BigBird), Element.Half));

    [Fact]
    public void Long_lengths_meet_every_pair()
    {
        HashSet<(int, int, int, int)> missing = [.. Pairwise.Pairs(GpuCases.LongLevels)];
        foreach (int[] row in GpuCases.LongRows())
            missing.ExceptWith(Pairwise.PairsOf(row));

        // Only a table's pattern beside positions before the first key.
        (int factor, int pattern, int other, int level) = Assert.Single(missing);
        Assert.Equal((0, nameof(DocumentCausal), 4, (int)Placement.Before), (factor, GpuCases.Patterns[pattern], other, level));
    }

    [Fact]
    public void Tiny_takes_nine_kernels_of_four_patterns()
    {
        string[] patterns = [nameof(Causal), nameof(SinkWindow), nameof(DocumentCausal), nameof(SoftCap)];
        AttentionCase[] cases = [.. patterns.SelectMany(GpuCases.Tiny)];
        Assert.Equal(17, cases.Length);
        Assert.Equal(9, cases.Select(at => (at.Pattern, at.Element, at.Dim)).Distinct().Count());
    }

    [Fact]
    public void Smoke_takes_at_most_two_kernels_of_every_pattern()
    {
        foreach (string pattern in GpuCases.Patterns)
        {
            AttentionCase[] cases = [.. GpuCases.Smoke(pattern)];
            Assert.InRange(cases.Length, 5, 6);
            Assert.Equal(2, cases.Select(at => (at.Element, at.Dim <= 64)).Distinct().Count());
        }
    }
}
