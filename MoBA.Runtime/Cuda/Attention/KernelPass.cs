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

    /// <summary>Which blocks queries choose.</summary>
    Gate,

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

    /// <summary>Attention of the rows that an expert of a mixture was given.</summary>
    Experts,

    /// <summary>The logits of a router.</summary>
    Logits,

    /// <summary>Which experts rows choose by their logits.</summary>
    Choose,

    /// <summary>Pass "index" of a mixture: the order of items.</summary>
    Order,

    /// <summary>Takes a gate's routes from rows that are not its expert's.</summary>
    Forget,

    /// <summary>Merges what the experts of a row gave.</summary>
    Mix,

    /// <summary>Makes rows NaN that could choose no expert.</summary>
    Refuse,

    /// <summary>Pass "overlap": what tiles of queries chose together.</summary>
    Overlap,

    /// <summary>Pass "overlap": the path to take.</summary>
    ChoosePath,
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
            KernelPass.Experts => (isHopper ? typeof(HopperExperts) : typeof(AmpereExperts)).GetMethod(nameof(HopperExperts.Attend))!
                .MakeGenericMethod(typeof(TPattern), typeof(TRuns), typeof(TQuery), typeof(TKey)),
            _ => throw new ArgumentOutOfRangeException(nameof(pass), pass, "no kernel with a pattern"),
        };
    }

    /// <summary>The method of a pass without a pattern.</summary>
    public static MethodInfo Method(this KernelPass pass) => pass switch
    {
        KernelPass.Centroids => typeof(CentroidKernel).GetMethod(nameof(CentroidKernel.Pool))!,
        KernelPass.Gate => typeof(GateKernel).GetMethod(nameof(GateKernel.Choose))!,
        KernelPass.Count => typeof(IndexKernels).GetMethod(nameof(IndexKernels.Count))!,
        KernelPass.Sum => typeof(IndexKernels).GetMethod(nameof(IndexKernels.Sum))!,
        KernelPass.Scan => typeof(IndexKernels).GetMethod(nameof(IndexKernels.Scan))!,
        KernelPass.Scatter => typeof(IndexKernels).GetMethod(nameof(IndexKernels.Scatter))!,
        KernelPass.Combine => typeof(CombineKernel).GetMethod(nameof(CombineKernel.Merge))!,
        KernelPass.Routes => typeof(RoutesKernel).GetMethod(nameof(RoutesKernel.Write))!,
        KernelPass.Logits => typeof(RouterKernels).GetMethod(nameof(RouterKernels.Logits))!,
        KernelPass.Choose => typeof(RouterKernels).GetMethod(nameof(RouterKernels.Choose))!,
        KernelPass.Order => typeof(ListKernels).GetMethod(nameof(ListKernels.Order))!,
        KernelPass.Forget => typeof(RouterKernels).GetMethod(nameof(RouterKernels.Forget))!,
        KernelPass.Mix => typeof(MixtureCombineKernels).GetMethod(nameof(MixtureCombineKernels.Mix))!,
        KernelPass.Refuse => typeof(MixtureCombineKernels).GetMethod(nameof(MixtureCombineKernels.Refuse))!,
        KernelPass.Overlap => typeof(OverlapKernels).GetMethod(nameof(OverlapKernels.Measure))!,
        KernelPass.ChoosePath => typeof(OverlapKernels).GetMethod(nameof(OverlapKernels.Choose))!,
        _ => throw new ArgumentOutOfRangeException(nameof(pass), pass, "no kernel without a pattern"),
    };

    /// <summary>The shape of a gate's kernel: what blocks are scored with, and where the best are kept.</summary>
    public static TileShape ShapeOfGate(int dim, ElementKind element, in CudaRouting routing) =>
        TileShape.For(KernelTarget.Sm80, dim, element) with
        {
            Role = KernelRole.Gate,
            Operands = (routing.HeadsPerGate > 1 ? 3 : 1) + (routing.Least == 0 ? 0 : 1),
            Listed = routing.Slots <= GateTiles.Kept ? 0 : routing.Slots < 16 ? 16 : 64,
        };

    /// <summary>The shape of another pass without a pattern, on every machine.</summary>
    public static TileShape Shape(this KernelPass pass, ElementKind element) => pass switch
    {
        KernelPass.Centroids => _any with { Element = element, SharedBytes = CentroidKernel.SharedBytes },
        KernelPass.Combine or KernelPass.Logits or KernelPass.Mix or KernelPass.Refuse => _any with { Element = element },
        KernelPass.Count => _any with { SharedBytes = BitMatrix.Bytes },
        KernelPass.Order => _any with { SharedBytes = ListKernels.SharedBytes },
        KernelPass.Scan => _any with { SharedBytes = BitMatrix.Columns * sizeof(int) },
        KernelPass.Scatter => _any with { SharedBytes = 2 * BitMatrix.Bytes },
        KernelPass.Overlap or KernelPass.ChoosePath => _any with { SharedBytes = OverlapKernels.SharedBytes },
        _ => _any,
    };
}
