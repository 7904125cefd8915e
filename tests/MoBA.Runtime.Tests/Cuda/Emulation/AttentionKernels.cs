using System.Collections.Concurrent;
using MoBA.Runtime.Cuda;

namespace MoBA.Runtime.Tests.Cuda.Emulation;

/// <summary>The texts of attention kernels, each compiled once for all tests.</summary>
internal static class AttentionKernels
{
    private static readonly ConcurrentDictionary<(Type Pattern, KernelTarget Target), Lazy<string>> _compiled = new();
    private static readonly ConcurrentDictionary<(Type Pattern, TileShape Shape), Lazy<(KernelText Text, PtxProgram Program)>> _programs = new();

    /// <summary>The kernel of a pattern and a shape.</summary>
    public static (KernelText Text, PtxProgram Program) Of<TPattern, TRuns>(TileShape shape)
        where TPattern : unmanaged, ICudaPattern<TRuns, int, int>
        where TRuns : unmanaged => _programs.GetOrAdd((typeof(TPattern), shape), static key => new(() =>
        {
            Lazy<string> compiled = _compiled.GetOrAdd((key.Pattern, key.Shape.Target), static k => new(() => Compile(k.Pattern, typeof(TRuns), k.Target)));
            KernelText text = TileLowering.Lower(compiled.Value, key.Shape);
            return (text, new(text.Ptx));
        })).Value;

    private static string Compile(Type pattern, Type runs, KernelTarget target)
    {
        Type skeleton = target == KernelTarget.Sm90a ? typeof(HopperAttention) : typeof(AmpereAttention);
        int threads = TilePrinter.For(TileShape.For(target, 64, ElementKind.Half)).Threads;
        return new KernelCompiler().Compile(
            new(skeleton.GetMethod(nameof(HopperAttention.Attend))!.MakeGenericMethod(pattern, runs, typeof(int), typeof(int)), ""), target, threads);
    }
}
