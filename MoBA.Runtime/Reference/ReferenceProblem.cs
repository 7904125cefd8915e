using System.Numerics.Tensors;

namespace MoBA.Runtime;

/// <summary>One query token: its row in q, its position, and the keys of its sequence.</summary>
/// <param name="Token">Row in q.</param>
/// <param name="Position">Absolute position in the sequence.</param>
/// <param name="FirstKey">First row of the sequence in k.</param>
/// <param name="Keys">Keys of the sequence.</param>
internal readonly record struct ReferenceRow(int Token, int Position, int FirstKey, int Keys);

/// <summary>What one thread of the oracle writes on.</summary>
internal sealed class ReferenceScratch(int keys, int dim)
{
    /// <summary>A row's scores, one a key.</summary>
    public double[] Scores { get; } = new double[keys];

    /// <summary>A row's output.</summary>
    public double[] Sum { get; } = new double[dim];

    /// <summary>The output of a row that several experts share.</summary>
    public double[] Total { get; } = new double[dim];
}

/// <summary>A call of the oracle: its tensors as double, and its sequences.</summary>
internal sealed class ReferenceProblem<T>
    where T : unmanaged
{
    private readonly double[] _q, _k, _v;
    private readonly AttentionSequence[] _sequences;
    private readonly double _scale;

    public ReferenceProblem(Tensor<T> q, Tensor<T> k, Tensor<T> v, AttentionOptions options)
    {
        AttentionChecks.KindOf<T>();
        AttentionChecks.Shapes(q, k, v, null, anyDim: true);
        (Heads, KeyHeads, Dim) = ((int)q.Lengths[1], (int)k.Lengths[1], (int)q.Lengths[2]);
        (_q, _k, _v) = (Widen(q), Widen(k), Widen(v));
        (QueryTokens, LongestKeys) = ((int)q.Lengths[0], (int)k.Lengths[0]);
        _sequences = AttentionChecks.Sequences(options, QueryTokens, LongestKeys);
        AttentionChecks.Scale(options, Dim);
        _scale = options.Scale ?? 1 / Math.Sqrt(Dim);
    }

    public int QueryTokens { get; }

    public int Heads { get; }

    public int KeyHeads { get; }

    public int Dim { get; }

    public int LongestKeys { get; }

    public IEnumerable<ReferenceRow> Rows()
    {
        foreach (AttentionSequence s in _sequences)
        {
            for (int i = 0; i < s.Queries; i++)
            {
                yield return new(s.FirstQueryToken + i, s.Position + i, s.FirstKeyToken, s.Keys);
            }
        }
    }

    /// <summary>The routes of every row by their definition, or null where there is no gate.</summary>
    public ReferenceRoutes? Routes(BlockGate? gate, CancellationToken cancellationToken) =>
        gate is null ? null : new ReferenceGate<T>(this, gate, cancellationToken).Routes(cancellationToken);

    /// <summary>softmax over the attended keys of one row, times their values, into the scratch's sum; 0 where there are none.</summary>
    /// <returns>The row's log-sum-exp.</returns>
    public double AttendRow(ISparseExpert expert, ReferenceRoutes? routes, ReferenceRow row, int head, ReferenceScratch scratch)
    {
        Span<double> scores = scratch.Scores.AsSpan(0, row.Keys);
        Span<double> sum = scratch.Sum;
        sum.Clear();
        double max = Score(expert, routes, row, head, scores);
        if (double.IsNegativeInfinity(max))
            return max;

        double total = 0;
        for (int key = 0; key < row.Keys; key++)
        {
            if (!double.IsNegativeInfinity(scores[key]))
            {
                double weight = Math.Exp(scores[key] - max);
                total += weight;
                TensorPrimitives.MultiplyAdd(Vector(_v, row, key, KeyHead(head)), weight, sum, sum);
            }
        }

        TensorPrimitives.Divide(sum, total, sum);
        return max + Math.Log(total);
    }

    /// <summary>The query of one row and head.</summary>
    public ReadOnlySpan<double> Query(ReferenceRow row, int head) => _q.AsSpan(((row.Token * Heads) + head) * Dim, Dim);

    /// <summary>A key of one key head.</summary>
    public ReadOnlySpan<double> Key(ReferenceRow row, int key, int keyHead) => Vector(_k, row, key, keyHead);

    /// <summary>The key head that a query head reads.</summary>
    public int KeyHead(int head) => head / (Heads / KeyHeads);

    /// <summary>The scores of one row, -infinity where the predicate or the route does not hold.</summary>
    /// <returns>The largest, NaN where any is NaN.</returns>
    private double Score(ISparseExpert expert, ReferenceRoutes? routes, ReferenceRow row, int head, Span<double> scores)
    {
        bool modifies = expert.Info.ScoreModifier is not null;
        double max = double.NegativeInfinity;
        for (int key = 0; key < row.Keys; key++)
        {
            double score = double.NegativeInfinity;
            bool visits = routes is null || routes.Visits(row.Token, head, key) || expert.Always(row.Position, key, head);
            if (visits && expert.Attends(row.Position, key, head))
            {
                score = _scale * TensorPrimitives.Dot(Query(row, head), Key(row, key, KeyHead(head)));
                score = modifies ? expert.Score((float)score, row.Position, key, head, Heads) : score;
            }

            scores[key] = score;
            max = Math.Max(max, score);
        }

        return max;
    }

    private ReadOnlySpan<double> Vector(double[] tensor, ReferenceRow row, int key, int keyHead) =>
        tensor.AsSpan((((row.FirstKey + key) * KeyHeads) + keyHead) * Dim, Dim);

    private static double[] Widen(Tensor<T> tensor)
    {
        T[] values = new T[tensor.FlattenedLength];
        tensor.FlattenTo(values);
        return values switch
        {
            float[] singles => Array.ConvertAll(singles, x => (double)x),
            Half[] halves => Array.ConvertAll(halves, x => (double)x),
            _ => Array.ConvertAll((BFloat16[])(object)values, x => (double)(float)x),
        };
    }
}
