using System.Numerics.Tensors;

namespace MoBA.Runtime;

/// <summary>The outcome of one call of <see cref="AttentionEngine"/>.</summary>
/// <typeparam name="T"><c>float</c>, <see cref="Half"/> or <see cref="BFloat16"/>.</typeparam>
public sealed record AttentionResult<T>
{
    /// <summary>[query tokens, query heads, dim]; 0 in a row that sees no key.</summary>
    public required Tensor<T> Output { get; init; }

    /// <summary>Natural log-sum-exp of the modified scores, [query tokens, query heads], -infinity in a row that sees no key;
    /// null unless <see cref="AttentionOptions.ReturnLse"/> asked for it.</summary>
    public Tensor<float>? Lse { get; init; }

    /// <summary>Where the tokens went; null unless <see cref="AttentionOptions.ReturnRoutes"/> asked for it and something routes.
    /// <para>Of a block gate: [query tokens, route heads, TopK] block numbers within the sequence, the own block first and then the
    /// chosen past blocks, ascending; -1 where there are fewer. Route heads are query heads, or key heads with
    /// <see cref="RouteScope.KeyGroup"/>.</para>
    /// <para>Of a mixture: [query tokens, query heads, TopK] expert ids, the highest logit first.</para></summary>
    public Tensor<int>? Routes { get; init; }

    /// <summary>Weights of a mixture's routes, [query tokens, query heads, TopK]: the softmax over the chosen logits; null where
    /// <see cref="Routes"/> is, and for a block gate.</summary>
    public Tensor<float>? RouteWeights { get; init; }

    /// <summary>What each expert of a mixture got, by id; null where there is no mixture.</summary>
    public IReadOnlyList<ExpertLoad>? Loads { get; init; }

    /// <summary>How much the choices of neighbouring queries overlapped, and which path was taken; null unless
    /// <see cref="AttentionOptions.ReturnOverlap"/> asked for it and a block gate's queries were attended on a CUDA device.</summary>
    public GateOverlap? Overlap { get; init; }

    /// <summary>Time of each pass in the order they ran.</summary>
    public required IReadOnlyList<PassTiming> Timings { get; init; }
}

/// <summary>Wall-clock time of one pass of a call.</summary>
/// <param name="Pass">The pass's name, for example <c>pack</c> or <c>attend</c>.</param>
/// <param name="Elapsed">Its wall-clock time.</param>
public readonly record struct PassTiming(string Pass, TimeSpan Elapsed);
