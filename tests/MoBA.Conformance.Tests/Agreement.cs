using System.Numerics.Tensors;
using MoBA.Runtime;
using Xunit;

namespace MoBA.Conformance.Tests;

/// <summary>Runs a case on an engine and compares it with the reference.</summary>
internal static class Agreement
{
    // Scores of standard normal rows are standard normal after scaling. In float a dot product of 256 products is off by about
    // 3e-7, its exp2 by 1e-7 of its value, and the sums of up to 1023 weights, tile by tile, by a few 1e-7; values reach 5. The
    // sum of all is below 5e-6 (2.5e-6 was seen); twice that is the bound.
    private const double Bound = 1e-5;
    private const double LargestValue = 5;

    // By how much of the gates' size a block that was left out may beat one that was chosen: float sums, and centroids of 16 bits
    // that are rounded to the other neighbour.
    private const double RouteDeficit = 1e-5, ShortRouteDeficit = 1e-2;

    // Distance of neighbouring floats, relative to their size.
    private static readonly double _spacing = Math.ScaleB(1, -23);

    // Unit roundoff of the outputs: 24, 11 and 8 bits.
    private static double Rounding(Element element) => element switch
    {
        Element.Single => 0,
        Element.Half => 1.0 / (1 << 11),
        _ => 1.0 / (1 << 8),
    };

    /// <summary>Every output and every log-sum-exp agrees.</summary>
    public static void Check(AttentionEngine engine, AttentionCase at) => Check(engine, at, at.Expert, at.Expert);

    /// <summary>What the engine makes of <paramref name="computed"/> is what <paramref name="expert"/> means.</summary>
    public static void Check(AttentionEngine engine, AttentionCase at, ISparseExpert expert, ISparseExpert computed)
    {
        switch (at.Element)
        {
            case Element.Single:
                Check<float>(engine, at, expert, computed);
                break;
            case Element.Half:
                Check<Half>(engine, at, expert, computed);
                break;
            default:
                Check<BFloat16>(engine, at, expert, computed);
                break;
        }
    }

    private static void Check<T>(AttentionEngine engine, AttentionCase at, ISparseExpert expert, ISparseExpert computed)
        where T : unmanaged
    {
        Tensor<T> q = Normal<T>(1, at.QueryLengths.Sum(), at.QueryHeads, at.Dim);
        Tensor<T> k = Normal<T>(2, at.Keys, at.KeyHeads, at.Dim);
        Tensor<T> v = Normal<T>(3, at.Keys, at.KeyHeads, at.Dim);
        AttentionResult<T> actual = engine.Attend(computed, q, k, v, at.Options with { ReturnRoutes = true });
        AttentionResult<float> expected = Expected(expert, actual.Routes, q, k, v, at.Options);

        Assert.Equal(q.Lengths.ToArray(), actual.Output.Lengths.ToArray());
        float[] lse = Floats(expected.Lse!);
        Compare("lse", lse, Floats(actual.Lse!), 1, row => Bound + (_spacing * Math.Abs(lse[row])), 0);

        // A modifier rounds the score to float: where scores are large, a weight is off by their spacing.
        double modified = expert.Info.ScoreModifier is null ? 0 : _spacing * LargestValue;
        Compare(
            "output", Floats(expected.Output), Floats(actual.Output), at.Dim,
            row => Bound + (float.IsFinite(lse[row]) ? modified * Math.Abs(lse[row]) : 0), Rounding(at.Element));
    }

    /// <summary>What the reference makes of the routes that the engine chose, which may differ from its own by near ties only.</summary>
    private static AttentionResult<float> Expected<T>(
        ISparseExpert expert, Tensor<int>? routes, Tensor<T> q, Tensor<T> k, Tensor<T> v, AttentionOptions options)
        where T : unmanaged
    {
        Assert.Equal(expert.Gate is null, routes is null);
        if (routes is null)
            return ReferenceAttention.Attend(expert, q, k, v, options);

        RouteGap gap = ReferenceAttention.CompareRoutes(expert, routes, q, k, options);
        Assert.Null(gap.Fault);
        Assert.InRange(gap.Deficit, 0, typeof(T) == typeof(float) ? RouteDeficit : ShortRouteDeficit);
        return ReferenceAttention.Attend(expert, routes, q, k, v, options);
    }

    /// <summary>Differences stay within the bound of their row and a relative part; empty rows are exactly empty.</summary>
    private static void Compare(string what, float[] expected, float[] actual, int width, Func<int, double> bound, double relative)
    {
        for (int i = 0; i < expected.Length; i++)
        {
            double allowed = bound(i / width) + (relative * Math.Abs((double)expected[i]));
            bool agrees = expected[i] == actual[i] || Math.Abs((double)expected[i] - actual[i]) <= allowed;
            Assert.True(agrees, $"{what} of row {i / width} (query token x query heads + head), component {i % width}: {expected[i]:R} is wanted within {allowed:R}, {actual[i]:R} was computed");
        }
    }

    private static Tensor<T> Normal<T>(int seed, int tokens, int heads, int dim)
    {
        Random random = new(seed);
        T[] values = new T[tokens * heads * dim];
        for (int i = 0; i < values.Length; i++)
        {
            double normal = Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
            values[i] = Round<T>((float)normal);
        }

        return Tensor.Create(values, [tokens, heads, dim]);
    }

    private static T Round<T>(float value) => (T)(object)(
        typeof(T) == typeof(float) ? value
        : typeof(T) == typeof(Half) ? (Half)value
        : (object)(BFloat16)value);

    private static float[] Floats<T>(Tensor<T> tensor)
    {
        T[] values = new T[tensor.FlattenedLength];
        tensor.FlattenTo(values);
        return values switch
        {
            float[] singles => singles,
            Half[] halves => Array.ConvertAll(halves, x => (float)x),
            BFloat16[] shorts => Array.ConvertAll(shorts, x => (float)x),
            _ => throw new NotSupportedException($"tensors of {typeof(T)}"),
        };
    }
}
