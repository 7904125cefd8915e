using MoBA.Patterns;
using MoBA.Runtime;
using Xunit;

namespace MoBA.Conformance.Tests;

/// <summary>The two patterns that tensor-core kernels make of a gated expert's, against the predicates pair by pair.</summary>
public sealed class GatedPatternTests
{
    private const int Keys = 150;
    private const int Heads = 6;

    // Queries behind the last key have own blocks that end in the keys, or none; those before the first one have none either.
    private const int Behind = 50, Before = 20;

    private static readonly int[] _blockSizes = [16, 48, 128];

    /// <summary>Every pattern with every choice of parameters.</summary>
    public static TheoryData<string, int> Patterns => BindTests.Patterns;

    /// <summary>Those that look back only.</summary>
    public static TheoryData<string, int> CausalPatterns =>
        [.. from entry in Gallery.Experts
            from variant in Enumerable.Range(0, Variants.Count)
            where LooksBack(Variants.Create(entry.Name, variant, Keys + Behind), FirstQuery(entry.Name))
            select (entry.Name, variant)];

    [Theory]
    [MemberData(nameof(Patterns))]
    public void Own_blocks_and_chosen_ones_are_of_the_pattern(string pattern, int variant) =>
        Check(Variants.Create(pattern, variant, Keys + Behind), null, pattern);

    /// <summary>Few experts have an <c>Always</c>: here any pattern is another's.</summary>
    [Theory]
    [MemberData(nameof(CausalPatterns))]
    public void What_is_always_attended_is_attended_once(string always, int variant) =>
        Check(new Causal(), Variants.Create(always, variant, Keys + Behind), always);

    private static void Check(ISparseExpert expert, ISparseExpert? always, string pattern)
    {
        foreach (int blockSize in _blockSizes)
            Assert.Equal(1, GatedComparison.Check(expert, always, new(FirstQuery(pattern), Keys + Behind - 1, Keys, Heads), blockSize));
    }

    private static int FirstQuery(string pattern) => Variants.TakesNegativePositions(pattern) ? -Before : 0;

    private static bool LooksBack(ISparseExpert expert, int firstQuery)
    {
        for (int q = firstQuery; q < Keys; q++)
        {
            for (int k = Math.Max(0, q + 1); k < Keys; k++)
            {
                if (expert.Attends(q, k, 0))
                    return false;
            }
        }

        return true;
    }
}
