using MoBA.Conformance.Tests;
using MoBA.Patterns;
using Xunit;

namespace MoBA.Gpu.Tests.Gpu;

/// <summary>Every static pattern of the gallery against the float reference.</summary>
public sealed class MatrixTests(GpuFixture gpu) : GpuTests(gpu)
{
    // Dims that are no whole number of swizzle atoms, or of tensor-core steps.
    private static readonly int[] _oddDims = [8, 16, 24, 40, 48, 72, 96, 104, 136, 160, 192, 200, 248];

    /// <summary>The patterns, one a row.</summary>
    public static TheoryData<string> Patterns => [.. GpuCases.Patterns];

    /// <summary>Every pattern with every element type.</summary>
    public static TheoryData<string, Element> PatternsAndElements =>
        [.. GpuCases.Patterns.SelectMany(pattern => GpuCases.Elements.Select(element => (pattern, element)))];

    [Theory]
    [Trait("Selection", "Smoke")]
    [MemberData(nameof(Patterns))]
    public void Smoke(string pattern) => Gpu.Judge(GpuCases.Smoke(pattern));

    [Theory]
    [Trait("Selection", "Tiny")]
    [InlineData(nameof(Causal))]
    [InlineData(nameof(SinkWindow))]
    [InlineData(nameof(DocumentCausal))]
    [InlineData(nameof(SoftCap))]
    public void Tiny(string pattern) => Gpu.Judge(GpuCases.Tiny(pattern));

    [Theory]
    [MemberData(nameof(PatternsAndElements))]
    public void Short_lengths(string pattern, Element element)
    {
        Gpu.WarmUp();
        Gpu.Judge(GpuCases.Short(pattern, element));
    }

    [Theory]
    [MemberData(nameof(Patterns))]
    public void Long_lengths(string pattern)
    {
        Gpu.WarmUp();
        Gpu.Judge(GpuCases.Long(pattern));
    }

    [Theory]
    [InlineData(nameof(Causal))]
    [InlineData(nameof(SinkWindow))]
    public void Every_dim(string pattern) => Gpu.Judge(
        from dim in _oddDims
        from keys in (int[])[65, 129, 200]
        from element in GpuCases.Elements
        select new AttentionCase(pattern, 1, keys, keys == 200, Placement.Prefill, 9, 3, dim, element));

    [Theory]
    [InlineData(-1.5f)]
    [InlineData(0f)]
    [InlineData(3f)]
    [InlineData(1e-3f)]
    public void Every_scale(float scale) => Gpu.Judge(
        from pattern in (string[])[nameof(Causal), nameof(AlibiCausal), nameof(SoftCap), nameof(BigBird)]
        from element in GpuCases.Elements
        from dim in (int[])[64, 128]
        from keys in (int[])[129, 300]
        select new AttentionCase(pattern, 1, keys, keys == 129, Placement.Prefill, 4, 2, dim, element), scale);
}
