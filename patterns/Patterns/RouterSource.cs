using System.Numerics.Tensors;
using MoBA.Runtime;

namespace MoBA.Program;

/// <summary>What gives a mixture its logits.</summary>
/// <param name="Name">Where it came from, for people.</param>
/// <param name="Router">The router, or null.</param>
/// <param name="Logits">[tokens, heads, experts] where there is no router.</param>
internal sealed record RouterSource(string Name, Router? Router, Tensor<float>? Logits)
{
    private const int RandomSeed = 5;

    /// <summary>A router of random weights, which sends about as many tokens to one expert as to another.</summary>
    public static RouterSource Random(MixtureInfo mixture, int heads, int dim)
    {
        var random = new Random(RandomSeed);
        float[] weights = [.. Enumerable.Range(0, heads * mixture.Experts.Count * dim).Select(_ => (random.NextSingle() * 2) - 1)];
        return new($"a random router (seed {RandomSeed})", new Router(Tensor.Create(weights, [heads, mixture.Experts.Count, dim])), null);
    }

    /// <summary>How far routes are from those that the logits call for, these computed in double precision.</summary>
    /// <param name="routes">The routes to judge.</param>
    /// <param name="q">[tokens, heads, dim].</param>
    public RouteGap Gap<T>(ExpertRoutes routes, Tensor<T> q)
        where T : unmanaged
    {
        Func<int, (double Logit, double Magnitude)[]> logits = Router is null ? Given(Logits!) : Computed(Router, RouterQueries.Flat(q));
        RouteGap gap = new(routes.Rows, 0, 0, null);
        for (int row = 0; row < routes.Rows; row++)
        {
            (double Logit, double Magnitude)[] at = logits(row);
            int[] wanted = [.. Enumerable.Range(0, at.Length).OrderByDescending(e => at[e].Logit).Take(routes[row].Length)];
            if (!routes[row].SequenceEqual(wanted))
            {
                int[] chosen = routes[row].ToArray();
                double left = Enumerable.Range(0, at.Length).Except(chosen).Select(e => at[e].Logit).DefaultIfEmpty(double.NegativeInfinity).Max();
                double behind = chosen.Zip(chosen.Skip(1), (a, b) => at[b].Logit - at[a].Logit).DefaultIfEmpty(0).Max();
                double deficit = Math.Max(left - chosen.Min(e => at[e].Logit), behind) / at.Max(e => e.Magnitude);
                gap = gap with { Different = gap.Different + 1, Deficit = Math.Max(gap.Deficit, deficit) };
            }
        }

        return gap;
    }

    private static Func<int, (double Logit, double Magnitude)[]> Given(Tensor<float> logits)
    {
        float[] values = logits.ToFlat();
        int experts = (int)logits.Lengths[2];
        return row => [.. values.Skip(row * experts).Take(experts).Select(logit => ((double)logit, (double)Math.Abs(logit)))];
    }

    private static Func<int, (double Logit, double Magnitude)[]> Computed(Router router, float[] queries)
    {
        float[] weights = router.Weights.ToFlat(), bias = router.Bias.ToFlat();
        return row => [.. Enumerable.Range(row % router.Heads * router.Experts, router.Experts).Select(at =>
        {
            (double logit, double magnitude) = ((double)bias[at], (double)Math.Abs(bias[at]));
            for (int d = 0; d < router.Dim; d++)
            {
                double product = (double)queries[(row * router.Dim) + d] * weights[(at * router.Dim) + d];
                logit += product;
                magnitude += Math.Abs(product);
            }

            return (logit, magnitude);
        })];
    }
}
