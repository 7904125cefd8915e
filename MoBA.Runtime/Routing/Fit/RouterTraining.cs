using System.Numerics.Tensors;

namespace MoBA.Runtime;

/// <summary>Trains one regression a head to predict the oracle's choice, and calibrates what it learned.</summary>
internal sealed class RouterTraining
{
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
            float[] logits = Logits(weights, bias);
            double[] keys = HeadKeys();

            // Where the budget binds the oracle, what the router leaves of it would be wasted.
            double price = RouterBudget.Price(
                price => RouterBudget.MeanKeys(_samples, _rows, Choose(logits, keys, price)), budget, spend: _price > 0);
            for (int i = 0; i < bias.Length; i++)
            {
                bias[i] -= (float)(price * keys[i]);
            }
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

    private float[] Logits(float[] weights, float[] bias)
    {
        int experts = _samples.Experts;
        return [.. _rows.SelectMany(row => Enumerable.Range(row % _heads.Length * experts, experts).Select(i =>
            bias[i] + TensorPrimitives.Dot(_queries.AsSpan(row * _dim, _dim), weights.AsSpan(i * _dim, _dim))))];
    }

    private int[] Choose(float[] logits, double[] keys, double price)
    {
        int experts = _samples.Experts;
        int[] choice = new int[_rows.Length];
        for (int i = 0; i < choice.Length; i++)
        {
            int head = _rows[i] % _heads.Length;
            double best = double.NegativeInfinity;
            for (int e = 0; e < experts; e++)
            {
                double logit = logits[(i * experts) + e] - (price * keys[(head * experts) + e]);
                if (logit > best)
                    (best, choice[i]) = (logit, e);
            }
        }

        return choice;
    }
}
