using System.Buffers;
using System.Diagnostics;
using System.Numerics.Tensors;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using MoBA.Runtime.Cpu;
using MoBA.Runtime.Cuda;
using MoBA.Runtime.Portable;

namespace MoBA.Runtime;

/// <summary>
/// Runs sparse attention experts over tensors. q is [query tokens, query heads, dim]; k and v are [key tokens, key heads, dim];
/// the output is like q. Query heads are a multiple of key heads (query head h reads key head h / (query heads / key heads)),
/// dim is a multiple of 8 up to 256, and elements are <c>float</c>, <see cref="Half"/> or <see cref="BFloat16"/>, accumulated in
/// float. Tensors may be strided. An engine may be used by several threads at once; it keeps its scratch memory, linear in
/// the number of key tokens, until it is disposed.
/// </summary>
public sealed partial class AttentionEngine : IDisposable
{
    private readonly AttentionBackend _backend;
    private readonly ILogger _logger;
    private bool _disposed;

    internal AttentionEngine(AttentionBackend backend, string? reason = null, ILogger? logger = null)
    {
        _backend = backend;
        _logger = logger ?? NullLogger.Instance;
        Description = reason is null ? backend.Description : $"{backend.Description}; {reason}";
        EngineLog.Created(_logger, Description);
    }

    /// <summary>Where attention runs.</summary>
    public Target Target => _backend.Target;

    /// <summary>What it runs on, and why there, for people.</summary>
    public string Description { get; }

    /// <summary>An engine on the best device there is: an NVIDIA GPU of compute capability 8.0 or later, else the CPU; its
    /// <see cref="Description"/> says why.</summary>
    public static AttentionEngine Create() => Create(new AttentionEngineOptions());

    /// <summary>An engine on the best device there is, which logs to <paramref name="logger"/>.</summary>
    public static AttentionEngine Create(ILogger? logger) => Create(new AttentionEngineOptions { Logger = logger });

    /// <summary>An engine on <paramref name="target"/>, which logs to <paramref name="logger"/> if there is one.</summary>
    /// <exception cref="PlatformNotSupportedException">The target cannot be driven here; the message says what is missing and
    /// what to use instead.</exception>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="target"/> is none of the targets.</exception>
    public static AttentionEngine Create(Target target, ILogger? logger = null) =>
        Create(new AttentionEngineOptions { Target = target, Logger = logger });

    /// <summary>An engine as <paramref name="options"/> say.</summary>
    /// <exception cref="PlatformNotSupportedException">The target cannot be driven here; the message says what is missing and
    /// what to use instead.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The target is none of the targets, there is no such device, or the workspace
    /// is negative.</exception>
    public static AttentionEngine Create(AttentionEngineOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return Create(options, CudaTarget.Native);
    }

    /// <summary>As <see cref="Create(AttentionEngineOptions)"/>, with the driver and the kernels for NVIDIA devices given.</summary>
    internal static AttentionEngine Create(AttentionEngineOptions options, CudaTarget cuda)
    {
        switch (options.Target)
        {
            case Target.Cpu:
                return new(new CpuBackend(), null, options.Logger);
            case Target.Portable:
                return new(new PortableBackend(), null, options.Logger);
            case not (null or Target.Cuda):
                throw new ArgumentOutOfRangeException(nameof(options), options.Target, "target is none of Cpu, Cuda and Portable.");
        }

        if (cuda.TryOpen(options, out (string What, string Instead) missing) is { } backend)
            return new(backend, null, options.Logger);
        return options.Target is null
            ? new(new CpuBackend(), $"{missing.What}, so the CPU was chosen", options.Logger)
            : throw new PlatformNotSupportedException($"Target.Cuda is missing: {missing.What}; {missing.Instead}.");
    }

    /// <summary>Attends, every query standing at its bottom-right position.</summary>
    /// <returns>The output, a new dense tensor like <paramref name="q"/>; 0 in a row that sees no key.</returns>
    /// <exception cref="ArgumentException">A tensor's shape or element type, or a parameter of the expert, does not fit.</exception>
    /// <exception cref="InsufficientMemoryException">Memory cannot be had; the message says how much was needed.</exception>
    public Tensor<T> Attend<TExpert, T>(TExpert expert, Tensor<T> q, Tensor<T> k, Tensor<T> v)
        where TExpert : ISparseExpert => Attend(expert, q, k, v, new AttentionOptions()).Output;

    /// <summary>Attends with options, into a new tensor.</summary>
    /// <exception cref="ArgumentException">A tensor's shape or element type, an option, or a parameter of the
    /// expert, does not fit.</exception>
    /// <exception cref="InsufficientMemoryException">Memory cannot be had; the message says how much was needed.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public AttentionResult<T> Attend<TExpert, T>(
        TExpert expert, Tensor<T> q, Tensor<T> k, Tensor<T> v, AttentionOptions options, CancellationToken cancellationToken = default)
        where TExpert : ISparseExpert => Run(expert, q, k, v, null, options, cancellationToken);

    /// <summary>Attends with options into <paramref name="output"/>, which has the shape of q, may be strided, and may be q itself
    /// but not share a part of its memory; its values are unspecified after an exception.</summary>
    /// <exception cref="ArgumentException">A tensor's shape or element type, an option, or a parameter of the
    /// expert, does not fit.</exception>
    /// <exception cref="InsufficientMemoryException">Memory cannot be had; the message says how much was needed.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public AttentionResult<T> Attend<TExpert, T>(
        TExpert expert, Tensor<T> q, Tensor<T> k, Tensor<T> v, AttentionOptions options, Tensor<T> output, CancellationToken cancellationToken = default)
        where TExpert : ISparseExpert
    {
        ArgumentNullException.ThrowIfNull(output);
        return Run(expert, q, k, v, output, options, cancellationToken);
    }

    /// <summary>Gives the scratch memory back; calls that run now still end well.</summary>
    public void Dispose()
    {
        _disposed = true;
        _backend.Dispose();
    }

    private AttentionResult<T> Run<T>(
        ISparseExpert expert, Tensor<T> q, Tensor<T> k, Tensor<T> v, Tensor<T>? output, AttentionOptions options, CancellationToken cancellationToken)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        ArgumentNullException.ThrowIfNull(expert);
        Call<T> call = Check(expert.Info.Name, (q, k, v), output, options, cancellationToken);
        Tensor<int>? routes = options.ReturnRoutes && expert.Gate is { } gate
            ? EngineTensors.Create<int>([call.Q.Lengths[0], gate.RouteHeads((int)q.Lengths[1], (int)k.Lengths[1]), gate.TopK], "the routes")
            : null;
        int[]? overlap = options.ReturnOverlap ? new int[UnionVerdict.Length] : null;
        Compute(call, routes, (problem, clock) => _backend.Attend(expert, problem, clock, cancellationToken), overlap, options.AttendPath);
        return call.Result() with { Routes = routes, Overlap = overlap is [> 0, ..] ? GateOverlap.Of(overlap) : null };
    }

    private Call<T> Check<T>(
        string name, (Tensor<T> Q, Tensor<T> K, Tensor<T> V) tensors, Tensor<T>? output, AttentionOptions options, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(options);
        (Tensor<T> q, Tensor<T> k, Tensor<T> v) = tensors;
        ElementKind kind = AttentionChecks.KindOf<T>();
        AttentionChecks.Shapes(q, k, v, output);
        AttentionSequence[] sequences = AttentionChecks.Sequences(options, (int)q.Lengths[0], (int)k.Lengths[0]);
        float scale = AttentionChecks.Scale(options, (int)q.Lengths[2]);
        cancellationToken.ThrowIfCancellationRequested();
        output ??= EngineTensors.Create<T>(q.Lengths, "the output");
        Tensor<float>? lse = options.ReturnLse ? EngineTensors.Create<float>(q.Lengths[..2], "the log-sum-exp") : null;
        return new(name, kind, q, k, v, output, lse, sequences, scale, new PassClock());
    }

    private unsafe void Compute<T>(
        Call<T> call, Tensor<int>? routes, Action<AttentionProblem, PassClock> attend, int[]? overlap = null, AttendPath path = AttendPath.Auto)
    {
        using Activity? activity = Telemetry.Start(call.Name, Target, call.Q.Lengths, call.K.Lengths);
        if (call.Q.Lengths[0] > 0)
        {
            using MemoryHandle q = call.Q.GetPinnedHandle();
            using MemoryHandle k = call.K.GetPinnedHandle();
            using MemoryHandle v = call.V.GetPinnedHandle();
            using MemoryHandle output = call.Output.GetPinnedHandle();
            using MemoryHandle sums = call.Lse?.GetPinnedHandle() ?? default;
            using MemoryHandle blocks = routes?.GetPinnedHandle() ?? default;
            using MemoryHandle verdict = overlap.AsMemory().Pin();
            int heads = (int)call.Q.Lengths[1];
            AttentionProblem problem = new()
            {
                Q = EngineTensors.View(call.Q, q, call.Kind),
                K = EngineTensors.View(call.K, k, call.Kind),
                V = EngineTensors.View(call.V, v, call.Kind),
                Output = EngineTensors.View(call.Output, output, call.Kind),
                Lse = (float*)sums.Pointer,
                Routes = (int*)blocks.Pointer,
                Overlap = (int*)verdict.Pointer,
                Path = path,
                QueryHeads = heads,
                KeyHeads = (int)call.K.Lengths[1],
                Dim = (int)call.Q.Lengths[2],
                Scale = call.Scale,
                Sequences = call.Sequences,
                Extent = AttentionChecks.Extent(call.Sequences, heads),
            };
            MemoryOverlap.Check(problem, call.Q.Lengths, call.K.Lengths);
            attend(problem, call.Clock);
        }

        Telemetry.Record(call.Name, Target, (long)call.Q.Lengths[0], call.Clock.Total);
        EngineLog.Attended(_logger, call.Name, call.Q.Lengths[0], call.K.Lengths[0], call.Clock.Total.TotalMilliseconds);
    }

    /// <summary>A checked call and its results.</summary>
    private sealed record Call<T>(
        string Name, ElementKind Kind, Tensor<T> Q, Tensor<T> K, Tensor<T> V, Tensor<T> Output, Tensor<float>? Lse,
        AttentionSequence[] Sequences, float Scale, PassClock Clock)
    {
        public AttentionResult<T> Result() => new() { Output = Output, Lse = Lse, Timings = Clock.Passes };
    }
}
