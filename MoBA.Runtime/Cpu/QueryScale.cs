using System.Numerics.Tensors;

namespace MoBA.Runtime.Cpu;

/// <summary>Reads queries and multiplies them by the factor of the scores.</summary>
internal readonly struct QueryScale(AttentionProblem problem, PackedKeys packed, bool naturalScores)
{
    private const float Log2E = 1.44269504088896341f;

    // Powers of two: the exponential is then cheapest, and a score modifier still sees natural scores.
    private readonly double _scale = (double)problem.Scale * (naturalScores ? 1 : Log2E);

    /// <summary>The scaled query of one token and head. Where a score could leave the range of float, it is divided by a power of
    /// two, which is returned, and <paramref name="careful"/> is set.</summary>
    public int Read(int token, int head, Span<float> q, ref bool careful)
    {
        problem.Q.ReadRow(token, head, q);
        float largest = Magnitude.Largest(q, out _);
        double scaled = largest * Math.Abs(_scale);
        double bound = Math.Max(scaled, scaled * packed.LargestKey * q.Length);
        if (bound <= Magnitude.Comfort && Math.Abs(_scale) <= Magnitude.Comfort)
        {
            TensorPrimitives.Multiply(q, (float)_scale, q);
            return 0;
        }

        careful = true;
        int exponent = Magnitude.Excess(bound);
        for (int i = 0; i < q.Length; i++)
            q[i] = (float)Math.ScaleB(q[i] * _scale, -exponent);
        return exponent;
    }
}
