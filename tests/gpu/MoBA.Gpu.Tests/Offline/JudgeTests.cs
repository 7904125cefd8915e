using MoBA.Conformance.Tests;
using MoBA.Gpu.Tests.Reference;
using MoBA.Patterns;
using Xunit;

namespace MoBA.Gpu.Tests.Offline;

/// <summary>What is right passes, and what is wrong does not, by a line that says where.</summary>
[Trait("Category", "Offline")]
public sealed class JudgeTests
{
    private static readonly AttentionCase _case = new(nameof(SlidingWindow), 1, 70, false, Placement.Prefill, 2, 1, 16, Element.BFloat16);
    private static readonly AttentionInputs _inputs = AttentionInputs.Normal(_case);
    private static readonly Lazy<ReferenceResult> _wanted = new(() => Attend(new() { Window = 5 }));

    [Fact]
    public void Honest_low_precision_passes()
    {
        Assert.Null(Judge.Fault(_inputs, _wanted.Value, Rounded(_wanted.Value.Rounded), _wanted.Value.Lse));
        Assert.Null(Judge.Fault(_inputs, _wanted.Value, Rounded(_wanted.Value.Output), _wanted.Value.Lse));
    }

    [Fact]
    public void One_key_more_fails()
    {
        ReferenceResult other = Attend(new() { Window = 6 });
        Assert.Contains("lse max error", Judge.Fault(_inputs, _wanted.Value, Rounded(other.Output), other.Lse), StringComparison.Ordinal);
        string? fault = Judge.Fault(_inputs, _wanted.Value, Rounded(other.Output), _wanted.Value.Lse);
        Assert.Contains("first bad [token 5, head 0] (sequence 0, query 5 of 70, position 5 of 70 keys)", fault, StringComparison.Ordinal);
    }

    [Fact]
    public void A_bias_within_the_largest_error_fails_by_the_mean()
    {
        double worst = _wanted.Value.Output.Zip(_wanted.Value.Rounded, (x, y) => Math.Abs(x - y)).Max();
        ushort[] biased = [.. _wanted.Value.Output.Select(value => Bits.Of(value + (float)(worst * 1.2), Element.BFloat16))];
        Assert.Contains("mean", Judge.Fault(_inputs, _wanted.Value, biased, _wanted.Value.Lse), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(1.5f, 0.5f, true)]
    [InlineData(1.5f, 1f, false)]
    [InlineData(1.5f, 1.5f, false)]
    [InlineData(-0.75f, 0.5f, true)]
    [InlineData(-0.75f, 1.5f, false)]
    public void Half_a_spacing_of_the_largest_value_is_allowed_and_no_more(float largest, float spacings, bool passes)
    {
        // Honest low precision is exact here, and a single element is off, too little for the mean.
        float spacing = Math.Abs(largest) >= 1 ? 1 / 128f : 1 / 256f;
        float[] exact = new float[_wanted.Value.Output.Length], actual = [.. exact];
        (exact[100], actual[100]) = (largest + (spacings * spacing), largest);
        Assert.True(spacings * spacing / exact.Length < 1e-5, "The mean is to be allowed.");
        ReferenceResult wanted = new(exact, exact, _wanted.Value.Lse);
        string? fault = Judge.Fault(_inputs, wanted, Rounded(actual), wanted.Lse);
        Assert.Equal(passes, fault is null);
        if (fault is not null)
            Assert.Contains("first bad [token 3, head 0]", fault, StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_not_a_number_or_not_written_fails()
    {
        ushort[] output = Rounded(_wanted.Value.Output);
        output[100] = 0x7FFF;
        Assert.Contains("max error", Judge.Fault(_inputs, _wanted.Value, output, _wanted.Value.Lse), StringComparison.Ordinal);
        output[100] = Bits.Poison(Element.BFloat16);
        Assert.StartsWith("output not written at [token 3, head 0]", Judge.Fault(_inputs, _wanted.Value, output, _wanted.Value.Lse), StringComparison.Ordinal);
        float[] lse = [.. _wanted.Value.Lse];
        lse[3] = Bits.LsePoison;
        Assert.StartsWith("lse not written at [token 1, head 1]", Judge.Fault(_inputs, _wanted.Value, Rounded(_wanted.Value.Output), lse), StringComparison.Ordinal);
    }

    [Fact]
    public void A_row_without_keys_must_be_empty()
    {
        ReferenceResult nothing = Attend(new() { Window = 0 });
        Assert.All(nothing.Lse, value => Assert.Equal(float.NegativeInfinity, value));
        ushort[] output = new ushort[nothing.Output.Length];
        Assert.Null(Judge.Fault(_inputs, nothing, output, nothing.Lse));
        output[20] = Bits.Of(1e-3f, Element.BFloat16);
        Assert.Contains("instead of 0", Judge.Fault(_inputs, nothing, output, nothing.Lse), StringComparison.Ordinal);
        Assert.Contains("instead of -infinity", Judge.Fault(_inputs, nothing, new ushort[output.Length], new float[nothing.Lse.Length]), StringComparison.Ordinal);
    }

    private static ReferenceResult Attend(SlidingWindow expert)
    {
        using ReferenceDevice device = ReferenceDevice.Cpu();
        return device.Attend(_inputs, expert, expert);
    }

    private static ushort[] Rounded(float[] values) => Array.ConvertAll(values, value => Bits.Of(value, Element.BFloat16));
}
