using System.Globalization;
using MoBA.Gpu.Tests.Reference;

namespace MoBA.Gpu.Tests;

/// <summary>
/// Whether an outcome is attention. As flash-attention's own tests have it, the largest error may be twice that of honest low precision, which
/// rounds weights and outputs to the element type, and half the spacing of elements at the largest output: where no output of honest low
/// precision happens to fall near the middle of two elements, another's may. The mean error may be twice its mean, and is the sharper of the two.
/// </summary>
internal static class Judge
{
    private const double Times = 2, Slack = 1e-5, LseBound = 1e-3;

    /// <summary>What is wrong, in one line; null where nothing is.</summary>
    /// <param name="inputs">The call.</param>
    /// <param name="wanted">What it should come to.</param>
    /// <param name="output">What was computed, dense [query tokens, query heads, dim].</param>
    /// <param name="lse">Its log-sum-exp, [query tokens, query heads].</param>
    public static string? Fault(AttentionInputs inputs, ReferenceResult wanted, ushort[] output, float[] lse)
    {
        if (output.Length != wanted.Output.Length || lse.Length != wanted.Lse.Length)
            return $"sizes differ: output {output.Length} of {wanted.Output.Length}, lse {lse.Length} of {wanted.Lse.Length}";
        float[] actual = Bits.ToFloats(output, inputs.Case.Element);
        return Unwritten(inputs, output, lse) ?? EmptyRows(inputs, wanted, actual, lse) ?? Sums(inputs, wanted, lse) ?? Outputs(inputs, wanted, actual);
    }

    private static string? Unwritten(AttentionInputs inputs, ushort[] output, float[] lse)
    {
        int at = output.AsSpan().IndexOf(Bits.Poison(inputs.Case.Element));
        if (at >= 0)
            return $"output not written at {Place(inputs, at)}";
        at = Array.FindIndex(lse, value => BitConverter.SingleToInt32Bits(value) == BitConverter.SingleToInt32Bits(Bits.LsePoison));
        return at < 0 ? null : $"lse not written at {Row(inputs, at)}";
    }

    private static string? EmptyRows(AttentionInputs inputs, ReferenceResult wanted, float[] actual, float[] lse)
    {
        for (int row = 0; row < lse.Length; row++)
        {
            if (!float.IsNegativeInfinity(wanted.Lse[row]))
                continue;
            if (!float.IsNegativeInfinity(lse[row]))
                return $"lse {Number(lse[row])} instead of -infinity at {Row(inputs, row)}, which sees no key";
            int at = actual.AsSpan(row * inputs.Dim, inputs.Dim).IndexOfAnyExcept(0f);
            if (at >= 0)
                return $"output {Number(actual[(row * inputs.Dim) + at])} instead of 0 at {Place(inputs, (row * inputs.Dim) + at)}, which sees no key";
        }

        return null;
    }

    private static string? Sums(AttentionInputs inputs, ReferenceResult wanted, float[] lse)
    {
        (double worst, int first) = (0, -1);
        for (int row = 0; row < lse.Length; row++)
        {
            if (wanted.Lse[row] == lse[row])
                continue;
            double error = Error(wanted.Lse[row], lse[row]);
            worst = Math.Max(worst, error);
            if (first < 0 && error > LseBound)
                first = row;
        }

        return first < 0 ? null
            : $"lse max error {Number(worst)}, allowed {Number(LseBound)}, first bad {Row(inputs, first)}: {Number(lse[first])} instead of {Number(wanted.Lse[first])}";
    }

    private static string? Outputs(AttentionInputs inputs, ReferenceResult wanted, float[] actual)
    {
        double worst = 0, sum = 0, worstRounded = 0, sumRounded = 0;
        float largest = 0;
        for (int i = 0; i < actual.Length; i++)
        {
            double error = Error(wanted.Output[i], actual[i]), rounded = Math.Abs((double)wanted.Output[i] - wanted.Rounded[i]);
            (worst, sum) = (Math.Max(worst, error), sum + error);
            (worstRounded, sumRounded) = (Math.Max(worstRounded, rounded), sumRounded + rounded);
            largest = Math.Max(largest, Math.Abs(wanted.Output[i]));
        }

        double allowed = (Times * worstRounded) + (Bits.Spacing(largest, inputs.Case.Element) / 2) + Slack;
        double mean = sum / Math.Max(1, actual.Length), allowedMean = (Times * sumRounded / Math.Max(1, actual.Length)) + Slack;
        if (worst <= allowed && mean <= allowedMean)
            return null;
        int first = First(wanted, actual, worst <= allowed ? worst * 0.99 : allowed);
        return $"max error {Number(worst)}, allowed {Number(allowed)}, mean {Number(mean)}, allowed {Number(allowedMean)}, first bad {Place(inputs, first)}: "
            + $"{Number(actual[first])} instead of {Number(wanted.Output[first])}";
    }

    private static int First(ReferenceResult wanted, float[] actual, double bound)
    {
        for (int i = 0; i < actual.Length; i++)
        {
            if (Error(wanted.Output[i], actual[i]) > bound)
                return i;
        }

        return 0;
    }

    // NaN is as wrong as can be.
    private static double Error(float wanted, float actual)
    {
        double error = Math.Abs((double)wanted - actual);
        return double.IsNaN(error) ? double.PositiveInfinity : error;
    }

    private static string Place(AttentionInputs inputs, int at) => $"{Row(inputs, at / inputs.Dim)} component {at % inputs.Dim}";

    private static string Row(AttentionInputs inputs, int row)
    {
        int token = row / inputs.QueryHeads, sequence = 0;
        while (sequence + 1 < inputs.Sequences.Count && inputs.Sequences[sequence + 1].FirstQuery <= token)
            sequence++;
        PlacedSequence placed = inputs.Sequences[sequence];
        int query = token - placed.FirstQuery;
        return $"[token {token}, head {row % inputs.QueryHeads}] (sequence {sequence}, query {query} of {placed.At.Queries}, position {placed.At.Start + query} of {placed.At.Keys} keys)";
    }

    private static string Number(double value) => value.ToString("G4", CultureInfo.InvariantCulture);
}
