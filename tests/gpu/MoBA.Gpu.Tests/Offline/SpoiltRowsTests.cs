using MoBA.Conformance.Tests;
using MoBA.Gpu.Tests.Gpu;
using MoBA.Gpu.Tests.Reference;
using MoBA.Patterns;
using Xunit;

namespace MoBA.Gpu.Tests.Offline;

/// <summary>What a bad number may do to outcomes passes, and what it may not does not.</summary>
[Trait("Category", "Offline")]
public sealed class SpoiltRowsTests
{
    private const int Spoilt = 10, Redone = 11, Other = 12, Dim = 16;

    private static readonly AttentionCase _case = new(nameof(Causal), 0, 70, false, Placement.Prefill, 2, 1, Dim, Element.BFloat16);
    private static readonly AttentionInputs _inputs = AttentionInputs.Normal(_case);
    private static readonly Lazy<ReferenceResult> _wanted = new(Attend);

    [Fact]
    public void A_spoilt_row_of_no_number_and_a_redone_one_of_other_bits_pass()
    {
        GpuOutcome actual = Outcome(Spoilt, float.NaN);
        int at = LargestOf(Redone);
        actual.Output[at]++;
        Assert.Null(Fault(actual));
        actual.Lse[Spoilt] = float.NaN;
        Assert.Null(Fault(actual));
    }

    [Fact]
    public void A_finite_number_in_a_spoilt_row_fails()
    {
        GpuOutcome actual = Outcome(Spoilt, float.PositiveInfinity);
        actual.Output[(Spoilt * Dim) + 3] = 0;
        Assert.StartsWith("[token 5, head 0], which attends it, has a finite component 3: 0", Fault(actual), StringComparison.Ordinal);
    }

    [Fact]
    public void Another_bit_in_a_row_that_is_not_redone_fails()
    {
        GpuOutcome actual = Outcome(Spoilt, float.NaN);
        actual.Output[(Other * Dim) + 7] ^= 1;
        Assert.StartsWith("[token 6, head 0], which does not attend it, changed at component 7", Fault(actual), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.NegativeInfinity)]
    [InlineData(0f)]
    public void A_redone_row_that_is_wrong_fails(float value)
    {
        GpuOutcome actual = Outcome(Spoilt, float.NaN);
        actual.Output[LargestOf(Redone)] = Bits.Of(value, Element.BFloat16);
        Assert.Contains("[token 5, head 1]", Fault(actual), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(Redone, "[token 5, head 1]")]
    [InlineData(Other, "[token 6, head 0]")]
    public void Another_log_sum_exp_fails(int row, string name)
    {
        GpuOutcome actual = Outcome(Spoilt, float.NaN);
        actual.Lse[row] = MathF.BitIncrement(actual.Lse[row]);
        Assert.StartsWith($"{name}, which does not attend it, changed at lse", Fault(actual), StringComparison.Ordinal);
    }

    private static string? Fault(GpuOutcome actual) =>
        SpoiltRows.Fault(_inputs, _wanted.Value, Outcome(Spoilt, null), actual, row => row == Spoilt, row => row == Redone);

    // The clean outcome with a row replaced.
    private static GpuOutcome Outcome(int row, float? value)
    {
        ushort[] output = Array.ConvertAll(_wanted.Value.Output, number => Bits.Of(number, Element.BFloat16));
        if (value is { } number)
            output.AsSpan(row * Dim, Dim).Fill(Bits.Of(number, Element.BFloat16));
        return new(output, [.. _wanted.Value.Lse], null);
    }

    private static int LargestOf(int row) =>
        Enumerable.Range(row * Dim, Dim).MaxBy(i => Math.Abs(_wanted.Value.Output[i]));

    private static ReferenceResult Attend()
    {
        using ReferenceDevice device = ReferenceDevice.Cpu();
        return device.Attend(_inputs, _case.Expert, "causal");
    }
}
