using System.Numerics.Tensors;
using Xunit;

namespace MoBA.Runtime.Tests.Portable;

/// <summary>What a block gate means, written down once more: the gates of a call, and attention over given routes in double
/// precision.</summary>
internal sealed class GateOracle<T>
{
    private readonly GatedSample _expert;
    private readonly Tensor<T> _q, _k;
    private readonly int[] _offsets, _keyOffsets;
    private readonly AttentionOptions _options;
    private readonly int _heads, _keyHeads, _dim;
    private readonly float[] _queries, _keys, _values;

    public GateOracle(GatedSample expert, Tensor<T> q, Tensor<T> k, Tensor<T> v, AttentionOptions options)
    {
        (_expert, _q, _k, _options) = (expert, q, k, options);
        (_heads, _keyHeads, _dim) = ((int)q.Lengths[1], (int)k.Lengths[1], (int)q.Lengths[2]);
        (_queries, _keys, _values) = (Inputs.Floats(q), Inputs.Floats(k), Inputs.Floats(v));
        _offsets = options.Sequences ?? [0, (int)q.Lengths[0]];
        _keyOffsets = options.KeySequences ?? options.Sequences ?? [0, (int)k.Lengths[0]];
    }

    private BlockGate Gate => _expert.Gate!;

    private int RouteHeads => Gate.Scope == RouteScope.KeyGroup ? _keyHeads : _heads;

    /// <summary>Own block first, then as many past blocks as there can be, ascending, of which none that was left out has a
    /// greater gate.</summary>
    public void CheckRoutes(int[] routes, double tolerance = 1e-5)
    {
        Assert.Equal(_offsets[^1] * RouteHeads * Gate.TopK, routes.Length);
        foreach ((int s, int row, int head) in from s in Enumerable.Range(0, _offsets.Length - 1)
                                               from row in Enumerable.Range(0, _offsets[s + 1] - _offsets[s])
                                               from head in Enumerable.Range(0, RouteHeads)
                                               select (s, row, head))
        {
            int keys = _keyOffsets[s + 1] - _keyOffsets[s], position = Position(s, row), blocks = (keys + Gate.BlockSize - 1) / Gate.BlockSize;
            int[] route = routes.AsSpan((((_offsets[s] + row) * RouteHeads) + head) * Gate.TopK, Gate.TopK).ToArray();
            int own = position >= 0 && position / Gate.BlockSize < blocks ? position / Gate.BlockSize : -1;
            int past = Enumerable.Range(0, blocks).Count(i => (i * Gate.BlockSize) + Gate.BlockSize <= position);
            int count = Math.Min(Gate.TopK - 1, past);
            int[] chosen = route[1..(1 + count)];
            string text = $"sequence {s}, row {row}, head {head}: {string.Join(' ', route)}";
            Assert.True(route[0] == own, text);
            Assert.True(route[(1 + count)..].All(b => b == -1), text);
            Assert.True(chosen.SequenceEqual(chosen.Distinct().Order()) && chosen.All(b => b >= 0 && b < past), text);
            double[] gates = [.. Enumerable.Range(0, past).Select(b => GateOf(s, row, head, b, out _))];
            foreach (int left in Enumerable.Range(0, past).Except(chosen))
            {
                foreach (int taken in chosen)
                {
                    GateOf(s, row, head, left, out double size);
                    Assert.True(gates[taken] >= gates[left] - (tolerance * size), $"{text}: left {left} at {gates[left]}, took {taken} at {gates[taken]}");
                    if (gates[taken] == gates[left])
                        Assert.True(taken > left, $"{text}: of equal gates {left} was left and {taken} taken");
                }
            }
        }
    }

    /// <summary>Output and log-sum-exp of attention over <paramref name="routes"/>.</summary>
    public (double[] Output, double[] Lse) Attend(int[] routes)
    {
        double[] output = new double[_q.FlattenedLength], lse = new double[_offsets[^1] * _heads];
        for (int s = 0; s + 1 < _offsets.Length; s++)
        {
            int keys = _keyOffsets[s + 1] - _keyOffsets[s];
            for (int row = 0; row < _offsets[s + 1] - _offsets[s]; row++)
            {
                for (int head = 0; head < _heads; head++)
                {
                    int token = _offsets[s] + row, position = Position(s, row);
                    int[] route = routes.AsSpan((((token * RouteHeads) + (head * RouteHeads / _heads)) * Gate.TopK), Gate.TopK).ToArray();
                    int[] seen = [.. Enumerable.Range(0, keys).Where(k =>
                        _expert.Attends(position, k, head) && (_expert.AlwaysAttends(position, k, head) || route.Contains(k / Gate.BlockSize)))];
                    Row(output.AsSpan(((token * _heads) + head) * _dim, _dim), out lse[(token * _heads) + head], s, token, head, position, seen);
                }
            }
        }

        return (output, lse);
    }

    private void Row(Span<double> output, out double lse, int s, int token, int head, int position, int[] seen)
    {
        double scale = _options.Scale ?? 1 / Math.Sqrt(_dim);
        int keyHead = head / (_heads / _keyHeads);
        double[] scores = [.. seen.Select(k =>
        {
            double score = scale * Enumerable.Range(0, _dim).Sum(c => (double)Query(token, head, c) * Key(s, k, keyHead, c));
            return score + ((double)_expert.Score((float)score, position, k, head, _heads) - (float)score);
        })];
        double max = scores.DefaultIfEmpty(0).Max(), sum = scores.Sum(x => Math.Exp(x - max));
        lse = seen.Length == 0 ? double.NegativeInfinity : max + Math.Log(sum);
        for (int i = 0; i < seen.Length; i++)
        {
            for (int c = 0; c < _dim; c++)
                output[c] += Math.Exp(scores[i] - max) / sum * _values[((((_keyOffsets[s] + seen[i]) * _keyHeads) + keyHead) * _dim) + c];
        }
    }

    // The gate, and the size of what was summed.
    private double GateOf(int s, int row, int routeHead, int block, out double size)
    {
        int group = _heads / RouteHeads, keyHead = routeHead * group / (_heads / _keyHeads), token = _offsets[s] + row;
        int first = block * Gate.BlockSize, count = Math.Min(Gate.BlockSize, _keyOffsets[s + 1] - _keyOffsets[s] - first);
        double sum = 0;
        size = 0;
        for (int c = 0; c < _dim; c++)
        {
            float[] column = [.. Enumerable.Range(first, count).Select(k => Key(s, k, keyHead, c))];
            double[] q = [.. Enumerable.Range(routeHead * group, group).Select(h => (double)Query(token, h, c))];
            float mean = Inputs.Floats(Tensor.Create([Inputs.To<T>(column.Aggregate(0f, (a, b) => a + b) / count)], [1, 1, 1]))[0];
            double term = Gate.Pooling == Pooling.Mean
                ? q.Sum() * mean
                : q.Sum(x => Math.Max(x * column.Min(), x * column.Max()));
            sum += term;
            size += q.Sum(Math.Abs) * column.Max(Math.Abs);
        }

        return sum;
    }

    private int Position(int s, int row) =>
        (_options.QueryStart ?? (_keyOffsets[s + 1] - _keyOffsets[s] - (_offsets[s + 1] - _offsets[s]))) + row;

    private float Query(int token, int head, int c) => _queries[(((token * _heads) + head) * _dim) + c];

    private float Key(int s, int key, int head, int c) => _keys[((((_keyOffsets[s] + key) * _keyHeads) + head) * _dim) + c];
}
