using System.Numerics.Tensors;

namespace MoBA.Runtime;

/// <summary>
/// A linear router: the logit of expert e for the query q of head h is weights[h, e] · q + bias[h, e]. It sees q as the engine
/// is given it, after rotary embedding and before scaling.
/// </summary>
public sealed class Router
{
    private readonly float[] _weights, _bias;

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

    /// <summary>A copy of the weights, [query heads, experts, dim].</summary>
    public Tensor<float> Weights => Tensor.Create((float[])_weights.Clone(), [Heads, Experts, Dim]);

    /// <summary>A copy of the biases, [query heads, experts].</summary>
    public Tensor<float> Bias => Tensor.Create((float[])_bias.Clone(), [Heads, Experts]);

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
