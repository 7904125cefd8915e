using MoBA.Conformance.Tests;
using MoBA.Patterns;
using Xunit;

namespace MoBA.Gpu.Tests.Gpu;

/// <summary>NaN and infinity in q, k and v of gated experts reach what attends them, and nothing else.</summary>
public sealed class GatedNonFiniteTests(GpuFixture gpu) : GpuTests(gpu)
{
    /// <summary>Experts, element types and dims.</summary>
    public static TheoryData<string, Element, int> Kernels => [..
        from pattern in GatedCase.Patterns
        from kernel in ((Element Element, int Dim)[])[(Element.BFloat16, 128), (Element.Half, 64), (Element.BFloat16, 40), (Element.Half, 256)]
        select (pattern, kernel.Element, kernel.Dim)];

    [Theory]
    [MemberData(nameof(Kernels))]
    public void A_bad_key_or_value_reaches_those_that_attend_it(string pattern, Element element, int dim)
    {
        // The first key, one in the middle, the last of a block, and the last of all.
        Check(new(pattern, 64, 3, Batch.One, 700, 4, 2, dim, element), 0, 100, 255, 699);

        // The last key of a sequence, and the first of the one behind.
        Check(new(pattern, 16, 2, Batch.Ragged, 300, 2, 2, dim, element), 315, 316);
    }

    [Theory]
    [MemberData(nameof(Kernels))]
    public void A_bad_query_spoils_its_own_row(string pattern, Element element, int dim)
    {
        GatedCase at = new(pattern, 64, 3, Batch.One, 700, 4, 2, dim, element);
        GatedSpoiling spoiling = Spoiling(at, at.Normal());
        AssertRight(spoiling.CleanFault() ?? spoiling.QueryFault(spoiling.Run(), (577 * 4) + 1));
    }

    [Theory]
    [InlineData(Element.BFloat16)]
    [InlineData(Element.Half)]
    public void A_bad_value_in_a_block_that_nobody_chose_reaches_nobody(Element element)
    {
        // Of 24 blocks the ninth: all later rows have others to choose, and those from block 14 on share no tile with it.
        GatedCase at = new(nameof(MobaTopK), 64, 3, Batch.One, 1500, 2, 1, 128, element);
        AttentionInputs inputs = at.With(GatedData.Skewed(at, Skew.Unloved), GatedData.ScaleOf(at.Dim));
        GatedSpoiling spoiling = Spoiling(at, inputs);
        GpuOutcome clean = spoiling.Run();
        AssertRight(spoiling.CleanFault() ?? spoiling.KeyFault(clean, (8 * 64) + 20));

        inputs.VBits.AsSpan(8 * 64 * at.Dim, 64 * at.Dim).Fill(Bits.Of(float.NaN, element));
        GpuOutcome actual = spoiling.Run();
        int row = 14 * 64 * at.QueryHeads;
        Assert.Equal(clean.Routes!.Blocks, actual.Routes!.Blocks);
        Assert.Equal(clean.Output[(row * at.Dim)..], actual.Output[(row * at.Dim)..]);
        Assert.Equal(clean.Lse[row..], actual.Lse[row..]);
    }

    private void Check(GatedCase at, params int[] keys)
    {
        GatedSpoiling spoiling = Spoiling(at, at.Normal());
        AssertRight(spoiling.CleanFault());
        GpuOutcome clean = spoiling.Run();
        foreach (int key in keys)
            AssertRight(spoiling.KeyFault(clean, key));
    }

    private GatedSpoiling Spoiling(GatedCase at, AttentionInputs inputs) =>
        new(at, inputs, Gpu.Reference, () => CaseRunner.Run(Engine, at.Expert, inputs, at.Layout));
}
