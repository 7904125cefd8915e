using System.Numerics.Tensors;
using MoBA.Runtime.Cpu;

namespace MoBA.Runtime;

/// <summary>
/// A linear router: the logit of expert e for the query q of head h is weights[h, e] · q + bias[h, e]. It sees q as the engine
/// is given it, after rotary embedding and before scaling.
/// </summary>
public sealed partial class Router
{
    private readonly float[] _weights, _bias;
    private readonly string[]? _expertNames;

    /// <summary>A router with these weights; both tensors are copied.</summary>
    /// <param name="weights">[query heads, experts, dim].</param>
    /// <param name="bias">[query heads, experts]; null is 0.</param>
    /// <exception cref="ArgumentException">A shape does not fit, or a value is infinite or NaN.</exception>
    public Router(Tensor<float> weights, Tensor<float>? bias = null)
    {
        ArgumentNullException.ThrowIfNull(weights);
        if (weights.Rank != 3 || weights.FlattenedLength == 0)
            throw new ArgumentException($"weights is {Text(weights)}: it must be [query heads, experts, dim].", nameof(weights));
        if (bias is not null && !bias.Lengths.SequenceEqual(weights.Lengths[..2]))
            throw new ArgumentException($"bias is {Text(bias)}: it must be [query heads, experts], which is [{weights.Lengths[0]}, {weights.Lengths[1]}].", nameof(bias));

        (Heads, Experts, Dim) = ((int)weights.Lengths[0], (int)weights.Lengths[1], (int)weights.Lengths[2]);
        _weights = new float[weights.FlattenedLength];
        _bias = new float[Heads * Experts];
        weights.FlattenTo(_weights);
        bias?.FlattenTo(_bias);
        CheckFinite(_weights, nameof(weights));
        CheckFinite(_bias, nameof(bias));
    }

    /// <summary>Query heads.</summary>
    public int Heads { get; }

    /// <summary>Experts.</summary>
    public int Experts { get; }

    /// <summary>Components of a query.</summary>
    public int Dim { get; }

    /// <summary>Names of the experts by id, or null. An engine refuses a router whose names are not those of the mixture that it is
    /// used with.</summary>
    /// <exception cref="ArgumentException">There are not as many names as experts, or one is empty.</exception>
    public IReadOnlyList<string>? ExpertNames
    {
        get => _expertNames;
        init
        {
            if (value is not null && (value.Count != Experts || value.Any(string.IsNullOrEmpty)))
            {
                throw new ArgumentException(
                    $"ExpertNames has {value.Count} names, {value.Count(string.IsNullOrEmpty)} of them empty: it must have one for each of the {Experts} experts.",
                    nameof(ExpertNames));
            }

            _expertNames = value?.ToArray();
        }
    }

    /// <summary>A copy of the weights, [query heads, experts, dim].</summary>
    public Tensor<float> Weights => Tensor.Create((float[])_weights.Clone(), [Heads, Experts, Dim]);

    /// <summary>A copy of the biases, [query heads, experts].</summary>
    public Tensor<float> Bias => Tensor.Create((float[])_bias.Clone(), [Heads, Experts]);

    /// <summary>The logits of every query.</summary>
    /// <param name="q">[query tokens, query heads, dim].</param>
    /// <typeparam name="T"><c>float</c>, <see cref="Half"/> or <see cref="BFloat16"/>.</typeparam>
    /// <returns>[query tokens, query heads, experts].</returns>
    /// <exception cref="ArgumentException">The shape or element type does not fit, or a logit is infinite or NaN.</exception>
    public Tensor<float> Logits<T>(Tensor<T> q)
        where T : unmanaged
    {
        ArgumentNullException.ThrowIfNull(q);
        AttentionChecks.KindOf<T>();
        if (q.Rank != 3 || q.Lengths[1] != Heads || q.Lengths[2] != Dim)
            throw new ArgumentException($"q is [{string.Join(", ", q.Lengths.ToArray())}]: it must be [query tokens, query heads, dim], which is [any, {Heads}, {Dim}] for this router.", nameof(q));

        float[] queries = RouterQueries.Flat(q), logits = new float[q.Lengths[0] * Heads * Experts];
        for (int i = 0; i < logits.Length; i++)
        {
            (int row, int expert) = (i / Experts, i % Experts);
            int head = row % Heads;
            logits[i] = _bias[(head * Experts) + expert]
                + TensorPrimitives.Dot(queries.AsSpan(row * Dim, Dim), _weights.AsSpan(((head * Experts) + expert) * Dim, Dim));
            if (!float.IsFinite(logits[i]))
                throw MixtureChecks.BadLogit(fromRouter: true, row / Heads, head, expert, logits[i]);
        }

        return Tensor.Create(logits, [q.Lengths[0], Heads, Experts]);
    }

    /// <summary>All weights, [query heads, experts, dim], and all biases, [query heads, experts], which never change.</summary>
    internal TableContent<float> AllWeights => TableContent<float>.Of(_weights);

    /// <inheritdoc cref="AllWeights"/>
    internal TableContent<float> AllBias => TableContent<float>.Of(_bias);

    /// <summary>The weights of one head, [experts, dim].</summary>
    internal ReadOnlyMemory<float> HeadWeights(int head) => _weights.AsMemory(head * Experts * Dim, Experts * Dim);

    /// <summary>The biases of one head, [experts].</summary>
    internal ReadOnlyMemory<float> HeadBias(int head) => _bias.AsMemory(head * Experts, Experts);

    private static void CheckFinite(float[] values, string name)
    {
        int bad = Array.FindIndex(values, static x => !float.IsFinite(x));
        if (bad >= 0)
            throw new ArgumentException($"{name} has {values[bad]} at flat index {bad}: a router's numbers must be finite.", name);
    }

    private static string Text(Tensor<float> tensor) => $"[{string.Join(", ", tensor.Lengths.ToArray())}]";
}
