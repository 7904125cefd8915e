using System.Numerics.Tensors;

namespace MoBA.Runtime;

/// <summary>Trains one regression a head to predict the oracle's choice, and calibrates what it learned.</summary>
internal sealed class RouterTraining
{
    // Share of the budget that may be left for the sake of a clear price.
    private const double SpareBudget = 2e-3;

    private readonly RouterSamples _samples;
    private readonly RouterFitOptions _options;
    private readonly int[] _rows, _labels;
    private readonly float[] _queries;
    private readonly int _dim;
    private readonly double _price;
    private readonly LogisticRegression[] _heads;

    public RouterTraining(RouterSamples samples, int[] rows, float[] queries, int dim, RouterFitOptions options)
    {
        (_samples, _rows, _queries, _dim, _options) = (samples, rows, queries, dim, options);
        _price = RouterBudget.OraclePrice(samples, rows, options.KeysPerToken);
        _labels = RouterBudget.Choose(samples, rows, _price);
        _heads = [.. Enumerable.Range(0, samples.Heads).Select(Head)];
    }

    /// <summary>Trains all heads.</summary>
    /// <returns>The mean loss of every epoch.</returns>
    public double[] Run(Action<string> done, CancellationToken cancellationToken)
    {
        double[] losses = new double[_options.Epochs];
        for (int epoch = 0; epoch < losses.Length; epoch++)
        {
            double[] parts = new double[_heads.Length];
            Parallel.For(0, parts.Length, new() { CancellationToken = cancellationToken }, head => parts[head] = _heads[head].Epoch(epoch, cancellationToken));
            losses[epoch] = parts.Average();
            done("train");
        }

        return losses;
    }

    /// <summary>The router that was learned, its biases shifted so that its choice meets the budget on the training tokens.</summary>
    public Router Calibrated(string[] names)
    {
        int heads = _heads.Length, experts = _samples.Experts;
        float[] weights = new float[heads * experts * _dim], bias = new float[heads * experts];
        for (int head = 0; head < heads; head++)
        {
            _heads[head].CopyTo(weights.AsSpan(head * experts * _dim, experts * _dim), bias.AsSpan(head * experts, experts));
        }

        if (_options.KeysPerToken is { } budget)
        {
            float[] dots = Dots(weights);
            double[] keys = HeadKeys();
            bias = Shifted(bias, keys, Price(price => Choose(dots, Shifted(bias, keys, price)), dots, bias, keys, budget));
        }

        return new(Tensor.Create(weights, [heads, experts, _dim]), Tensor.Create(bias, [heads, experts])) { ExpertNames = names };
    }

    private LogisticRegression Head(int head)
    {
        int[] places = [.. Enumerable.Range(0, _rows.Length).Where(i => _rows[i] % _samples.Heads == head)];
        return new(
            _options, _queries, _dim, [.. places.Select(i => _rows[i])], Targets(places), _samples.Experts, unchecked((_options.Seed * 7919) + head));
    }

    /// <summary>What the regression is to learn, [places, experts].</summary>
    private double[] Targets(int[] places)
    {
        int experts = _samples.Experts;
        double[] targets = new double[places.Length * experts];
        double mean = Math.Max(places.Select(Regret).DefaultIfEmpty(0).Average(), double.Epsilon);
        for (int i = 0; i < places.Length; i++)
        {
            int place = places[i], label = _labels[place];
            if (_options.Loss == RouterLoss.ExpectedLoss)
            {
                for (int e = 0; e < experts; e++)
                {
                    targets[(i * experts) + e] = (Objective(place, e) - Objective(place, label)) / mean;
                }
            }
            else
            {
                targets[(i * experts) + label] = _options.Loss == RouterLoss.CrossEntropy ? 1 : Regret(place) / mean;
            }
        }

        return targets;
    }

    /// <summary>How much worse than the best the other experts are on average.</summary>
    private double Regret(int place) =>
        Enumerable.Range(0, _samples.Experts).Sum(e => Objective(place, e) - Objective(place, _labels[place])) / (_samples.Experts - 1);

    private double Objective(int place, int expert) => RouterBudget.Objective(_samples, _rows[place], expert, _price);

    /// <summary>Mean keys of every head and expert.</summary>
    private double[] HeadKeys() => [.. Enumerable.Range(0, _heads.Length * _samples.Experts).Select(i => _rows
        .Where(row => row % _heads.Length == i / _samples.Experts).Select(row => _samples.Keys(row, i % _samples.Experts)).DefaultIfEmpty(0).Average())];

    /// <summary>A price that meets the budget and is as far as can be from every price at which a row changes its choice: at such a price two
    /// logits are equal, and whoever computes them with another rounding routes that row elsewhere.</summary>
    private double Price(Func<double, int[]> choose, float[] dots, float[] bias, double[] keys, double budget)
    {
        double MeanKeys(double price) => RouterBudget.MeanKeys(_samples, _rows, choose(price));

        // Where the budget binds the oracle, what the router leaves of it would be wasted.
        double met = RouterBudget.Price(MeanKeys, budget, spend: _price > 0);
        if (met == 0)
            return 0;
        List<PriceChange> changes = [];
        int[] choice = choose(met);
        for (int i = 0; i < choice.Length; i++)
        {
            AddChanges(i, choice[i], met);
        }

        return RouterBudget.Clear(met, changes, 1 / keys.Max(), budget * SpareBudget, price => MeanKeys(price) <= budget);

        // The upper envelope of the lines logit - price * keys, from met upwards.
        void AddChanges(int place, int expert, double from)
        {
            int first = _rows[place] % _heads.Length * _samples.Experts;
            while (true)
            {
                (double next, int other) = (double.PositiveInfinity, -1);
                for (int e = 0; e < _samples.Experts; e++)
                {
                    double cheaper = keys[first + expert] - keys[first + e];
                    double price = cheaper > 0 ? Math.Max(from, (Logit(expert) - Logit(e)) / cheaper) : double.PositiveInfinity;
                    if (price < next || (price == next && other >= 0 && keys[first + e] < keys[first + other]))
                        (next, other) = (price, e);
                }

                if (other < 0)
                    return;
                changes.Add(new(next, (_samples.Keys(_rows[place], expert) - _samples.Keys(_rows[place], other)) / _rows.Length));
                (expert, from) = (other, next);
            }

            double Logit(int e) => (double)dots[(place * _samples.Experts) + e] + bias[first + e];
        }
    }

    private static float[] Shifted(float[] bias, double[] keys, double price) => [.. bias.Zip(keys, (b, k) => b - (float)(price * k))];

    /// <summary>Logits of the rows without a bias, [rows, experts].</summary>
    private float[] Dots(float[] weights)
    {
        int experts = _samples.Experts;
        return [.. _rows.SelectMany(row => Enumerable.Range(row % _heads.Length * experts, experts).Select(i =>
            TensorPrimitives.Dot(_queries.AsSpan(row * _dim, _dim), weights.AsSpan(i * _dim, _dim))))];
    }

    private int[] Choose(float[] dots, float[] bias)
    {
        int experts = _samples.Experts;
        int[] choice = new int[_rows.Length];
        for (int i = 0; i < choice.Length; i++)
        {
            int head = _rows[i] % _heads.Length;
            float best = float.NegativeInfinity;
            for (int e = 0; e < experts; e++)
            {
                float logit = bias[(head * experts) + e] + dots[(i * experts) + e];
                if (logit > best)
                    (best, choice[i]) = (logit, e);
            }
        }

        return choice;
    }
}
