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
        ((ExpertEntry)Gallery.Find(pattern)!).Create(64).LaunchPortable(finder);
        string ptx = OfflinePtx.Compile(finder.Kernel!);
        Assert.Contains(".visible .entry", ptx);
        Assert.DoesNotContain(".func", ptx);
        Assert.DoesNotContain("call", ptx);
        Assert.DoesNotContain(".local", ptx);
    }

    /// <summary>Takes the kernel of an expert instead of running it.</summary>
    private sealed class KernelFinder : PortableLaunch
    {
        public MethodInfo? Kernel { get; private set; }

        public override PortableTable Table(ReadOnlyMemory<int> values, bool monotone) => default;

        public override PortableFloatTable Table(ReadOnlyMemory<float> values) => default;

        public override void Run<TParameters>(Action<Index2D, PortableProblem, TParameters> kernel, TParameters parameters) =>
            Kernel = kernel.Method;
    }
}
