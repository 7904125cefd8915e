using System.Collections.Concurrent;
using System.Text;

namespace MoBA.Runtime.Cuda;

/// <summary>
/// Experts on tensor cores: dispatch, and their kernels, each of which is found or made once for a pattern, an element type and a class
/// of dims.
/// </summary>
internal sealed class TensorCoreAttention : ICudaAttention
{
    /// <summary>Which kernels to run: <c>sm80</c> or <c>sm90a</c>; without it those of the device.</summary>
    public const string TargetVariable = "MOBA_CUDA_KERNELS";

    // What of the L2 cache the keys and values of the heads in work may take: the rest is for queries, outputs and copies.
    private const double CacheShare = 0.55;

    private readonly MadeOnce<(KernelPass Pass, Type Pattern, TileShape Shape), AttentionKernel> _kernels = new();
    private readonly ConcurrentBag<CudaKernelModule> _modules = [];
    private readonly Lazy<LaunchCounters> _counters;

    private readonly GatedAttention _gated;
    private readonly MixtureAttention _mixtures;

    /// <param name="context">The device's.</param>
    /// <param name="pool">Where scratch memory comes from.</param>
    /// <param name="store">Where kernels come from.</param>
    public TensorCoreAttention(CudaDeviceContext context, WorkspacePool pool, KernelStore store)
    {
        (Context, Store) = (context, store);
        _gated = new(this, pool);
        _mixtures = new(this, _gated, pool);
        Target = TargetOf(context.Device, Environment.GetEnvironmentVariable(TargetVariable));
        Data = new(context, Math.Max(16L << 20, context.Device.MemoryBytes / 64));
        _counters = new(() => new(context));
        _ = store.Warm();
    }

    /// <summary>The device's context.</summary>
    public CudaDeviceContext Context { get; }

    /// <summary>Where kernels come from.</summary>
    public KernelStore Store { get; }

    /// <summary>The machine that kernels are made for.</summary>
    public KernelTarget Target { get; }

    /// <summary>Schedules and tables on the device.</summary>
    public DeviceData Data { get; }

    /// <inheritdoc/>
    public string Description => Target == KernelTarget.Sm90a ? "tensor-core kernels for Hopper" : "tensor-core kernels for Ampere and later";

    /// <inheritdoc/>
    public string? WhyNot(ISparseExpert expert, ReadOnlySpan<AttentionSequence> sequences) => GatedAttention.WhyNot(expert, sequences);

    /// <inheritdoc/>
    public long Launch(ISparseExpert expert, in CudaCall call, CudaStream stream, PassMarks? marks)
    {
        if (expert.Gate is not null)
            return _gated.Launch(expert, call, stream, marks);
        AttentionLaunch launch = new(this, call, stream);
        if (call.Extent is { } extent)
        {
            expert.Bind(extent);   // checks the parameters and tables against the positions
            expert.LaunchCuda(launch);
        }
        else
        {
            launch.Run<NoKeysPattern, int, int, int>(default, "no keys");
        }

        return 0;
    }

    /// <inheritdoc/>
    public long LaunchMixture(CudaMixtureCall mixture, in CudaCall call, CudaStream stream, PassMarks? marks) =>
        _mixtures.Launch(mixture, call, stream, marks);

    /// <summary>The kernel of a pattern on this device.</summary>
    public AttentionKernel Kernel<TPattern, TRuns, TQuery, TKey>(KernelPass pass, TileShape shape, string hash)
        where TPattern : unmanaged, ICudaPattern<TRuns, TQuery, TKey>
        where TRuns : unmanaged
        where TQuery : unmanaged
        where TKey : unmanaged
    {
        return _kernels.TryGet((pass, typeof(TPattern), shape), out AttentionKernel? kernel)
            ? kernel
            : _kernels.Get((pass, typeof(TPattern), shape), () => Load(new(pass.Method<TPattern, TRuns, TQuery, TKey>(shape.Target), hash), shape));
    }

    /// <summary>The kernel of a pass without a pattern.</summary>
    public AttentionKernel Kernel(KernelPass pass, TileShape shape)
    {
        return _kernels.TryGet((pass, typeof(void), shape), out AttentionKernel? kernel)
            ? kernel
            : _kernels.Get((pass, typeof(void), shape), () => Load(new(pass.Method(), ""), shape));
    }

    /// <summary>Two counters for a launch.</summary>
    public nint Counters() => _counters.Value.Next();

    /// <summary>Has a <see cref="UnionVerdict"/> tell of a path without numbers.</summary>
    public void Tell(nint verdict, AttendPath path, CudaStream stream)
    {
        Context.Check(Context.Driver.MemsetD32Async(verdict, 0, UnionVerdict.Length, stream.Handle), "cuMemsetD32Async of an overlap");
        if (path != 0)
            Context.Check(Context.Driver.MemsetD32Async(verdict, (uint)path, 1, stream.Handle), "cuMemsetD32Async of a path");
    }

    /// <summary>Key tokens of a head whose keys and values the cache holds.</summary>
    public long KeyTokensTogether(int dim) => (long)(Context.Device.L2Bytes * CacheShare) / (dim * 2 * sizeof(ushort));

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (CudaKernelModule module in _modules)
            module.Dispose();
        Data.Dispose();
        if (_counters.IsValueCreated)
            _counters.Value.Dispose();
    }

    private AttentionKernel Load(KernelSource source, TileShape shape)
    {
        // As PTX, which the driver compiles and keeps: its linker would ignore setmaxnreg, and serialise the products.
        KernelText text = Store.Text(source, shape);
        Context.Reenter();
        CudaKernelModule module = CudaKernelModule.Load(Context, Encoding.ASCII.GetBytes(text.Ptx), text.Entry, text.Threads, text.SharedBytes);
        _modules.Add(module);
        return new(module, TilePrinter.For(shape));
    }

    private static KernelTarget TargetOf(CudaDevice device, string? wanted) => wanted switch
    {
        null or "" => device.Major == 9 ? KernelTarget.Sm90a : KernelTarget.Sm80,
        "sm80" => KernelTarget.Sm80,
        "sm90a" when device.Major == 9 => KernelTarget.Sm90a,
        _ => throw new PlatformNotSupportedException(
            $"{TargetVariable} is '{wanted}': {device.Name} runs sm80{(device.Major == 9 ? " and sm90a" : "")}."),
    };
}

/// <summary>A loaded kernel and the shape of its tiles.</summary>
internal sealed record AttentionKernel(CudaKernelModule Module, TilePrinter Tiles);
