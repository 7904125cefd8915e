using ILGPU;
using ILGPU.Algorithms;

namespace MoBA.Gpu.Tests.Reference;

/// <summary>One sequence and a run of its query heads, as the reference kernels see them.</summary>
public readonly struct ReferenceShape
{
    /// <summary>First query token and first key token of the sequence in the tensors.</summary>
    public int FirstQuery { get; init; }

    /// <inheritdoc cref="FirstQuery"/>
    public int FirstKey { get; init; }

    /// <summary>Tokens of the sequence.</summary>
    public int Queries { get; init; }

    /// <inheritdoc cref="Queries"/>
    public int Keys { get; init; }

    /// <summary>First query head of the run.</summary>
    public int FirstHead { get; init; }

    /// <summary>Query heads and key heads of the tensors.</summary>
    public int QueryHeads { get; init; }

    /// <inheritdoc cref="QueryHeads"/>
    public int KeyHeads { get; init; }

    /// <summary>Components of a row.</summary>
    public int Dim { get; init; }

    /// <summary>Factor of the raw scores.</summary>
    public float Scale { get; init; }

    /// <summary>Whether the element type is bfloat16; else it is IEEE half.</summary>
    public int IsBFloat16 { get; init; }

    /// <summary>Start of a query's row in q and in the output.</summary>
    public long QueryRow(int query, int head) => (((long)(FirstQuery + query) * QueryHeads) + FirstHead + head) * Dim;

    /// <summary>Start of the row of a key, or its value, that query head <paramref name="head"/> of the run reads.</summary>
    public long KeyRow(int key, int head) => (((long)(FirstKey + key) * KeyHeads) + ((FirstHead + head) / (QueryHeads / KeyHeads))) * Dim;
}

/// <summary>
/// Attention one number a thread in float, from plain loops: nothing here is tiled, streamed or shared with the kernels that are
/// judged. Scores are [heads of the run, queries, keys].
/// </summary>
public static class ReferenceKernels
{
    /// <summary>Scaled scores, one a thread.</summary>
    public static void Scores(Index1D index, ReferenceShape shape, ArrayView<float> q, ArrayView<float> k, ArrayView<float> scores)
    {
        int key = index % shape.Keys, row = index / shape.Keys;
        int query = row % shape.Queries, head = row / shape.Queries;
        long left = shape.QueryRow(query, head), right = shape.KeyRow(key, head);
        float sum = 0;
        for (int d = 0; d < shape.Dim; d++)
            sum += q[left + d] * k[right + d];
        scores[index] = sum * shape.Scale;
    }

    /// <summary>Minus infinity where the predicate's bit is clear, one score a thread.</summary>
    /// <param name="index">The score.</param>
    /// <param name="shape">The sequence.</param>
    /// <param name="mask">Bits of the keys, a whole number of words a row: [mask heads, queries, words].</param>
    /// <param name="maskHeads">1, or the heads of the run where the predicate differs by head.</param>
    /// <param name="scores">The scores.</param>
    public static void Mask(Index1D index, ReferenceShape shape, ArrayView<uint> mask, int maskHeads, ArrayView<float> scores)
    {
        int key = index % shape.Keys, row = index / shape.Keys;
        int query = row % shape.Queries, head = row / shape.Queries % maskHeads;
        long words = (shape.Keys + 31) / 32;
        uint word = mask[(((long)head * shape.Queries) + query) * words + (key / 32)];
        if (((word >> (key % 32)) & 1u) == 0u)
            scores[index] = float.NegativeInfinity;
    }

    /// <summary>Scores become weights, and the log-sum-exp is written, one row a thread.</summary>
    public static void Normalise(Index1D index, ReferenceShape shape, ArrayView<float> scores, ArrayView<float> lse)
    {
        long first = (long)index.X * shape.Keys;
        float max = float.NegativeInfinity;
        for (int key = 0; key < shape.Keys; key++)
            max = XMath.Max(max, scores[first + key]);

        float sum = 0;
        for (int key = 0; key < shape.Keys; key++)
        {
            float weight = max == float.NegativeInfinity ? 0f : XMath.Exp(scores[first + key] - max);
            scores[first + key] = weight;
            sum += weight;
        }

        for (int key = 0; key < shape.Keys; key++)
            scores[first + key] = sum > 0f ? scores[first + key] / sum : 0f;

        int query = index % shape.Queries, head = index / shape.Queries;
        lse[((long)(shape.FirstQuery + query) * shape.QueryHeads) + shape.FirstHead + head] =
            sum > 0f ? max + XMath.Log(sum) : float.NegativeInfinity;
    }

    /// <summary>Weighted sums of the values, one component a thread: in float, and as low precision has it, with weights and result
    /// rounded to the element type.</summary>
    public static void Values(
        Index1D index, ReferenceShape shape, ArrayView<float> weights, ArrayView<float> v, ArrayView<float> exact, ArrayView<float> rounded)
    {
        int d = index % shape.Dim, row = index / shape.Dim;
        int query = row % shape.Queries, head = row / shape.Queries;
        long first = (long)row * shape.Keys;
        float sum = 0, low = 0;
        for (int key = 0; key < shape.Keys; key++)
        {
            float weight = weights[first + key];
            if (weight > 0f)
            {
                float value = v[shape.KeyRow(key, head) + d];
                sum += weight * value;
                low += Rounding.Round(weight, shape.IsBFloat16) * value;
            }
        }

        long place = shape.QueryRow(query, head) + d;
        exact[place] = sum;
        rounded[place] = Rounding.Round(low, shape.IsBFloat16);
    }
}
