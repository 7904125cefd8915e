using System.Numerics.Tensors;

namespace MoBA.Runtime;

/// <summary>Which blocks every row attends, as in <see cref="AttentionResult{T}.Routes"/>.</summary>
internal sealed class ReferenceRoutes
{
    private readonly BlockGate _gate;
    private readonly int[] _blocks;
    private readonly int _tokens, _heads, _group;

    /// <summary>Routes that are still to be filled.</summary>
    /// <param name="gate">The gate.</param>
    /// <param name="tokens">Query tokens.</param>
    /// <param name="heads">Route heads.</param>
    /// <param name="group">Query heads that share a route.</param>
    public ReferenceRoutes(BlockGate gate, int tokens, int heads, int group)
        : this(gate, tokens, heads, group, new int[tokens * heads * gate.TopK])
    {
    }

    private ReferenceRoutes(BlockGate gate, int tokens, int heads, int group, int[] blocks) =>
        (_gate, _tokens, _heads, _group, _blocks) = (gate, tokens, heads, group, blocks);

    /// <summary>Routes that somebody else chose.</summary>
    /// <exception cref="ArgumentException">The expert has no gate, the shape does not fit, or a route is no block of its sequence.</exception>
    public static ReferenceRoutes Of<T>(ISparseExpert expert, Tensor<int> routes, ReferenceProblem<T> problem)
        where T : unmanaged
    {
        if (expert.Gate is not { } gate)
            throw new ArgumentException($"routes are given for '{expert.Info.Name}', which has no block gate; leave them out.", nameof(routes));
        int heads = gate.RouteHeads(problem.Heads, problem.KeyHeads);
        if (routes.Rank != 3 || !routes.Lengths.SequenceEqual([problem.QueryTokens, heads, gate.TopK]))
        {
            throw new ArgumentException(
                $"routes is [{string.Join(", ", routes.Lengths.ToArray())}]: it must be [query tokens, route heads, TopK], which is [{problem.QueryTokens}, {heads}, {gate.TopK}] for '{expert.Info.Name}' and this q.",
                nameof(routes));
        }

        int[] blocks = new int[routes.FlattenedLength];
        routes.FlattenTo(blocks);
        ReferenceRoutes result = new(gate, problem.QueryTokens, heads, problem.Heads / heads, blocks);
        foreach (ReferenceRow row in problem.Rows())
        {
            int count = gate.Blocks(row.Keys);
            for (int head = 0; head < heads; head++)
            {
                int slot = result.Row(row.Token, head).IndexOfAnyExceptInRange(-1, count - 1);
                if (slot >= 0)
                {
                    throw new ArgumentException(
                        $"routes has {result.Row(row.Token, head)[slot]} at [{row.Token}, {head}, {slot}]: it must be a block of the token's sequence, 0 to {count - 1}, or -1 for none.",
                        nameof(routes));
                }
            }
        }

        return result;
    }

    /// <summary>The blocks of one row.</summary>
    public Span<int> Row(int token, int routeHead) => _blocks.AsSpan(((token * _heads) + routeHead) * _gate.TopK, _gate.TopK);

    /// <summary>Whether the key at position <paramref name="key"/> lies in a block of the row.</summary>
    public bool Visits(int token, int head, int key) => Row(token, head / _group).Contains(key / _gate.BlockSize);

    /// <summary>As a result carries them.</summary>
    public Tensor<int> ToTensor() => Tensor.Create(_blocks, [_tokens, _heads, _gate.TopK]);
}
