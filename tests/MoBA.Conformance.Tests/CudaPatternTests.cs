using MoBA.Runtime;
using Xunit;

namespace MoBA.Conformance.Tests;

/// <summary>What tensor-core kernels ask of every pattern, answered by the emitted code on the CPU, against the pattern itself.</summary>
public sealed class CudaPatternTests
{
    private const int Keys = 500;
    private const int Heads = 6;

    /// <summary>Every pattern with every choice of parameters.</summary>
    public static TheoryData<string, int> Patterns => BindTests.Patterns;

    [Theory]
    [MemberData(nameof(Patterns))]
    public void The_emitted_pattern_is_the_pattern(string pattern, int variant)
    {
        int firstQuery = Variants.TakesNegativePositions(pattern) ? -70 : 0;
        ISparseExpert expert = Variants.Create(pattern, variant, Keys);
        AttentionExtent extent = new(firstQuery, Keys - 1, Keys, Heads);
        CudaComparison.Check(expert, extent);
    }
}
