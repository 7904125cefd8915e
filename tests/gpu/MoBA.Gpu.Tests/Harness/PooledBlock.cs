using MoBA.Conformance.Tests;
using MoBA.Runtime;

namespace MoBA.Gpu.Tests;

/// <summary>A gate as it should be: its value, the sum of its terms' magnitudes, which float sums are right to a part of, and by how much
/// it may be off because a component of the centroid could be rounded either way.</summary>
internal readonly record struct GateValue(double Value, double Magnitude, double Slack)
{
    /// <summary>The gate of the heads that share a route.</summary>
    public static GateValue operator +(GateValue a, GateValue b) => new(a.Value + b.Value, a.Magnitude + b.Magnitude, a.Slack + b.Slack);
}

/// <summary>What a gate knows of a block of keys, from sums in double.</summary>
internal sealed class PooledBlock
{
    // Of the mean magnitude of a channel: sixteen times the rounding of a float. Sums of floats in any order come closer.
    private const double SumError = 1.0 / (1 << 20);

    private readonly double[] _high;
    private readonly double[]? _low;
    private readonly (int Channel, double Error)[] _unsure = [];

    /// <summary>Pools rows.</summary>
    /// <param name="rows">The keys, one behind the other.</param>
    /// <param name="dim">Components of a key.</param>
    /// <param name="element">Their type, to which means are rounded.</param>
    /// <param name="pooling">What the gate knows.</param>
    public PooledBlock(ReadOnlySpan<float> rows, int dim, Element element, Pooling pooling)
    {
        _high = new double[dim];
        if (pooling == Pooling.MinMax)
        {
            _low = new double[dim];
            for (int d = 0; d < dim; d++)
                (_low[d], _high[d]) = Bounds(rows, d, dim, element == Element.Half ? (double)Half.MaxValue : BitConverter.UInt32BitsToSingle(0x7F7F0000));
            return;
        }

        List<(int, double)> unsure = [];
        for (int d = 0; d < dim; d++)
        {
            (double mean, double size) = Mean(rows, d, dim);
            _high[d] = Bits.ToFloat(Bits.Of((float)mean, element), element);
            double spacing = double.IsFinite(_high[d]) ? Bits.Spacing((float)Math.Abs(mean), element) : 0;
            if (Math.Abs(mean - _high[d]) > (spacing / 2) - (size * SumError))
                unsure.Add((d, spacing + (size * SumError)));
        }

        _unsure = [.. unsure];
    }

    /// <summary>q . centroid, or its upper bound.</summary>
    public GateValue Gate(ReadOnlySpan<float> query)
    {
        double gate = 0, magnitude = 0, slack = 0;
        for (int d = 0; d < _high.Length; d++)
        {
            double term = query[d] * _high[d];
            if (_low is not null)
                term = Math.Max(term, query[d] * _low[d]);
            gate += term;
            magnitude += Math.Abs(term);
        }

        foreach ((int channel, double error) in _unsure)
            slack += Math.Abs(query[channel]) * error;
        return new(gate, magnitude, slack);
    }

    private static (double Mean, double Size) Mean(ReadOnlySpan<float> rows, int channel, int dim)
    {
        double sum = 0, size = 0;
        for (int at = channel; at < rows.Length; at += dim)
        {
            sum += rows[at];
            size += Math.Abs(rows[at]);
        }

        return (sum / (rows.Length / dim), size / (rows.Length / dim));
    }

    // A NaN is both; an infinity is the largest number of its sign.
    private static (double Low, double High) Bounds(ReadOnlySpan<float> rows, int channel, int dim, double largest)
    {
        (double low, double high) = (rows[channel], rows[channel]);
        for (int at = channel; at < rows.Length; at += dim)
            (low, high) = (Math.Min(low, rows[at]), Math.Max(high, rows[at]));
        return (Math.Clamp(low, -largest, largest), Math.Clamp(high, -largest, largest));
    }
}
