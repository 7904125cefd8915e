using System.Numerics.Tensors;
using MoBA.Runtime;

namespace MoBA.Benchmarks;

/// <summary>Random inputs of one shape, and what attending them costs.</summary>
internal sealed class Problem
{
    /// <summary>Normally distributed q, k and v, [tokens, heads, dim].</summary>
    public Problem(int tokens, int heads, int dim)
    {
        (Tokens, Heads, Dim) = (tokens, heads, dim);
        Random random = new(1);
        (Q, K, V) = (Normal(random), Normal(random), Normal(random));
        Output = new float[Q.Length];
    }

    /// <summary>Tokens.</summary>
    public int Tokens { get; }

    /// <summary>Query heads, and key heads.</summary>
    public int Heads { get; }

    /// <summary>Components of a row.</summary>
    public int Dim { get; }

    /// <summary>Queries.</summary>
    public float[] Q { get; }

    /// <summary>Keys.</summary>
    public float[] K { get; }

    /// <summary>Values.</summary>
    public float[] V { get; }

    /// <summary>Output of the last run.</summary>
    public float[] Output { get; }

    /// <summary>Attends once, and says how long each pass took.</summary>
    public IReadOnlyList<PassTiming> Run(AttentionEngine engine, ISparseExpert expert) =>
        engine.Attend(expert, Tensor(Q), Tensor(K), Tensor(V), new(), Tensor(Output)).Timings;

    /// <summary>Useful floating-point operations: 4 * dim for every attended pair.</summary>
    public double Flops(long window)
    {
        double pairs = 0;
        for (long q = 0; q < Tokens; q++)
            pairs += Math.Min(q + 1, window);
        return pairs * 4 * Dim * Heads;
    }

    /// <summary>Largest difference between two outputs.</summary>
    public static double Difference(float[] a, float[] b)
    {
        double largest = 0;
        for (int i = 0; i < a.Length; i++)
            largest = Math.Max(largest, Math.Abs((double)a[i] - b[i]));
        return largest;
    }

    private Tensor<float> Tensor(float[] values) => System.Numerics.Tensors.Tensor.Create(values, [Tokens, Heads, Dim]);

    private float[] Normal(Random random)
    {
        float[] values = new float[(long)Tokens * Heads * Dim];
        for (int i = 0; i < values.Length; i++)
            values[i] = MathF.Sqrt(-2 * MathF.Log(1 - random.NextSingle())) * MathF.Cos(2 * MathF.PI * random.NextSingle());
        return values;
    }
}
