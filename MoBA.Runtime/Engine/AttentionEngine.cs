using System.Buffers;
using System.Diagnostics;
using System.Numerics.Tensors;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using MoBA.Runtime.Cpu;
using MoBA.Runtime.Portable;

namespace MoBA.Runtime;

/// <summary>
/// Runs sparse attention experts over tensors. q is [query tokens, query heads, dim]; k and v are [key tokens, key heads, dim];
/// the output is like q. Query heads are a multiple of key heads (query head h reads key head h / (query heads / key heads)),
/// dim is a multiple of 8 up to 256, and elements are <c>float</c>, <see cref="Half"/> or <see cref="BFloat16"/>, accumulated in
/// float. Tensors may be strided. An engine may be used by several threads at once; it keeps its scratch memory, linear in
/// the number of key tokens, until it is disposed.
/// </summary>
public sealed class AttentionEngine : IDisposable
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

    /// <summary>An engine on the best device there is.</summary>
    public static AttentionEngine Create() => Create((ILogger?)null);

    /// <summary>An engine on the best device there is, which logs to <paramref name="logger"/>.</summary>
    public static AttentionEngine Create(ILogger? logger) =>
        new(new CpuBackend(), "this version does not drive NVIDIA GPUs, so the CPU was chosen", logger);

    /// <summary>An engine on <paramref name="target"/>, which logs to <paramref name="logger"/> if there is one.</summary>
    /// <exception cref="PlatformNotSupportedException">The target cannot be driven here; the message says what is missing and
    /// what to use instead.</exception>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="target"/> is none of the targets.</exception>
    public static AttentionEngine Create(Target target, ILogger? logger = null) => target switch
    {
        Target.Cpu => new(new CpuBackend(), null, logger),
        Target.Cuda => throw new PlatformNotSupportedException(
            "Target.Cuda is missing: this version has no kernels for NVIDIA GPUs; use Target.Cpu, or Target.Portable for any ILGPU device."),
        Target.Portable => new(new PortableBackend(), null, logger),
        _ => throw new ArgumentOutOfRangeException(nameof(target), target, "target is none of Cpu, Cuda and Portable."),
    };

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
        ArgumentNullException.ThrowIfNull(options);
        ElementKind kind = AttentionChecks.KindOf<T>();
        AttentionChecks.Shapes(q, k, v, output);
        AttentionSequence[] sequences = AttentionChecks.Sequences(options, (int)q.Lengths[0], (int)k.Lengths[0]);
        float scale = AttentionChecks.Scale(options, (int)q.Lengths[2]);
        cancellationToken.ThrowIfCancellationRequested();

        using Activity? activity = Telemetry.Start(expert, Target, q.Lengths, k.Lengths);
        PassClock clock = new();
        output ??= EngineTensors.Create<T>(q.Lengths, "the output");
        Tensor<float>? lse = options.ReturnLse ? EngineTensors.Create<float>(q.Lengths[..2], "the log-sum-exp") : null;
        Compute(expert, kind, (q, k, v, output), lse, sequences, scale, clock, cancellationToken);

        Telemetry.Record(expert, Target, (long)q.Lengths[0], clock.Total);
        EngineLog.Attended(_logger, expert.Info.Name, q.Lengths[0], k.Lengths[0], clock.Total.TotalMilliseconds);
        return new() { Output = output, Lse = lse, Timings = clock.Passes };
    }

    private unsafe void Compute<T>(
        ISparseExpert expert, ElementKind kind, (Tensor<T> Q, Tensor<T> K, Tensor<T> V, Tensor<T> Output) tensors, Tensor<float>? lse,
        AttentionSequence[] sequences, float scale, PassClock clock, CancellationToken cancellationToken)
    {
        if (tensors.Q.Lengths[0] == 0)
            return;

        using MemoryHandle q = tensors.Q.GetPinnedHandle();
        using MemoryHandle k = tensors.K.GetPinnedHandle();
        using MemoryHandle v = tensors.V.GetPinnedHandle();
        using MemoryHandle output = tensors.Output.GetPinnedHandle();
        using MemoryHandle sums = lse?.GetPinnedHandle() ?? default;
        int heads = (int)tensors.Q.Lengths[1];
        AttentionProblem problem = new()
        {
            Q = EngineTensors.View(tensors.Q, q, kind),
            K = EngineTensors.View(tensors.K, k, kind),
            V = EngineTensors.View(tensors.V, v, kind),
            Output = EngineTensors.View(tensors.Output, output, kind),
            Lse = (float*)sums.Pointer,
            QueryHeads = heads,
            KeyHeads = (int)tensors.K.Lengths[1],
            Dim = (int)tensors.Q.Lengths[2],
            Scale = scale,
            Sequences = sequences,
            Extent = AttentionChecks.Extent(sequences, heads),
        };
        MemoryOverlap.Check(problem, tensors.Q.Lengths, tensors.K.Lengths);
        _backend.Attend(expert, problem, clock, cancellationToken);
    }
}
