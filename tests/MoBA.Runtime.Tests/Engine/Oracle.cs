using System.Numerics.Tensors;

namespace MoBA.Runtime.Tests;

/// <summary>Attention by its definition, in double precision, one pair after another.</summary>
internal static class Oracle
{
    /// <summary>Output [query tokens, query heads, dim] and log-sum-exp [query tokens, query heads], both flat.</summary>
    public static (double[] Output, double[] Lse) Attend<T>(ISparseExpert expert, Tensor<T> q, Tensor<T> k, Tensor<T> v, AttentionOptions options)
    {
        (int tokens, int heads, int dim) = ((int)q.Lengths[0], (int)q.Lengths[1], (int)q.Lengths[2]);
        (float[] queries, float[] keys, float[] values) = (Inputs.Floats(q), Inputs.Floats(k), Inputs.Floats(v));
        int keyHeads = (int)k.Lengths[1];
        double scale = options.Scale ?? 1 / Math.Sqrt(dim);
        int[] offsets = options.Sequences ?? [0, tokens];
        int[] keyOffsets = options.KeySequences ?? options.Sequences ?? [0, (int)k.Lengths[0]];
        double[] output = new double[tokens * heads * dim];
        double[] lse = new double[tokens * heads];
        for (int s = 0; s + 1 < offsets.Length; s++)
        {
            int count = offsets[s + 1] - offsets[s];
            int keyCount = keyOffsets[s + 1] - keyOffsets[s];
            int start = options.QueryStart ?? keyCount - count;
            for (int row = 0; row < count * heads; row++)
            {
                (int i, int head) = (row / heads, row % heads);
                int token = offsets[s] + i;
                int keyHead = head / (heads / keyHeads);
                ReadOnlySpan<float> query = queries.AsSpan((token * heads + head) * dim, dim);
                double[] scores = new double[keyCount];
                for (int key = 0; key < keyCount; key++)
                {
                    double dot = Dot(query, keys.AsSpan(((keyOffsets[s] + key) * keyHeads + keyHead) * dim, dim));
                    scores[key] = expert.Attends(start + i, key, head)
                        ? Modified(expert, dot * scale, start + i, key, head, heads)
                        : double.NegativeInfinity;
                }

                double max = scores.DefaultIfEmpty(double.NegativeInfinity).Max();
                double sum = max == double.NegativeInfinity ? 0 : scores.Sum(x => Math.Exp(x - max));
                lse[token * heads + head] = sum == 0 ? double.NegativeInfinity : max + Math.Log(sum);
                for (int key = 0; key < keyCount && sum != 0; key++)
                {
                    double p = Math.Exp(scores[key] - max) / sum;
                    for (int c = 0; c < dim && p != 0; c++)
                        output[(token * heads + head) * dim + c] += p * values[((keyOffsets[s] + key) * keyHeads + keyHead) * dim + c];
                }
            }
        }

        return (output, lse);
    }

    // Only a modifier rounds the score to float.
    private static double Modified(ISparseExpert expert, double score, int q, int k, int head, int heads)
    {
        float modified = expert.Score((float)score, q, k, head, heads);
        return modified == (float)score ? score : modified;
    }

    private static double Dot(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        double sum = 0;
        for (int i = 0; i < a.Length; i++)
            sum += (double)a[i] * b[i];
        return sum;
    }
}
