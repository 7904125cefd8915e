using MoBA.Gpu.Tests.Gpu;
using MoBA.Runtime;

namespace MoBA.Gpu.Tests.Offline;

/// <summary>Attention by routes as the passes have it, row by row on the host: a row's own block with what it always attends, and every routed
/// block, come to outputs that are rounded to the element type, as weights are; and their sum by log-sum-exps is rounded again.</summary>
internal static class RoundedParts
{
    /// <summary>The outcome of a call.</summary>
    public static GpuOutcome Attend(AttentionInputs inputs, ISparseExpert expert, BlockRoutes routes)
    {
        ushort[] output = new ushort[inputs.QBits.Length];
        float[] lse = new float[inputs.QueryTokens * inputs.QueryHeads];
        foreach (PlacedSequence sequence in inputs.Sequences)
        {
            Parallel.For(0, sequence.At.Queries * inputs.QueryHeads, i =>
            {
                (int query, int head) = Math.DivRem(i, inputs.QueryHeads);
                int row = ((sequence.FirstQuery + query) * inputs.QueryHeads) + head;
                (double[] sum, double logSum) = Row(inputs, expert, sequence, routes.Of(sequence.FirstQuery + query, head, inputs.QueryHeads), query, head);
                lse[row] = (float)logSum;
                for (int d = 0; d < sum.Length; d++)
                    output[(row * inputs.Dim) + d] = Bits.Of((float)sum[d], inputs.Case.Element);
            });
        }

        return new(output, lse, null, routes);
    }

    private static (double[] Sum, double Lse) Row(
        AttentionInputs inputs, ISparseExpert expert, PlacedSequence sequence, ReadOnlySpan<int> blocks, int query, int head)
    {
        int position = sequence.At.Start + query, size = expert.Gate!.BlockSize, own = blocks[0];
        List<(double[] Output, double Lse)> parts = [];
        foreach (int block in blocks[1..])
        {
            if (block >= 0)
                parts.Add(Part(inputs, sequence, query, head, Keys().Where(key => key / size == block && !expert.Always(position, key, head))));
        }

        parts.Add(Part(inputs, sequence, query, head, Keys().Where(key => key / size == own || expert.Always(position, key, head))));
        double max = parts.Max(part => part.Lse), total = parts.Sum(part => max == double.NegativeInfinity ? 0 : Math.Exp(part.Lse - max));
        double[] sum = new double[inputs.Dim];
        for (int d = 0; d < sum.Length && total > 0; d++)
            sum[d] = parts.Sum(part => Math.Exp(part.Lse - max) / total * part.Output[d]);
        return (sum, total > 0 ? max + Math.Log(total) : double.NegativeInfinity);

        IEnumerable<int> Keys() => Enumerable.Range(0, sequence.At.Keys).Where(key => expert.Attends(position, key, head));
    }

    private static (double[] Output, double Lse) Part(AttentionInputs inputs, PlacedSequence sequence, int query, int head, IEnumerable<int> keys)
    {
        int keyHead = head / (inputs.QueryHeads / inputs.KeyHeads), dim = inputs.Dim;
        int queryRow = (((sequence.FirstQuery + query) * inputs.QueryHeads) + head) * dim;
        (int Row, double Score)[] scores = [.. keys.Select(key =>
        {
            int row = (((sequence.FirstKey + key) * inputs.KeyHeads) + keyHead) * dim;
            double score = 0;
            for (int d = 0; d < dim; d++)
                score += (double)inputs.Q[queryRow + d] * inputs.K[row + d];
            return (row, score * inputs.Scale);
        })];
        double[] output = new double[dim];
        if (scores.Length == 0)
            return (output, double.NegativeInfinity);
        double max = scores.Max(one => one.Score), sum = scores.Sum(one => Math.Exp(one.Score - max));
        foreach ((int row, double score) in scores)
        {
            double weight = Round((float)Math.Exp(score - max));
            for (int d = 0; d < dim; d++)
                output[d] += weight * inputs.V[row + d];
        }

        return (Array.ConvertAll(output, value => (double)Round((float)(value / sum))), max + Math.Log(sum));

        float Round(float value) => Bits.ToFloat(Bits.Of(value, inputs.Case.Element), inputs.Case.Element);
    }
}
