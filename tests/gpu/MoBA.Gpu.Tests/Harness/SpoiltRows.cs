using MoBA.Gpu.Tests.Gpu;
using MoBA.Gpu.Tests.Reference;

namespace MoBA.Gpu.Tests;

/// <summary>Whether a NaN or an infinity reached the rows that attend it, and no other.</summary>
internal static class SpoiltRows
{
    /// <summary>What is wrong, in one line; null where nothing is. Log-sum-exps of rows that do not attend the bad number are the same bits.</summary>
    /// <param name="inputs">The call, without the bad number.</param>
    /// <param name="wanted">What it should come to.</param>
    /// <param name="clean">What it came to.</param>
    /// <param name="actual">What came of it with the bad number.</param>
    /// <param name="isSpoilt">Whether a row attends the bad number, and must hold no finite one.</param>
    /// <param name="isRedone">Whether a row that does not may have been done again, in other arithmetic: it must be as right as the
    /// clean outcome is, and every other row the same bits.</param>
    public static string? Fault(
        AttentionInputs inputs, ReferenceResult wanted, GpuOutcome clean, GpuOutcome actual, Func<int, bool> isSpoilt, Func<int, bool> isRedone)
    {
        if (actual.Damage is not null)
            return actual.Damage;

        // What is judged: where nothing is left to be judged, the clean outcome stands in.
        ushort[] output = [.. actual.Output];
        float[] lse = [.. actual.Lse];
        for (int row = 0; row < lse.Length; row++)
        {
            if (isSpoilt(row))
            {
                if (FirstFinite(inputs, actual, row) is var finite && finite >= 0)
                    return $"{Name(inputs, row)}, which attends it, has a finite component {finite}: {Number(inputs, actual, row, finite)}";
                clean.Output.AsSpan(row * inputs.Dim, inputs.Dim).CopyTo(output.AsSpan(row * inputs.Dim));
                lse[row] = clean.Lse[row];
            }
            else if (Change(inputs, clean, actual, row, isRedone(row)) is { } change)
            {
                return $"{Name(inputs, row)}, which does not attend it, changed at {change}";
            }
        }

        return Judge.Fault(inputs, wanted, output, lse);
    }

    private static int FirstFinite(AttentionInputs inputs, GpuOutcome outcome, int row) =>
        Array.FindIndex(Bits.ToFloats(outcome.Output.AsSpan(row * inputs.Dim, inputs.Dim), inputs.Case.Element), float.IsFinite);

    private static string? Change(AttentionInputs inputs, GpuOutcome clean, GpuOutcome actual, int row, bool isRedone)
    {
        if (BitConverter.SingleToInt32Bits(clean.Lse[row]) != BitConverter.SingleToInt32Bits(actual.Lse[row]))
            return $"lse: {clean.Lse[row]} became {actual.Lse[row]}";
        int component = clean.Output.AsSpan(row * inputs.Dim, inputs.Dim).CommonPrefixLength(actual.Output.AsSpan(row * inputs.Dim, inputs.Dim));
        return isRedone || component == inputs.Dim
            ? null
            : $"component {component}: {Number(inputs, clean, row, component)} became {Number(inputs, actual, row, component)}";
    }

    private static string Name(AttentionInputs inputs, int row) => $"[token {row / inputs.QueryHeads}, head {row % inputs.QueryHeads}]";

    private static float Number(AttentionInputs inputs, GpuOutcome outcome, int row, int component) =>
        Bits.ToFloat(outcome.Output[(row * inputs.Dim) + component], inputs.Case.Element);
}
