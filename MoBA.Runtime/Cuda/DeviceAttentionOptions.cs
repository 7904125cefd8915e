using MoBA.Runtime.Cuda;

namespace MoBA.Runtime;

/// <summary>What a call of <see cref="AttentionEngine"/> on device tensors may ask for besides q, k and v.</summary>
public sealed record DeviceAttentionOptions : ICallOptions
{
    /// <inheritdoc cref="AttentionOptions.Scale"/>
    public float? Scale { get; init; }

    /// <inheritdoc cref="AttentionOptions.Sequences"/>
    public int[]? Sequences { get; init; }

    /// <inheritdoc cref="AttentionOptions.KeySequences"/>
    public int[]? KeySequences { get; init; }

    /// <inheritdoc cref="AttentionOptions.QueryStart"/>
    public int? QueryStart { get; init; }

    /// <inheritdoc cref="AttentionOptions.ReturnLse"/>
    public bool ReturnLse { get; init; }

    /// <summary>Whether the result carries the routes: which blocks a block gate chose.</summary>
    public bool ReturnRoutes { get; init; }

    /// <inheritdoc cref="AttentionOptions.AttendPath"/>
    public AttendPath AttendPath { get; init; }

    /// <inheritdoc cref="AttentionOptions.ReturnOverlap"/>
    public bool ReturnOverlap { get; init; }

    /// <summary>Where the work is enqueued; null is the engine's own stream.</summary>
    public CudaStream? Stream { get; init; }

    /// <summary>Whether the driver is asked first if q, k, v and the output are memory of the engine's device, all of it: a wrong
    /// pointer is an exception then, and otherwise the loss of the device.</summary>
    public bool Strict { get; init; }

    /// <summary>Marks the end of every pass of a gated expert's call; null measures nothing.</summary>
    internal PassMarks? Marks { get; init; }

    /// <summary>Nothing asked for.</summary>
    internal static DeviceAttentionOptions Default { get; } = new();
}

/// <summary>The outcome of one call of <see cref="AttentionEngine"/> on device tensors. Its values are there when the stream has
/// come so far.</summary>
/// <typeparam name="T"><see cref="Half"/> or <see cref="BFloat16"/>.</typeparam>
public sealed record DeviceAttentionResult<T>
    where T : unmanaged
{
    /// <summary>[query tokens, query heads, dim]; 0 in a row that sees no key. The caller's to dispose.</summary>
    public required DeviceTensor<T> Output { get; init; }

    /// <summary>Natural log-sum-exp of the modified scores, [query tokens, query heads], -infinity in a row that sees no key; null
    /// unless <see cref="DeviceAttentionOptions.ReturnLse"/> asked for it. The caller's to dispose.</summary>
    public DeviceTensor<float>? Lse { get; init; }

    /// <summary>Blocks that a block gate chose, as <see cref="AttentionResult{T}.Routes"/>: [query tokens, route heads, TopK], the own
    /// block first and then the chosen past blocks, ascending; -1 where there are fewer. Null unless
    /// <see cref="DeviceAttentionOptions.ReturnRoutes"/> asked for them and the expert has a gate. The caller's to dispose.</summary>
    public DeviceTensor<int>? Routes { get; init; }

    /// <summary>How much the choices of neighbouring queries overlapped, and which path was taken; reading it waits for the call. Null unless
    /// <see cref="DeviceAttentionOptions.ReturnOverlap"/> asked for it and the expert has a gate. The caller's to dispose.</summary>
    public DeviceGateOverlap? Overlap { get; init; }

    /// <summary>Bytes of scratch memory that the call takes while it runs: of a block gate's routes, lists and partial outputs. The engine's
    /// to reuse.</summary>
    public long WorkspaceBytes { get; init; }
}
