using MoBA.Conformance.Tests;
using MoBA.Gpu.Tests.Reference;

namespace MoBA.Gpu.Tests;

/// <summary>Rows of a call that is too long for the reference, each attended on the host in double: bfloat16, one sequence, a query at every key,
/// causal within given blocks.</summary>
/// <param name="Tokens">The query tokens; all heads of each.</param>
/// <param name="QueryHeads">Heads of q.</param>
/// <param name="KeyHeads">Heads of k and v.</param>
/// <param name="Dim">Components of a row.</param>
/// <param name="BlockSize">Keys in a block.</param>
internal sealed record SampledRows(int[] Tokens, int QueryHeads, int KeyHeads, int Dim, int BlockSize)
{
    /// <summary>Reads the row of a token and head.</summary>
    public delegate void Read(int token, int head, Span<float> row);

    /// <summary>What the rows are, for a judgement: token i is Tokens[i].</summary>
    public AttentionInputs Inputs => AttentionInputs.Of(
        new("sampled", 0, 0, false, Placement.Prefill, QueryHeads, KeyHeads, Dim, Element.BFloat16),
        null, [new ushort[Tokens.Length * QueryHeads * Dim], [], []], [Tokens.Length], [0]);

    /// <summary>What the rows should come to.</summary>
    /// <param name="q">Queries.</param>
    /// <param name="k">Keys.</param>
    /// <param name="v">Values.</param>
    /// <param name="routes">Blocks of token i of the sample and a query head; -1 is none.</param>
    public ReferenceResult Attend(Read q, Read k, Read v, BlockRoutes routes)
    {
        int rows = Tokens.Length * QueryHeads;
        ReferenceResult result = new(new float[rows * Dim], new float[rows * Dim], new float[rows]);
        Parallel.For(0, rows, row =>
        {
            (int sample, int head) = Math.DivRem(row, QueryHeads);
            int[] keys = [.. routes.Of(sample, head, QueryHeads).ToArray().Where(block => block >= 0)
                .SelectMany(block => Enumerable.Range(block * BlockSize, BlockSize)).Where(key => key <= Tokens[sample])];
            Attend(q, k, v, Tokens[sample], head, keys, result.Output.AsSpan(row * Dim, Dim), result.Rounded.AsSpan(row * Dim, Dim), out result.Lse[row]);
        });
        return result;
    }

    private void Attend(Read q, Read k, Read v, int token, int head, int[] keys, Span<float> output, Span<float> rounded, out float lse)
    {
        int keyHead = head / (QueryHeads / KeyHeads);
        float[] query = new float[Dim], row = new float[Dim];
        q(token, head, query);
        double[] scores = new double[keys.Length], exact = new double[Dim], low = new double[Dim];
        for (int i = 0; i < keys.Length; i++)
        {
            k(keys[i], keyHead, row);
            for (int d = 0; d < Dim; d++)
                scores[i] += (double)query[d] * row[d] / Math.Sqrt(Dim);
        }

        double max = scores.Max(), sum = scores.Sum(score => Math.Exp(score - max));
        for (int i = 0; i < keys.Length; i++)
        {
            v(keys[i], keyHead, row);
            double weight = Math.Exp(scores[i] - max) / sum, shorter = Round((float)weight);
            for (int d = 0; d < Dim; d++)
                (exact[d], low[d]) = (exact[d] + (weight * row[d]), low[d] + (shorter * row[d]));
        }

        lse = (float)(max + Math.Log(sum));
        for (int d = 0; d < Dim; d++)
            (output[d], rounded[d]) = ((float)exact[d], Round((float)low[d]));
    }

    private static float Round(float value) => Bits.ToFloat(Bits.Of(value, Element.BFloat16), Element.BFloat16);
}
