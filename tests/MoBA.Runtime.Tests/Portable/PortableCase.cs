using MoBA.Runtime.Portable;
using Xunit;

namespace MoBA.Runtime.Tests.Portable;

/// <summary>One random attention problem, run through a portable kernel and compared with the plain definition in double.</summary>
internal sealed class PortableCase
{
    private readonly PortableShape _shape;
    private readonly float[] _q, _k, _v;

    public PortableCase(int heads, int keyHeads, int dim, int[] sequences, int[]? keySequences = null, int? queryStart = null)
    {
        _shape = new(heads, keyHeads, dim, 1f / MathF.Sqrt(dim), sequences, keySequences ?? sequences, queryStart);
        var random = new Random(HashCode.Combine(heads, dim, sequences[^1]));
        _q = Normal(random, sequences[^1] * heads * dim);
        _k = Normal(random, _shape.KeySequences[^1] * keyHeads * dim);
        _v = Normal(random, _shape.KeySequences[^1] * keyHeads * dim);
    }

    public AttentionExtent Extent => _shape.Extent();

    /// <summary>Runs and compares.</summary>
    /// <param name="device">Where to run.</param>
    /// <param name="launch">What a generated expert's LaunchPortable does.</param>
    /// <param name="attends">The predicate over (q, k, head).</param>
    /// <param name="score">The score modifier over (score, q, k, head), or null.</param>
    public void Check(
        PortableDevice device, Action<PortableLaunch> launch, Func<int, int, int, bool> attends, Func<double, int, int, int, double>? score = null)
    {
        var o = new float[_q.Length];
        var lse = new float[_shape.Sequences[^1] * _shape.Heads];
        using (var call = new PortableCall(device, _shape, _q, _k, _v))
        {
            launch(call);
            call.Download(o, lse);
        }

        for (int sequence = 0; sequence < _shape.Sequences.Length - 1; sequence++)
        {
            for (int row = 0; row < _shape.Rows(sequence); row++)
            {
                for (int head = 0; head < _shape.Heads; head++)
                    CheckRow(sequence, row, head, o, lse, attends, score ?? ((s, _, _, _) => s));
            }
        }
    }

    private void CheckRow(
        int sequence, int row, int head, float[] o, float[] lse, Func<int, int, int, bool> attends, Func<double, int, int, int, double> score)
    {
        int dim = _shape.Dim, keys = _shape.Keys(sequence), q = _shape.FirstQuery(sequence) + row;
        int token = _shape.Sequences[sequence] + row, keyHead = head / (_shape.Heads / _shape.KeyHeads);
        int at = ((token * _shape.Heads) + head) * dim;
        int KeyAt(int key) => (((_shape.KeySequences[sequence] + key) * _shape.KeyHeads) + keyHead) * dim;

        var weights = new double[keys];
        double sum = 0;
        for (int key = 0; key < keys; key++)
        {
            if (!attends(q, key, head))
                continue;
            double dot = 0;
            for (int d = 0; d < dim; d++)
                dot += (double)_q[at + d] * _k[KeyAt(key) + d];
            sum += weights[key] = Math.Exp(score(dot * _shape.Scale, q, key, head));
        }

        string where = $"sequence {sequence}, row {row} (position {q}), head {head}";
        for (int d = 0; d < dim; d++)
        {
            double expected = 0;
            for (int key = 0; key < keys && sum > 0; key++)
                expected += weights[key] / sum * _v[KeyAt(key) + d];
            Assert.True(Math.Abs(expected - o[at + d]) < 2e-5, $"{where}, element {d}: {o[at + d]} instead of {expected}");
        }

        float actual = lse[(token * _shape.Heads) + head];
        Assert.True(
            sum > 0 ? Math.Abs(Math.Log(sum) - actual) < 2e-5 : float.IsNegativeInfinity(actual),
            $"{where}: lse {actual} instead of {Math.Log(sum)}");
    }

    private static float[] Normal(Random random, int count) => Enumerable.Range(0, count)
        .Select(_ => (float)(Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble())))
        .ToArray();
}
