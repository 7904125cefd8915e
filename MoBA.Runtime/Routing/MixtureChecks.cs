using System.Globalization;

namespace MoBA.Runtime;

/// <summary>Checks what a call of a mixture has besides q, k and v.</summary>
internal static class MixtureChecks
{
    /// <summary>Checks the router or the logits against the queries.</summary>
    /// <exception cref="ArgumentException">They do not fit.</exception>
    /// <param name="mixture">The mixture.</param>
    /// <param name="router">The router, or null where there are logits.</param>
    /// <param name="logits">The shape of the logits.</param>
    /// <param name="q">The shape of the queries.</param>
    /// <param name="options">What is asked for.</param>
    public static void Check(MixtureInfo mixture, Router? router, ReadOnlySpan<nint> logits, ReadOnlySpan<nint> q, ICallOptions options)
    {
        int experts = mixture.Experts.Count;
        if (mixture.TopK < 1 || mixture.TopK > experts)
            throw new ArgumentException($"TopK of '{mixture.Name}' is {mixture.TopK}: it must be from 1 to its {experts} experts.", nameof(mixture));
        if (router is not null && (router.Heads != q[1] || router.Experts != experts || router.Dim != q[2]))
        {
            throw new ArgumentException(
                $"the router's weights are [{router.Heads}, {router.Experts}, {router.Dim}]: they must be [query heads, experts, dim], which is [{q[1]}, {experts}, {q[2]}] for '{mixture.Name}' and this q.",
                nameof(router));
        }

        string[] names = [.. mixture.Experts.Select(e => e.Name)];
        if (router?.ExpertNames is { } fitted && !fitted.SequenceEqual(names))
        {
            throw new ArgumentException(
                $"the router is for the experts {string.Join(", ", fitted)}: '{mixture.Name}' has {string.Join(", ", names)}; fit a router for it, or make one without ExpertNames.",
                nameof(router));
        }

        if (router is null && !logits.SequenceEqual([q[0], q[1], experts]))
        {
            throw new ArgumentException(
                $"logits is [{string.Join(", ", logits.ToArray())}]: it must be [query tokens, query heads, experts], which is [{q[0]}, {q[1]}, {experts}] for '{mixture.Name}' and this q.",
                nameof(logits));
        }

        if (options.ReturnLse && mixture is { Combine: Combine.Weighted, TopK: > 1 })
        {
            throw new ArgumentException(
                $"ReturnLse asks for the log-sum-exp of '{mixture.Name}', whose output is a weighted sum of {mixture.TopK} experts and has none; use Combine.LogSumExp, or leave it out.",
                nameof(options));
        }
    }

    /// <summary>The exception for a logit that cannot be ranked.</summary>
    public static ArgumentException BadLogit(bool fromRouter, int token, int head, int expert, float logit) => new(
        $"the logit of expert {expert} at token {token} and head {head} is {logit.ToString(CultureInfo.InvariantCulture)}: "
        + (fromRouter ? "q has a value that is infinite, NaN or too large for the router's weights; give finite queries." : "logits must be finite; use a large negative number for an expert that must not be chosen."),
        fromRouter ? "q" : "logits");
}
