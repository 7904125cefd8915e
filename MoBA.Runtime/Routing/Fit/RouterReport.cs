using System.Numerics.Tensors;

namespace MoBA.Runtime;

/// <summary>What ways of routing are worth on held-out tokens.</summary>
internal static class RouterReport
{
    /// <summary>Reports on a router whose logits for all rows are given.</summary>
    public static RouterFit Of(
        Router router, NamedExpert[] experts, RouterSamples samples, RouterSplit split, float[] logits, RouterFitOptions options)
    {
        int[] rows = split.HeldOut;
        int[] learned = Array.ConvertAll(rows, Learned);
        int[] oracle = RouterBudget.Choose(samples, rows, RouterBudget.OraclePrice(samples, rows, options.KeysPerToken));
        double[][] shares = [.. Enumerable.Range(0, samples.Heads).Select(head => HeadShares(rows, learned, samples, head))];
        return new()
        {
            Router = router,
            Costs = [.. experts.Select(e => e.Cost)],
            Experts = [.. experts.Select(e => Quality(e.Name, samples, rows, (_, other) => other == e.Id ? 1 : 0))],
            Oracle = Quality("oracle", samples, rows, (i, e) => oracle[i] == e ? 1 : 0),
            Learned = Quality("learned", samples, rows, (i, e) => learned[i] == e ? 1 : 0),
            Random = Quality("random", samples, rows, (i, e) => shares[rows[i] % samples.Heads][e]),
            Accuracy = oracle.Zip(learned).Average(pair => pair.First == pair.Second ? 1.0 : 0),
            TrainingKeysPerToken = RouterBudget.MeanKeys(samples, split.Training, Array.ConvertAll(split.Training, Learned)),
            TrainingLoss = [],
            Tokens = (split.Training.Length, rows.Length),
        };

        int Learned(int row) => TensorPrimitives.IndexOfMax<float>(logits.AsSpan(row * samples.Experts, samples.Experts));
    }

    private static double[] HeadShares(int[] rows, int[] choice, RouterSamples samples, int head)
    {
        double[] shares = new double[samples.Experts];
        int[] places = [.. Enumerable.Range(0, rows.Length).Where(i => rows[i] % samples.Heads == head)];
        foreach (int i in places)
        {
            shares[choice[i]] += 1.0 / places.Length;
        }

        return shares;
    }

    /// <summary>The means over rows when expert e gets <paramref name="share"/>(i, e) of the i-th.</summary>
    private static RoutingQuality Quality(string name, RouterSamples samples, int[] rows, Func<int, int, double> share)
    {
        (double mass, double error, double keys) = (0, 0, 0);
        double[] shares = new double[samples.Experts];
        for (int i = 0; i < rows.Length; i++)
        {
            for (int e = 0; e < samples.Experts; e++)
            {
                double part = share(i, e) / rows.Length;
                shares[e] += part;
                mass += samples.HasMass ? part * samples.Mass(rows[i], e) : 0;
                error += part * samples.Error(rows[i], e);
                keys += part * samples.Keys(rows[i], e);
            }
        }

        return new(name, samples.HasMass ? mass : null, error, keys, shares);
    }
}
