using System.Numerics.Tensors;
using MoBA.Runtime;

namespace MoBA.Program;

/// <summary>A mixture of experts, and the router or the logits that route it.</summary>
internal sealed class MixturePattern(IExpertMixture mixture, RouterSource source) : Pattern
{
    public IExpertMixture Mixture => mixture;

    /// <summary>What routes it, for people.</summary>
    public string RoutedBy => source.Name;

    public override string Name => mixture.Info.Name;

    public override string Settings => ExpertSettings.Describe(mixture.ParameterValues);

    public override string Predicate => string.Join("; ", mixture.Info.Experts.Select(e => $"{e.Name}: {e.Info.Predicate}"));

    public override IReadOnlyList<ISparseExpert> Experts { get; } = [.. mixture.Info.Experts.Select(e => e.Select(mixture))];

    public override bool HasLse => mixture.Info is { TopK: 1 } or { Combine: Combine.LogSumExp };

    public override AttentionResult<T> Attend<T>(
        AttentionEngine engine, (Tensor<T> Q, Tensor<T> K, Tensor<T> V) tensors, AttentionOptions options, CancellationToken cancellationToken,
        Tensor<T>? output = null)
    {
        try
        {
            (Tensor<T> q, Tensor<T> k, Tensor<T> v) = tensors;
            return UserErrorException.Around(() => source.Router is { } router
                ? engine.Attend(mixture, router, q, k, v, options, output, cancellationToken)
                : engine.Attend(mixture, source.Logits!, q, k, v, options, output, cancellationToken));
        }
        catch (UserErrorException error) when (error.InnerException is ArgumentException { ParamName: "router" or "logits" })
        {
            throw new UserErrorException($"{source.Name}: {error.Message}", error);
        }
    }

    public override Judgement Judge<T>(
        AttentionResult<float> actual, AttentionEngine engine, (Tensor<T> Q, Tensor<T> K, Tensor<T> V) tensors, AttentionOptions options,
        CancellationToken cancellationToken)
    {
        (Tensor<T> q, Tensor<T> k, Tensor<T> v) = tensors;
        ExpertRoutes routes = new(actual, mixture.Info.Experts.Count);
        List<(string Name, RouteGap Gap)> gaps = [("routes", source.Gap(routes, q))];
        bool[] nearTies = new bool[routes.Rows];
        foreach (ISparseExpert expert in Experts.Where(e => e.Gate is not null))
        {
            Tensor<int> blocks = Alone(expert, engine, tensors, options, cancellationToken).Routes!;
            RouteGap gap = ReferenceAttention.CompareRoutes(expert, blocks, q, k, options, cancellationToken);
            gaps.Add((expert.Info.Name, gap));
            if (gap.Different > 0)
            {
                routes.Mark(nearTies, expert.Info.Name, mixture.Info, blocks, ReferenceAttention.Attend(expert, q, k, v, options, cancellationToken).Routes!);
            }
        }

        AttentionResult<float> expected = ReferenceAttention.Attend(mixture, routes.AsLogits(), q, k, v, options, cancellationToken);
        return Judgement.Of(actual, expected, gaps, nearTies);
    }

    public override Density Density(
        AttentionResult<float> actual, AttentionEngine engine, (Tensor<float> Q, Tensor<float> K, Tensor<float> V) tensors, AttentionOptions options,
        SequenceRows rows, CancellationToken cancellationToken)
    {
        int heads = (int)tensors.Q.Lengths[1];
        ExpertRoutes routes = new(actual, mixture.Info.Experts.Count);
        RoutedRows[] experts = [.. Experts.Select(expert => new RoutedRows(
            expert, expert.Gate is null ? null : RouteTable.Of(Alone(expert, engine, tensors, options, cancellationToken).Routes), rows, heads))];
        return Program.Density.Of(rows, heads, Keys, cancellationToken);

        long Keys(int query, int head)
        {
            long keys = 0;
            foreach (int id in routes[((rows.FirstQuery + query) * heads) + head])
            {
                keys += experts[id].Keys(query, head);
            }

            return keys;
        }
    }

    /// <summary>An expert by itself, whose blocks are those that it chooses within the mixture: a mixture's result has no room for them.</summary>
    private static AttentionResult<T> Alone<T>(
        ISparseExpert expert, AttentionEngine engine, (Tensor<T> Q, Tensor<T> K, Tensor<T> V) tensors, AttentionOptions options,
        CancellationToken cancellationToken)
        where T : unmanaged =>
        new ExpertPattern(expert).Attend(engine, tensors, options with { ReturnRoutes = true, ReturnLse = false }, cancellationToken);
}
