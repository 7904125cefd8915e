using System.Numerics.Tensors;
using MoBA.Runtime.Portable;
using MoBA.Runtime.Tests.Portable;
using MoBA.Runtime.Tests.Portable.Samples;
using Xunit;

namespace MoBA.Runtime.Tests;

/// <summary>Finite inputs never give NaN, however large they are.</summary>
public sealed class HugeNumbersTests(PortableKernelTests.CpuDevice fixture) : IClassFixture<PortableKernelTests.CpuDevice>
{
    private const int Tokens = 70, Heads = 2, Dim = 16;

    // Scores are held at 1e38 in powers of two, so a log-sum-exp is at most this.
    private const double Most = 1e38 * 0.6931471;

    /// <summary>Magnitudes of q, k and v, and the scale.</summary>
    public static TheoryData<float, float, float, float> Magnitudes => new()
    {
        { 1, 1, 1, 0.25f },
        { 1e18f, 1e18f, 1, 0.25f },
        { 1e20f, 1e20f, 1, 1e-38f },
        { 1e30f, 1e8f, 1, 1e-38f },
        { 1e8f, 1e30f, 1e30f, 1e-38f },
        { 1e20f, 1e-20f, 1, 0.25f },
        { 1e-20f, 1e-18f, 1, 3e38f },
        { 1, 1e-38f, 1, 3e38f },
        { 1e37f, 1e-37f, 1, 0.25f },
        { 1, 1, 1e38f, 0.25f },
        { 1e20f, 1e17f, 1e38f, 0.25f },
    };

    [Theory]
    [MemberData(nameof(Magnitudes))]
    public void LargeNumbersAgreeWithTheDefinition(float q, float k, float v, float scale)
    {
        Tensor<float>[] inputs = [Random(1, q), Random(2, k), Random(3, v)];
        AttentionOptions options = new() { Scale = scale, ReturnLse = true };
        AttentionResult<float> expected = ReferenceAttention.Attend(new Causal(), inputs[0], inputs[1], inputs[2], options);
        foreach (AttentionResult<float> actual in Everywhere(inputs, options))
        {
            Same(Inputs.Floats(expected.Output), Inputs.Floats(actual.Output), v, 3e-5);
            Same(Inputs.Floats(expected.Lse!), Inputs.Floats(actual.Lse!), 1, 3e-5);
        }
    }

    [Theory]
    [InlineData(1e20f, 1e20f, 1, null)]
    [InlineData(1e30f, 1e30f, 1e30f, null)]
    [InlineData(float.MaxValue, float.MaxValue, float.MaxValue, null)]
    [InlineData(float.MaxValue, float.MaxValue, float.MaxValue, 3e38f)]
    [InlineData(float.MaxValue, float.MaxValue, float.MaxValue, -3e38f)]
    [InlineData(float.MaxValue, float.MaxValue, float.MaxValue, 1e-38f)]
    [InlineData(float.MaxValue, 0, float.MaxValue, 3e38f)]
    [InlineData(0, float.MaxValue, float.MaxValue, 3e38f)]
    [InlineData(1, 1, 1, 3e38f)]
    [InlineData(float.Epsilon, float.Epsilon, float.Epsilon, 1e-38f)]
    public void EqualKeysShareAndSignsDecide(float q, float k, float v, float? scale)
    {
        // All keys and values of a head are the same but for their sign, in head 1: whatever the scores are, the definition's
        // output is the value of the keys that win.
        Tensor<float>[] inputs = [Fill(q, _ => true), Fill(k, token => token % 3 == 0), Fill(v, token => token % 3 == 0)];
        AttentionOptions options = new() { Scale = scale, ReturnLse = true };
        AttentionResult<float> expected = ReferenceAttention.Attend(new Causal(), inputs[0], inputs[1], inputs[2], options);
        foreach (AttentionResult<float> actual in Everywhere(inputs, options))
        {
            Same(Inputs.Floats(expected.Output), Inputs.Floats(actual.Output), v, 3e-5);
            Assert.All(Inputs.Floats(actual.Lse!), lse => Assert.True(float.IsFinite(lse)));
        }
    }

    [Theory]
    [InlineData(1e20f)]
    [InlineData(1e30f)]
    [InlineData(float.MaxValue / 8)]
    public void RandomNumbersGiveNoNaN(float magnitude)
    {
        Tensor<float>[] inputs = [Random(1, magnitude), Random(2, magnitude), Random(3, magnitude)];
        foreach (AttentionResult<float> actual in Everywhere(inputs, new() { ReturnLse = true }))
        {
            Assert.All(Inputs.Floats(actual.Output), x => Assert.True(float.IsFinite(x)));
            Assert.All(Inputs.Floats(actual.Lse!), x => Assert.InRange(x, -1.5 * Most, 1.5 * Most));
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void AModifiersLargeScoresGiveNoNaN(bool wide)
    {
        using AttentionEngine engine = AttentionEngineTests.Engine(wide);
        foreach (float factor in new[] { 1e9f, 1e20f, 1e37f, float.MaxValue })
        {
            LargeScores expert = new(factor);
            Tensor<float> x = Random(1, 1);
            AttentionResult<float> expected = ReferenceAttention.Attend(expert, x, x, x);
            Same(Inputs.Floats(expected.Output), Inputs.Floats(engine.Attend(expert, x, x, x)), 1, 3e-5);
        }
    }

    private IEnumerable<AttentionResult<float>> Everywhere(Tensor<float>[] inputs, AttentionOptions options)
    {
        foreach (bool wide in new[] { true, false })
        {
            using AttentionEngine engine = AttentionEngineTests.Engine(wide);
            yield return engine.Attend(new Causal(), inputs[0], inputs[1], inputs[2], options);
        }

        SampleExpert portable = new(
            launch => launch.Run(SinkWindowKernel.Attend, new SinkWindowKernel.Parameters { Window = int.MaxValue, Sinks = 0 }),
            (q, k, _) => q >= k);
        yield return fixture.Engine.Attend(portable, inputs[0], inputs[1], inputs[2], options);
    }

    // Normal numbers rounded to eighths, so that no two scores are as near as their rounding.
    private static Tensor<float> Random(int seed, float magnitude)
    {
        Tensor<float> normal = Inputs.Normal<float>(seed, Tokens, Heads, Dim);
        float[] values = [.. Inputs.Floats(normal).Select(x => magnitude * (MathF.Round(Math.Clamp(x, -2.5f, 2.5f) * 8) / 8))];
        return Tensor.Create(values, [Tokens, Heads, Dim]);
    }

    private static Tensor<float> Fill(float magnitude, Func<int, bool> positive) => Tensor.Create(
        [.. Enumerable.Range(0, Tokens * Heads * Dim).Select(i => i / Dim % Heads == 0 || positive(i / Dim / Heads) ? magnitude : -magnitude)],
        [Tokens, Heads, Dim]);

    private static void Same(float[] expected, float[] actual, double magnitude, double tolerance)
    {
        for (int i = 0; i < expected.Length; i++)
        {
            bool same = expected[i] == actual[i] || Math.Abs((double)expected[i] - actual[i]) <= tolerance * (magnitude + Math.Abs((double)expected[i]));
            Assert.True(same, $"[{i}] is {actual[i]}, expected {expected[i]}");
        }
    }

    private sealed class LargeScores(float factor) : Causal
    {
        public override ExpertInfo Info => base.Info with { ScoreModifier = "score" };

        protected override bool Modifies => true;

        // Every fifth key has a score far from the others', which all are the same.
        public override float Score(float score, int q, int k, int head, int heads) => k % 5 == 0 ? factor : -0.1f * factor;
    }
}
