using System.Numerics.Tensors;
using System.Runtime.ExceptionServices;

namespace MoBA.Runtime;

/// <summary>
/// The O(N^2) oracle: what attention means, written to be believed and not to be fast. Every pair of positions is put to the
/// expert's own predicate; dot products, softmax and sums are in double precision. It shares no code with the kernels that
/// it judges.
/// </summary>
public static class ReferenceAttention
{
    /// <summary>Attends in double precision.</summary>
    /// <param name="expert">The pattern.</param>
    /// <param name="q">[query tokens, query heads, dim].</param>
    /// <param name="k">[key tokens, key heads, dim].</param>
    /// <param name="v">[key tokens, key heads, dim].</param>
    /// <param name="options">As for <see cref="AttentionEngine"/>; null is one sequence with the last query at the last key.</param>
    /// <param name="cancellationToken">Looked at once a row.</param>
    /// <typeparam name="T"><c>float</c>, <see cref="Half"/> or <see cref="BFloat16"/>.</typeparam>
    /// <returns>Output [query tokens, query heads, dim] and, always, log-sum-exp [query tokens, query heads]; 0 and -infinity in
    /// a row that sees no key.</returns>
    /// <exception cref="ArgumentException">A tensor's shape or element type, or an option, does not fit.</exception>
    public static AttentionResult<float> Attend<T>(
        ISparseExpert expert, Tensor<T> q, Tensor<T> k, Tensor<T> v, AttentionOptions? options = null,
        CancellationToken cancellationToken = default)
        where T : unmanaged
    {
        ArgumentNullException.ThrowIfNull(expert);
        var problem = new Problem<T>(expert, q, k, v, options ?? new());
        long start = TimeProvider.System.GetTimestamp();
        try
        {
            AttendRows(problem, cancellationToken);
        }
        catch (AggregateException error)
        {
            // What the author's own predicate threw, as if it had been called here.
            ExceptionDispatchInfo.Throw(error.InnerExceptions[0]);
        }

        return new()
        {
            Output = Tensor.Create(problem.Output, q.Lengths),
            Lse = Tensor.Create(problem.Lse, q.Lengths[..2]),
            Timings = [new("reference", TimeProvider.System.GetElapsedTime(start))],
        };
    }

    private static void AttendRows<T>(Problem<T> problem, CancellationToken cancellationToken)
        where T : unmanaged
    {
        ParallelOptions parallel = new() { CancellationToken = cancellationToken };
        Parallel.ForEach(problem.Rows(), parallel, () => new double[problem.LongestKeys + problem.Dim], (row, _, scratch) =>
        {
            for (int head = 0; head < problem.Heads; head++)
            {
                problem.AttendRow(row, head, scratch);
            }

            return scratch;
        }, _ => { });
    }

    /// <summary>One query token: its row in q, its position, and the keys of its sequence.</summary>
    private readonly record struct Row(int Token, int Position, int FirstKey, int Keys);

    private sealed class Problem<T>
        where T : unmanaged
    {
        private readonly ISparseExpert _expert;
        private readonly bool _modifies;
        private readonly double[] _q, _k, _v;
        private readonly AttentionSequence[] _sequences;
        private readonly double _scale;
        private readonly int _keyHeads;

        public Problem(ISparseExpert expert, Tensor<T> q, Tensor<T> k, Tensor<T> v, AttentionOptions options)
        {
            AttentionChecks.KindOf<T>();
            AttentionChecks.Shapes(q, k, v, null, anyDim: true);
            (Heads, _keyHeads, Dim) = ((int)q.Lengths[1], (int)k.Lengths[1], (int)q.Lengths[2]);
            _expert = expert;
            _modifies = expert.Info.ScoreModifier is not null;
            (_q, _k, _v) = (Widen(q), Widen(k), Widen(v));
            int queries = (int)q.Lengths[0], keys = (int)k.Lengths[0];
            _sequences = AttentionChecks.Sequences(options, queries, keys);
            AttentionChecks.Scale(options, Dim);
            _scale = options.Scale ?? 1 / Math.Sqrt(Dim);
            Output = new float[queries * Heads * Dim];
            Lse = new float[queries * Heads];
            LongestKeys = keys;
        }

        public int Heads { get; }

        public int Dim { get; }

        public int LongestKeys { get; }

        public float[] Output { get; }

        public float[] Lse { get; }

        public IEnumerable<Row> Rows()
        {
            foreach (AttentionSequence s in _sequences)
            {
                for (int i = 0; i < s.Queries; i++)
                {
                    yield return new(s.FirstQueryToken + i, s.Position + i, s.FirstKeyToken, s.Keys);
                }
            }
        }

        /// <summary>softmax over the attended keys of one row, times their values.</summary>
        public void AttendRow(Row row, int head, double[] scratch)
        {
            Span<double> scores = scratch.AsSpan(0, row.Keys);
            double max = Score(row, head, scores);
            Span<double> sum = scratch.AsSpan(LongestKeys, Dim);
            sum.Clear();
            double total = 0;
            for (int key = 0; key < row.Keys; key++)
            {
                if (!double.IsNegativeInfinity(scores[key]))
                {
                    double weight = Math.Exp(scores[key] - max);
                    total += weight;
                    TensorPrimitives.MultiplyAdd(Vector(_v, row, key, head), weight, sum, sum);
                }
            }

            int place = (row.Token * Heads) + head;
            bool sees = !double.IsNegativeInfinity(max);
            Lse[place] = sees ? (float)(max + Math.Log(total)) : float.NegativeInfinity;
            for (int i = 0; i < Dim; i++)
            {
                Output[(place * Dim) + i] = sees ? (float)(sum[i] / total) : 0;
            }
        }

        /// <summary>The scores of one row, -infinity where the predicate does not hold.</summary>
        /// <returns>The largest, NaN where any is NaN.</returns>
        private double Score(Row row, int head, Span<double> scores)
        {
            ReadOnlySpan<double> query = _q.AsSpan(((row.Token * Heads) + head) * Dim, Dim);
            double max = double.NegativeInfinity;
            for (int key = 0; key < row.Keys; key++)
            {
                double score = double.NegativeInfinity;
                if (_expert.Attends(row.Position, key, head))
                {
                    score = _scale * TensorPrimitives.Dot(query, Vector(_k, row, key, head));
                    score = _modifies ? _expert.Score((float)score, row.Position, key, head, Heads) : score;
                }

                scores[key] = score;
                max = Math.Max(max, score);
            }

            return max;
        }

        /// <summary>A key or value vector as query head <paramref name="head"/> reads it.</summary>
        private ReadOnlySpan<double> Vector(double[] tensor, Row row, int key, int head) =>
            tensor.AsSpan((((row.FirstKey + key) * _keyHeads) + (head / (Heads / _keyHeads))) * Dim, Dim);
    }

    private static double[] Widen<T>(Tensor<T> tensor)
        where T : unmanaged
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
