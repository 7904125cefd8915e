using System.Globalization;
using System.Numerics.Tensors;

namespace MoBA.Program;

/// <summary>How far a result is from the oracle's.</summary>
/// <param name="Max">Largest absolute difference; NaN where only one of the two is NaN counts as infinite.</param>
/// <param name="Mean">Mean absolute difference.</param>
internal readonly record struct ErrorStats(double Max, double Mean)
{
    /// <summary>Both numbers for people.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"max {Max:0.0e+00}, mean {Mean:0.0e+00}");

    /// <summary>Compares element by element; infinities of the same sign are equal, and so are NaNs.</summary>
    /// <param name="actual">[tokens, heads, ...].</param>
    /// <param name="expected">Of the same shape.</param>
    /// <param name="leaveOut">[tokens, heads]: rows that are not compared; null is none.</param>
    public static ErrorStats Of(Tensor<float> actual, Tensor<float> expected, bool[]? leaveOut = null)
    {
        float[] a = actual.ToFlat(), b = expected.ToFlat();
        int width = a.Length / Math.Max(1, leaveOut?.Length ?? 1);
        double max = 0, sum = 0;
        for (int i = 0; i < a.Length; i++)
        {
            if (leaveOut is not null && leaveOut[i / width])
            {
                continue;
            }

            double difference = a[i].Equals(b[i]) || a[i] == b[i] ? 0 : Math.Abs((double)a[i] - b[i]);
            difference = double.IsNaN(difference) ? double.PositiveInfinity : difference;
            max = Math.Max(max, difference);
            sum += difference;
        }

        return new(max, a.Length == 0 ? 0 : sum / a.Length);
    }
}
