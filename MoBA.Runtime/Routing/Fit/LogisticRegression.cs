using System.Numerics.Tensors;

namespace MoBA.Runtime;

/// <summary>
/// Multinomial logistic regression by Adam (Kingma and Ba, 2015) on mini-batches, in double precision: cross entropy with weighted
/// samples, or the expected loss of a class drawn by the softmax. Features are standardised for the training and the weights
/// folded back, so that one step size suits all channels.
/// </summary>
internal sealed class LogisticRegression
{
    private const double Beta1 = 0.9, Beta2 = 0.999, Epsilon = 1e-8;

    private readonly RouterFitOptions _options;
    private readonly int _classes, _dim;
    private readonly float[] _features;
    private readonly double[] _targets, _mean, _inverse, _standard;
    private readonly int[] _rows;
    private readonly double[] _parameters, _gradient, _first, _second, _logits;
    private readonly int[] _order;
    private readonly Random _random;
    private int _steps;

    /// <summary>A regression that has learned nothing yet.</summary>
    /// <param name="options">Batches, step size and L2.</param>
    /// <param name="features">Rows of features, more than the samples.</param>
    /// <param name="dim">Features of a row.</param>
    /// <param name="rows">Row of every sample.</param>
    /// <param name="targets">[samples, classes]: losses of the classes, or, for cross entropy, the weight of the sample at its class and
    /// 0 at the others.</param>
    /// <param name="classes">Number of classes.</param>
    /// <param name="seed">Seed of the samples' order.</param>
    public LogisticRegression(
        RouterFitOptions options, float[] features, int dim, int[] rows, double[] targets, int classes, int seed)
    {
        (_options, _features, _dim, _rows, _targets, _classes) = (options, features, dim, rows, targets, classes);
        (_mean, _inverse, _standard) = (new double[dim], new double[dim], new double[dim]);
        MeasureFeatures();
        (_parameters, _gradient, _first, _second) = (Zeros(), Zeros(), Zeros(), Zeros());
        _logits = new double[classes];
        _order = [.. Enumerable.Range(0, rows.Length)];
        _random = new(seed);

        double[] Zeros() => new double[classes * (_dim + 1)];
    }

    /// <summary>Sees every sample once.</summary>
    /// <param name="epoch">Number of the epoch, from 0.</param>
    /// <param name="cancellationToken">Looked at once a batch.</param>
    /// <returns>The mean loss of the batches, each before its step.</returns>
    public double Epoch(int epoch, CancellationToken cancellationToken)
    {
        _random.Shuffle(_order);
        int batches = (_order.Length + _options.BatchSize - 1) / _options.BatchSize;
        double total = 0;
        for (int batch = 0; batch < batches; batch++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            int first = batch * _options.BatchSize;
            ReadOnlySpan<int> samples = _order.AsSpan(first, Math.Min(_options.BatchSize, _order.Length - first));
            total += Gradient(samples) * samples.Length;
            double done = (epoch + ((double)batch / batches)) / _options.Epochs;
            Step(_options.LearningRate * (1 + Math.Cos(Math.PI * done)) / 2);
        }

        return total / Math.Max(1, _order.Length);
    }

    /// <summary>The weights [classes, dim] and biases [classes] for features as they were given.</summary>
    public void CopyTo(Span<float> weights, Span<float> bias)
    {
        for (int c = 0; c < _classes; c++)
        {
            ReadOnlySpan<double> row = Row(_parameters, c);
            double shift = row[_dim];
            for (int i = 0; i < _dim; i++)
            {
                double weight = row[i] * _inverse[i];
                weights[(c * _dim) + i] = (float)weight;
                shift -= weight * _mean[i];
            }

            bias[c] = (float)shift;
        }
    }

    /// <summary>Mean loss of some samples, and its gradient.</summary>
    private double Gradient(ReadOnlySpan<int> samples)
    {
        double loss = 0;
        Array.Clear(_gradient);
        foreach (int sample in samples)
        {
            ReadOnlySpan<double> x = Standardised(sample);
            for (int c = 0; c < _classes; c++)
            {
                ReadOnlySpan<double> row = Row(_parameters, c);
                _logits[c] = TensorPrimitives.Dot(x, row[..^1]) + row[^1];
            }

            loss += Slopes(_targets.AsSpan(sample * _classes, _classes), _logits) / samples.Length;
            for (int c = 0; c < _classes; c++)
            {
                Span<double> row = Row(_gradient, c);
                double slope = _logits[c] / samples.Length;
                TensorPrimitives.MultiplyAdd(x, slope, row[..^1], row[..^1]);
                row[^1] += slope;
            }
        }

        for (int c = 0; c < _classes; c++)
        {
            ReadOnlySpan<double> row = Row(_parameters, c)[..^1];
            loss += _options.L2 / 2 * TensorPrimitives.SumOfSquares(row);
            TensorPrimitives.MultiplyAdd(row, _options.L2, Row(_gradient, c)[..^1], Row(_gradient, c)[..^1]);
        }

        return loss;
    }

    /// <summary>Turns the logits of a sample into the slopes of its loss.</summary>
    /// <returns>The loss.</returns>
    private double Slopes(ReadOnlySpan<double> targets, Span<double> logits)
    {
        TensorPrimitives.SoftMax(logits, logits);
        bool expected = _options.Loss == RouterLoss.ExpectedLoss;
        double mean = expected ? TensorPrimitives.Dot(targets, logits) : TensorPrimitives.Sum(targets);
        double loss = expected ? mean : 0;
        for (int c = 0; c < logits.Length; c++)
        {
            double probability = logits[c];
            loss -= expected || targets[c] == 0 ? 0 : targets[c] * Math.Log(Math.Max(probability, double.Epsilon));
            logits[c] = expected ? probability * (targets[c] - mean) : (mean * probability) - targets[c];
        }

        return loss;
    }

    private void Step(double rate)
    {
        _steps++;
        double scale = rate * Math.Sqrt(1 - Math.Pow(Beta2, _steps)) / (1 - Math.Pow(Beta1, _steps));
        for (int i = 0; i < _parameters.Length; i++)
        {
            double slope = _gradient[i];
            _first[i] += (1 - Beta1) * (slope - _first[i]);
            _second[i] += (1 - Beta2) * ((slope * slope) - _second[i]);
            _parameters[i] -= scale * _first[i] / (Math.Sqrt(_second[i]) + Epsilon);
        }
    }

    /// <summary>The weights of one class and, last, its bias.</summary>
    private Span<double> Row(double[] parameters, int c) => parameters.AsSpan(c * (_dim + 1), _dim + 1);

    private double[] Standardised(int sample)
    {
        ReadOnlySpan<float> row = _features.AsSpan(_rows[sample] * _dim, _dim);
        for (int i = 0; i < row.Length; i++)
        {
            _standard[i] = (row[i] - _mean[i]) * _inverse[i];
        }

        return _standard;
    }

    private void MeasureFeatures()
    {
        for (int i = 0; i < _dim; i++)
        {
            int channel = i;
            IEnumerable<double> values = _rows.Select(row => (double)_features[(row * _dim) + channel]).DefaultIfEmpty(0);
            double mean = values.Average();
            double deviation = Math.Sqrt(values.Average(x => (x - mean) * (x - mean)));

            // A channel that says nothing gets no weight.
            (_mean[i], _inverse[i]) = (mean, deviation > 1e-12 * Math.Max(1, Math.Abs(mean)) ? 1 / deviation : 0);
        }
    }
}
