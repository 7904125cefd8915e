using MoBA.Patterns;
using Xunit;

namespace MoBA.Gpu.Tests.Gpu;

/// <summary>Every gated expert of the gallery: routes by the gate's definition, and outputs and log-sum-exps against the float reference on
/// the pairs that the returned routes have.</summary>
public sealed class GatedMatrixTests(GpuFixture gpu) : GpuTests(gpu)
{
    /// <summary>The experts, one a row.</summary>
    public static TheoryData<string> Patterns => [.. GatedCase.Patterns];

    [Theory]
    [Trait("Selection", "Smoke")]
    [MemberData(nameof(Patterns))]
    public void Smoke(string pattern) => Gpu.Judge(GatedCases.Smoke(pattern));

    [Theory]
    [Trait("Selection", "Tiny")]
    [InlineData(nameof(MobaTopK))]
    [InlineData(nameof(MobaSinks))]
    [InlineData(nameof(QuestTopK))]
    public void Tiny(string pattern) => Gpu.Judge(GatedCases.Tiny(pattern));

    [Theory]
    [MemberData(nameof(Patterns))]
    public void Blocks_lengths_batches_heads_dims_and_types(string pattern)
    {
        Gpu.WarmUpGates();
        Gpu.Judge(GatedCases.Matrix(pattern));
    }
}
