using System.Numerics.Tensors;

namespace MoBA.Runtime;

// Mixtures: every token of every head goes to the experts with the highest logits.
public static partial class ReferenceAttention
{
    /// <summary>Attends with a mixture in double precision, logits included.</summary>
    /// <param name="mixture">The mixture.</param>
    /// <param name="router">What gives the logits.</param>
    /// <param name="q">[query tokens, query heads, dim].</param>
    /// <param name="k">[key tokens, key heads, dim].</param>
    /// <param name="v">[key tokens, key heads, dim].</param>
    /// <param name="options">As for an expert.</param>
    /// <param name="cancellationToken">Looked at once a row.</param>
    /// <typeparam name="T"><c>float</c>, <see cref="Half"/> or <see cref="BFloat16"/>.</typeparam>
    /// <returns>Output, routes, their weights and loads, and log-sum-exp unless the output is a weighted sum of several experts.</returns>
    /// <exception cref="ArgumentException">A tensor's shape or element type, an option or the router does not fit, or a logit is
    /// infinite or NaN.</exception>
    public static AttentionResult<float> Attend<T>(
        IExpertMixture mixture, Router router, Tensor<T> q, Tensor<T> k, Tensor<T> v, AttentionOptions? options = null,
        CancellationToken cancellationToken = default)
        where T : unmanaged
    {
        ArgumentNullException.ThrowIfNull(router);
        return Run(mixture, router, null, q, k, v, options ?? new(), cancellationToken);
    }

    /// <summary>Attends with a mixture whose logits are given.</summary>
    /// <param name="mixture">The mixture.</param>
    /// <param name="logits">[query tokens, query heads, experts], finite.</param>
    /// <param name="q">[query tokens, query heads, dim].</param>
    /// <param name="k">[key tokens, key heads, dim].</param>
    /// <param name="v">[key tokens, key heads, dim].</param>
    /// <param name="options">As for an expert.</param>
    /// <param name="cancellationToken">Looked at once a row.</param>
    /// <typeparam name="T"><c>float</c>, <see cref="Half"/> or <see cref="BFloat16"/>.</typeparam>
    /// <returns>As for a router.</returns>
    /// <exception cref="ArgumentException">A tensor's shape or element type, or an option, does not fit, or a logit is infinite or NaN.</exception>
    public static AttentionResult<float> Attend<T>(
        IExpertMixture mixture, Tensor<float> logits, Tensor<T> q, Tensor<T> k, Tensor<T> v, AttentionOptions? options = null,
        CancellationToken cancellationToken = default)
        where T : unmanaged
    {
        ArgumentNullException.ThrowIfNull(logits);
        return Run(mixture, null, logits, q, k, v, options ?? new(), cancellationToken);
    }

    private static AttentionResult<float> Run<T>(
        IExpertMixture mixture, Router? router, Tensor<float>? logits, Tensor<T> q, Tensor<T> k, Tensor<T> v, AttentionOptions options,
        CancellationToken cancellationToken)
        where T : unmanaged
    {
        ArgumentNullException.ThrowIfNull(mixture);
        var problem = new ReferenceProblem<T>(q, k, v, options);
        MixtureChecks.Check(mixture.Info, router, logits is null ? [] : logits.Lengths, q.Lengths, options);
        long start = TimeProvider.System.GetTimestamp();
        ISparseExpert[] experts = [.. mixture.Info.Experts.Select(e => e.Select(mixture))];
        ReferenceRoutes?[] blocks = [.. experts.Select(e => problem.Routes(e.Gate, cancellationToken))];
        ReferenceRouter<T> chosen = new(problem, mixture.Info, router, logits);

        float[] output = new float[q.FlattenedLength], lse = new float[problem.QueryTokens * problem.Heads];
        ForEachRow(problem, cancellationToken, (row, head, scratch) =>
        {
            int place = (row.Token * problem.Heads) + head;
            ReadOnlySpan<double> weights = chosen.Choose(row, head);
            lse[place] = (float)Merge(mixture.Info.Combine, weights, scratch.Total, slot =>
            {
                int id = chosen.Route(place, slot);
                return (problem.AttendRow(experts[id], blocks[id], row, head, scratch), scratch.Sum);
            });
            Narrow(scratch.Total, output.AsSpan(place * problem.Dim, problem.Dim));
        });

        Tensor<int> routes = chosen.Routes;
        bool hasLse = mixture.Info is { TopK: 1 } or { Combine: Combine.LogSumExp };
        return new()
        {
            Output = Tensor.Create(output, q.Lengths),
            Lse = hasLse ? Tensor.Create(lse, q.Lengths[..2]) : null,
            Routes = routes,
            RouteWeights = chosen.Weights,
            Loads = ExpertLoads.Of(mixture.Info, routes, chosen.Weights, chosen.Entropy),
            Timings = [new("reference", TimeProvider.System.GetElapsedTime(start))],
        };
    }

    /// <summary>Makes one output of those of a row's experts.</summary>
    /// <returns>The row's log-sum-exp, which means nothing for a weighted sum of several.</returns>
    private static double Merge(Combine combine, ReadOnlySpan<double> weights, Span<double> total, Func<int, (double Lse, double[] Output)> attend)
    {
        total.Clear();
        double merged = double.NegativeInfinity;
        for (int slot = 0; slot < weights.Length; slot++)
        {
            (double lse, double[] output) = attend(slot);
            double before = merged;
            double max = Math.Max(before, lse);
            merged = double.IsNegativeInfinity(max) ? max : max + Math.Log(Math.Exp(before - max) + Math.Exp(lse - max));
            if (combine == Combine.Weighted)
            {
                TensorPrimitives.MultiplyAdd(output, weights[slot], total, total);
            }
            else if (!double.IsNegativeInfinity(max))
            {
                TensorPrimitives.Multiply(total, Math.Exp(before - merged), total);
                TensorPrimitives.MultiplyAdd(output, Math.Exp(lse - merged), total, total);
            }
        }

        return merged;
    }
}
