using System.Text.RegularExpressions;
using MoBA.Generators.Tests.Harness;
using MoBA.Patterns;
using MoBA.Runtime;
using MoBA.Runtime.Cuda;
using Xunit;

namespace MoBA.Conformance.Tests.Cuda;

/// <summary>The text of two kernels as it was read and accepted: what a change of skeleton, lowering or emitted pattern does to it is seen
/// in review.</summary>
public sealed partial class KernelTextTests
{
    [Theory]
    [InlineData(nameof(Causal))]
    [InlineData(nameof(SinkWindow))]
    public void Text(string pattern)
    {
        KernelSource kernel = Assert.Single(CudaKernels.Of(pattern, KernelTarget.Sm90a));
        KernelText text = CudaKernels.Text(kernel, new TileShape(KernelTarget.Sm90a, 128, ElementKind.BFloat16));
        Snapshot.Match(Renumbered(text.Ptx), pattern, "ptx");
    }

    // ILGPU numbers parameters and labels on through a process.
    private static string Renumbered(string ptx)
    {
        Dictionary<string, string> labels = [];
        return Label().Replace(Parameter().Replace(ptx, "_$1"), match =>
        {
            if (!labels.TryGetValue(match.Value, out string? label))
                labels.Add(match.Value, label = $"L_{labels.Count}");
            return label;
        });
    }

    [GeneratedRegex(@"\b_(problem|pattern)_\d+")]
    private static partial Regex Parameter();

    [GeneratedRegex(@"\bL_\d+")]
    private static partial Regex Label();
}
