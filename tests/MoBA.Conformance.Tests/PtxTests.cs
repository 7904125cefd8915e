using System.Reflection;
using ILGPU;
using MoBA.Patterns;
using MoBA.Runtime;
using MoBA.Runtime.Portable;
using MoBA.Runtime.Tests.Portable;
using Xunit;

namespace MoBA.Conformance.Tests;

/// <summary>Every pattern's portable kernel compiles for NVIDIA GPUs on a machine without one.</summary>
public sealed class PtxTests
{
    /// <summary>The gallery.</summary>
    public static TheoryData<string> Patterns => [.. Gallery.Experts.Select(entry => entry.Name)];

    [Theory]
    [MemberData(nameof(Patterns))]
    public void A_portable_kernel_calls_nothing_and_stays_in_registers(string pattern)
    {
        KernelFinder finder = new();
        ISparseExpert expert = ((ExpertEntry)Gallery.Find(pattern)!).Create(64);
        expert.LaunchPortable(finder);
        expert.LaunchPortableAlways(finder);
        Assert.Equal(expert.Info.AlwaysPredicate is null ? 1 : 2, finder.Kernels.Count);
        foreach (string ptx in finder.Kernels.Select(OfflinePtx.Compile))
        {
            Assert.Contains(".visible .entry", ptx);
            Assert.DoesNotContain(".func", ptx);
            Assert.DoesNotContain("call", ptx);
            Assert.DoesNotContain(".local", ptx);
        }
    }

    /// <summary>Takes the kernels of an expert instead of running them.</summary>
    private sealed class KernelFinder : PortableLaunch
    {
        public List<MethodInfo> Kernels { get; } = [];

        public override PortableTable Table(ReadOnlyMemory<int> values, bool monotone) => default;

        public override PortableFloatTable Table(ReadOnlyMemory<float> values) => default;

        public override void Run<TParameters>(Action<Index2D, PortableProblem, TParameters> kernel, TParameters parameters) =>
            Kernels.Add(kernel.Method);
    }
}
