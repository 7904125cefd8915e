using System.Reflection;

namespace MoBA.Runtime.Cuda;

/// <summary>What kernels there are.</summary>
internal enum KernelPass
{
    /// <summary>Attention of a pattern.</summary>
    Attend,

    /// <summary>Attention of rows that chose a block.</summary>
    Routed,

    /// <summary>What a gate knows of blocks.</summary>
    Centroids,

    /// <summary>Which blocks queries choose, of up to 8.</summary>
    Gate8,

    /// <summary>Which blocks queries choose, of up to 16.</summary>
    Gate16,

    /// <summary>Which blocks queries choose, of up to 64.</summary>
    Gate64,

    /// <summary>Pass "index": how many chose each block.</summary>
    Count,

    /// <summary>Pass "index": sums over tiles of entries.</summary>
    Sum,

    /// <summary>Pass "index": places of lists.</summary>
    Scan,

    /// <summary>Pass "index": lists.</summary>
    Scatter,

    /// <summary>Merges what rows have of their own blocks and of chosen ones.</summary>
    Combine,

    /// <summary>Routes as callers get them.</summary>
    Routes,

    /// <summary>Pass "overlap": what tiles of queries chose together.</summary>
    Overlap,

    /// <summary>Pass "overlap": the path to take.</summary>
    Choose,
}

/// <summary>The methods that kernels are compiled from, and the shapes of those without a pattern.</summary>
internal static class KernelPasses
{
    // Kernels that depend on nothing are made once.
    private static readonly TileShape _any = new(KernelTarget.Sm80, 64, ElementKind.Half, Role: KernelRole.Plain);

    /// <summary>The method of a pass that takes a pattern.</summary>
    public static MethodInfo Method<TPattern, TRuns, TQuery, TKey>(this KernelPass pass, KernelTarget target)
        where TPattern : unmanaged, ICudaPattern<TRuns, TQuery, TKey>
        where TRuns : unmanaged
        where TQuery : unmanaged
        where TKey : unmanaged
    {
        bool isHopper = target == KernelTarget.Sm90a;
        return pass switch
        {
            KernelPass.Attend => (isHopper ? typeof(HopperAttention) : typeof(AmpereAttention)).GetMethod(nameof(HopperAttention.Attend))!
                .MakeGenericMethod(typeof(TPattern), typeof(TRuns), typeof(TQuery), typeof(TKey)),
            KernelPass.Routed => (isHopper ? typeof(HopperRouted) : typeof(AmpereRouted)).GetMethod(nameof(HopperRouted.Attend))!
                .MakeGenericMethod(typeof(TPattern), typeof(TRuns), typeof(TQuery), typeof(TKey)),
            _ => throw new ArgumentOutOfRangeException(nameof(pass), pass, "no kernel with a pattern"),
        };
    }

    /// <summary>The method of a pass without a pattern.</summary>
    public static MethodInfo Method(this KernelPass pass) => pass switch
    {
        KernelPass.Centroids => typeof(CentroidKernel).GetMethod(nameof(CentroidKernel.Pool))!,
        KernelPass.Gate8 => typeof(GateKernel).GetMethod(nameof(GateKernel.Choose8))!,
        KernelPass.Gate16 => typeof(GateKernel).GetMethod(nameof(GateKernel.Choose16))!,
        KernelPass.Gate64 => typeof(GateKernel).GetMethod(nameof(GateKernel.Choose64))!,
        KernelPass.Count => typeof(IndexKernels).GetMethod(nameof(IndexKernels.Count))!,
        KernelPass.Sum => typeof(IndexKernels).GetMethod(nameof(IndexKernels.Sum))!,
        KernelPass.Scan => typeof(IndexKernels).GetMethod(nameof(IndexKernels.Scan))!,
        KernelPass.Scatter => typeof(IndexKernels).GetMethod(nameof(IndexKernels.Scatter))!,
        KernelPass.Combine => typeof(CombineKernel).GetMethod(nameof(CombineKernel.Merge))!,
        KernelPass.Routes => typeof(RoutesKernel).GetMethod(nameof(RoutesKernel.Write))!,
        KernelPass.Overlap => typeof(OverlapKernels).GetMethod(nameof(OverlapKernels.Measure))!,
        KernelPass.Choose => typeof(OverlapKernels).GetMethod(nameof(OverlapKernels.Choose))!,
        _ => throw new ArgumentOutOfRangeException(nameof(pass), pass, "no kernel without a pattern"),
    };

    /// <summary>The pass of a gate that chooses up to <paramref name="slots"/> blocks.</summary>
    public static KernelPass OfGate(int slots) => slots <= 8 ? KernelPass.Gate8 : slots <= 16 ? KernelPass.Gate16 : KernelPass.Gate64;

    /// <summary>The shape of a gate's kernel: pooled keys are of one kind or two, and the sum of heads is in two parts.</summary>
    public static TileShape ShapeOfGate(this KernelPass pass, int dim, ElementKind element, in CudaRouting routing) =>
        TileShape.For(KernelTarget.Sm80, dim, element) with
        {
            Role = KernelRole.Gate,
            Operands = (routing.HeadsPerGate > 1 ? 3 : 1) + (routing.Least == 0 ? 0 : 1),
            Listed = pass == KernelPass.Gate64 ? 64 : 0,
        };

    /// <summary>The shape of another pass without a pattern, on every machine.</summary>
    public static TileShape Shape(this KernelPass pass, ElementKind element) => pass switch
    {
        KernelPass.Centroids => _any with { Element = element, SharedBytes = CentroidKernel.SharedBytes },
        KernelPass.Combine => _any with { Element = element },
        KernelPass.Count => _any with { SharedBytes = BitMatrix.Bytes },
        KernelPass.Scan => _any with { SharedBytes = BitMatrix.Columns * sizeof(int) },
        KernelPass.Scatter => _any with { SharedBytes = 2 * BitMatrix.Bytes },
        KernelPass.Overlap or KernelPass.Choose => _any with { SharedBytes = OverlapKernels.SharedBytes },
        _ => _any,
    };
}
