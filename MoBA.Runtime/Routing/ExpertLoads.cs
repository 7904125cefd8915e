using System.Numerics.Tensors;

namespace MoBA.Runtime;

/// <summary>Sums up where a router sent the tokens of a call.</summary>
internal static class ExpertLoads
{
    /// <summary>The load of every expert.</summary>
    /// <param name="mixture">The mixture.</param>
    /// <param name="routes">Expert ids, [tokens, heads, TopK]; negative where a row went nowhere.</param>
    /// <param name="weights">Their weights, [tokens, heads, TopK].</param>
    /// <param name="entropy">Entropy of the softmax over all experts, [tokens, heads].</param>
    public static IReadOnlyList<ExpertLoad> Of(MixtureInfo mixture, Tensor<int> routes, Tensor<float> weights, Tensor<float> entropy)
    {
        int heads = (int)routes.Lengths[1], topK = (int)routes.Lengths[2], experts = mixture.Experts.Count;
        long[][] tokens = [.. Enumerable.Range(0, experts).Select(_ => new long[heads])];
        double[] weight = new double[experts], uncertainty = new double[experts];
        ReadOnlySpan<int> ids = Dense(routes.AsReadOnlyTensorSpan());
        ReadOnlySpan<float> shares = Dense(weights.AsReadOnlyTensorSpan()), nats = Dense(entropy.AsReadOnlyTensorSpan());
        for (int i = 0; i < ids.Length; i++)
        {
            if (ids[i] < 0)
                continue;
            tokens[ids[i]][i / topK % heads]++;
            weight[ids[i]] += shares[i];
            uncertainty[ids[i]] += nats[i / topK];
        }

        return [.. mixture.Experts.Select(e =>
        {
            long count = tokens[e.Id].Sum();
            return new ExpertLoad(
                e.Id, e.Name, count, (double)count / Math.Max(1, routes.FlattenedLength), weight[e.Id] / Math.Max(1, count),
                uncertainty[e.Id] / Math.Max(1, count), tokens[e.Id]);
        })];
    }

    // The engine's own tensors are dense.
    private static ReadOnlySpan<T> Dense<T>(ReadOnlyTensorSpan<T> tensor) =>
        tensor.IsEmpty ? [] : tensor.GetSpan(new nint[tensor.Rank], (int)tensor.FlattenedLength);
}
