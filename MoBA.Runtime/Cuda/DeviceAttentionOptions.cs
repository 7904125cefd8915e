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

    /// <summary>Whether the result carries the routes: which blocks a block gate chose, or which experts a mixture's router.</summary>
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

    /// <summary>Marks the end of every pass of a call of a gated expert or a mixture; null measures nothing.</summary>
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

    /// <summary>Where the tokens went, as <see cref="AttentionResult{T}.Routes"/>; null unless
    /// <see cref="DeviceAttentionOptions.ReturnRoutes"/> asked for it and something routes. The caller's to dispose.
    /// <para>Of a block gate: blocks, [query tokens, route heads, TopK], the own block first and then the chosen past blocks, ascending; -1 where
    /// there are fewer.</para>
    /// <para>Of a mixture: expert ids, [query tokens, query heads, TopK], the highest logit first. A row with a logit that is infinite or NaN goes
    /// nowhere, and its output is NaN: its first route is then -1 less the first such expert, and the others are -1.</para></summary>
    public DeviceTensor<int>? Routes { get; init; }

    /// <summary>Weights of a mixture's routes, [query tokens, query heads, TopK]: the softmax over the chosen logits, or the logit that is
    /// infinite or NaN; null where <see cref="Routes"/> is, and for a block gate. The caller's to dispose.</summary>
    public DeviceTensor<float>? RouteWeights { get; init; }

    /// <summary>Entropy of the softmax over all logits of a mixture's router in nats, [query tokens, query heads]; null where
    /// <see cref="RouteWeights"/> is. The caller's to dispose.</summary>
    public DeviceTensor<float>? RouterEntropy { get; init; }

    /// <summary>How much the choices of neighbouring queries overlapped, and which path was taken; reading it waits for the call. Null unless
    /// <see cref="DeviceAttentionOptions.ReturnOverlap"/> asked for it and the expert has a gate. The caller's to dispose.</summary>
    public DeviceGateOverlap? Overlap { get; init; }

    /// <summary>Bytes of scratch memory that the call takes while it runs: of routes, lists and partial outputs. The engine's to
    /// reuse.</summary>
    public long WorkspaceBytes { get; init; }

    /// <summary>The mixture, where there is one.</summary>
    internal MixtureInfo? Mixture { get; init; }

    /// <summary>What each expert of a mixture got, by id: waits for the call, and copies what it routed to the host.</summary>
    /// <returns>As <see cref="AttentionResult{T}.Loads"/>; null where there is no mixture, or nothing was asked for by
    /// <see cref="DeviceAttentionOptions.ReturnRoutes"/>. Rows that went nowhere are in no load.</returns>
    /// <exception cref="CudaException">A kernel or a copy failed.</exception>
    public IReadOnlyList<ExpertLoad>? ReadLoads() => Mixture is not null && Routes is not null && RouteWeights is not null && RouterEntropy is not null
        ? ExpertLoads.Of(Mixture, Routes.ToHost(), RouteWeights.ToHost(), RouterEntropy.ToHost())
        : null;
}
