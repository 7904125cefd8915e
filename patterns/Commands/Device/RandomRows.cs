using System.Numerics.Tensors;

namespace MoBA.Program;

/// <summary>Random rows to attend, [tokens, heads, dim], the same on every machine.</summary>
internal static class RandomRows
{
    /// <summary>Part of a row that its successor keeps, where rows are correlated.</summary>
    private const float Kept = 0.998f;

    /// <summary>What every row has to itself beside that, as an amplitude.</summary>
    private const float Noise = 0.15f;

    /// <summary>Numbers with mean 0 and variance 1.</summary>
    public static Tensor<T> Normal<T>(int tokens, int heads, int dim, int seed, Func<float, T> from)
    {
        const int chunk = 1 << 16;
        T[] values = new T[(long)tokens * heads * dim];
        Parallel.For(0, (values.Length + chunk - 1) / chunk, i =>
        {
            var random = new Random((seed * 1_000_003) + i);
            Span<T> part = values.AsSpan(i * chunk, Math.Min(chunk, values.Length - (i * chunk)));
            for (int j = 0; j < part.Length; j += 2)
            {
                (float one, float other) = Pair(random);
                part[j] = from(one);
                if (j + 1 < part.Length)
                {
                    part[j + 1] = from(other);
                }
            }
        });
        return Tensor.Create(values, [tokens, heads, dim]);
    }

    /// <summary>Numbers with mean 0 and variance 1, alike from a token to the next as in a trained model: an autoregressive process over
    /// the tokens of a head, and noise. With such q and k, 128 neighbouring queries choose two to four times as many blocks as one.</summary>
    public static Tensor<T> Correlated<T>(int tokens, int heads, int dim, int seed, Func<float, T> from)
    {
        float fresh = MathF.Sqrt(1 - (Kept * Kept)), shared = MathF.Sqrt(1 - (Noise * Noise));
        T[] values = new T[(long)tokens * heads * dim];
        Parallel.For(0, heads, head =>
        {
            var random = new Random((seed * 1_000_003) + head);
            float[] state = new float[dim];
            for (int i = 0; i < dim; i++)
            {
                state[i] = Pair(random).One;
            }

            for (int token = 0; token < tokens; token++)
            {
                Span<T> row = values.AsSpan((((token * heads) + head) * dim)..)[..dim];
                for (int i = 0; i < dim; i++)
                {
                    (float one, float other) = Pair(random);
                    row[i] = from((shared * state[i]) + (Noise * one));
                    state[i] = (Kept * state[i]) + (fresh * other);
                }
            }
        });
        return Tensor.Create(values, [tokens, heads, dim]);
    }

    // Box and Muller.
    private static (float One, float Other) Pair(Random random)
    {
        float radius = MathF.Sqrt(-2 * MathF.Log(1 - random.NextSingle()));
        (float sin, float cos) = MathF.SinCos(2 * MathF.PI * random.NextSingle());
        return (radius * cos, radius * sin);
    }
}
