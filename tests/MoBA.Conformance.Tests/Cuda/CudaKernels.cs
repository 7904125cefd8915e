using MoBA.Patterns;
using MoBA.Runtime;
using MoBA.Runtime.Cuda;

namespace MoBA.Conformance.Tests.Cuda;

/// <summary>The tensor-core kernels of the gallery.</summary>
internal static class CudaKernels
{
    private static readonly KernelStore _store = new(new KernelCache(null, 0));

    /// <summary>The shapes that a pattern runs in on a machine.</summary>
    public static IEnumerable<TileShape> Shapes(string pattern, KernelTarget target)
    {
        float bound = Launches(pattern, target).ScoreBound;
        return from dim in (int[])[128, 64, 256]
               from element in (ElementKind[])[ElementKind.BFloat16, ElementKind.Half]
               select new TileShape(target, dim, element, TileShape.CanBeBounded(target, element, bound));
    }

    /// <summary>The kernels of a pattern: one, or two where a gate leaves pairs aside.</summary>
    public static IReadOnlyList<KernelSource> Of(string pattern, KernelTarget target) => Launches(pattern, target).Kernels;

    /// <summary>The shapes that a pattern runs in where a mixture gives it rows.</summary>
    public static IEnumerable<TileShape> ListShapes(string pattern, KernelTarget target) =>
        Shapes(pattern, target).Select(static shape => shape.OfLists());

    /// <summary>The kernel of a pattern for rows that a mixture gives it; with a gate, for their own blocks.</summary>
    public static KernelSource OfLists(string pattern, KernelTarget target)
    {
        KernelFinder finder = new(target, KernelPass.Experts);
        ISparseExpert expert = ((ExpertEntry)Gallery.Find(pattern)!).Create(64);
        expert.LaunchCuda(expert.Gate is null ? finder : new GatedLaunch(expert, expert.Gate, 4, null!, finder));
        return finder.Kernels.Single();
    }

    /// <summary>The kernels of a pattern under a gate, whether it has one or not: of own blocks, and of chosen ones.</summary>
    public static IReadOnlyList<KernelSource> UnderGate(string pattern, KernelTarget target)
    {
        KernelFinder finder = new(target, KernelPass.Attend);
        ISparseExpert expert = ((ExpertEntry)Gallery.Find(pattern)!).Create(64);
        expert.LaunchCuda(new GatedLaunch(expert, new(128, 8), 4, null!, finder));
        return finder.Kernels;
    }

    /// <summary>The text of a kernel; ILGPU compiles it once for all shapes of a machine, whichever test asks first.</summary>
    public static KernelText Text(KernelSource kernel, TileShape shape) => _store.Text(kernel, shape);

    private static KernelFinder Launches(string pattern, KernelTarget target)
    {
        KernelFinder finder = new(target, KernelPass.Attend);
        ISparseExpert expert = ((ExpertEntry)Gallery.Find(pattern)!).Create(64);
        expert.LaunchCuda(finder);
        expert.LaunchCudaAlways(finder);
        return finder;
    }

    /// <summary>Takes the kernels of an expert instead of running them.</summary>
    private sealed class KernelFinder(KernelTarget target, KernelPass pass) : CudaLaunch, IGatedRun
    {
        public List<KernelSource> Kernels { get; } = [];

        public float ScoreBound { get; private set; }

        public override CudaTable Table(ReadOnlyMemory<int> values, bool monotone) => default;

        public override CudaFloatTable Table(ReadOnlyMemory<float> values) => default;

        public override void Run<TPattern, TRuns, TQuery, TKey>(TPattern pattern, string source)
        {
            ScoreBound = pattern.ScoreBound;
            Kernels.Add(new(pass.Method<TPattern, TRuns, TQuery, TKey>(target), source));
        }

        public void Run<TOwn, TOwnRuns, TOwnQuery, TOwnKey, TRouted, TRoutedRuns, TRoutedQuery, TRoutedKey>(TOwn own, TRouted routed, string source)
            where TOwn : unmanaged, ICudaPattern<TOwnRuns, TOwnQuery, TOwnKey>
            where TOwnRuns : unmanaged
            where TOwnQuery : unmanaged
            where TOwnKey : unmanaged
            where TRouted : unmanaged, ICudaPattern<TRoutedRuns, TRoutedQuery, TRoutedKey>
            where TRoutedRuns : unmanaged
            where TRoutedQuery : unmanaged
            where TRoutedKey : unmanaged
        {
            Run<TOwn, TOwnRuns, TOwnQuery, TOwnKey>(own, source);
            if (pass == KernelPass.Attend)
                Kernels.Add(new(KernelPass.Routed.Method<TRouted, TRoutedRuns, TRoutedQuery, TRoutedKey>(target), source));
        }
    }
}
