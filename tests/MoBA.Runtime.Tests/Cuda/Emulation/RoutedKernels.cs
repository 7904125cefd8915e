using System.Collections.Concurrent;
using MoBA.Runtime.Cuda;

namespace MoBA.Runtime.Tests.Cuda.Emulation;

/// <summary>The texts of kernels of pass "routed", each compiled once for all tests.</summary>
internal static class RoutedKernels
{
    private static readonly ConcurrentDictionary<(Type Pattern, TileShape Shape), Lazy<(KernelText Text, PtxProgram Program)>> _programs = new();

    /// <summary>The kernel of a pattern and a shape.</summary>
    public static (KernelText Text, PtxProgram Program) Of<TPattern>(TileShape shape)
        where TPattern : unmanaged, ICudaPattern<int, int, int> => _programs.GetOrAdd((typeof(TPattern), shape), static key => new(() =>
        {
            Type skeleton = key.Shape.Target == KernelTarget.Sm90a ? typeof(HopperRouted) : typeof(AmpereRouted);
            string compiled = new KernelCompiler().Compile(
                new(skeleton.GetMethod(nameof(HopperRouted.Attend))!.MakeGenericMethod(key.Pattern, typeof(int), typeof(int), typeof(int)), ""),
                key.Shape.Target, TilePrinter.For(key.Shape).Threads);
            KernelText text = TileLowering.Lower(compiled, key.Shape);
            return (text, new(text.Ptx));
        })).Value;
}
