using MoBA.Conformance.Tests;
using MoBA.Runtime;
using Xunit;

namespace MoBA.Gpu.Tests.Gpu;

/// <summary>The same call of a gated expert comes to the same bits, alone or beside others: output, log-sum-exps and routes.</summary>
public sealed class GatedDeterminismTests(GpuFixture gpu) : GpuTests(gpu)
{
    private const int Repeats = 50;

    /// <summary>The experts, one a row.</summary>
    public static TheoryData<string> Patterns => [.. GatedCase.Patterns];

    [Theory]
    [MemberData(nameof(Patterns))]
    public void Fifty_runs_are_equal(string pattern)
    {
        GatedCase at = new(pattern, 64, 8, Batch.Ragged, 2000, 8, 2, 128, Element.BFloat16);
        AttentionInputs inputs = at.Normal();
        GpuOutcome first = Run(at, inputs, null);
        for (int i = 1; i < Repeats; i++)
            AssertSame(first, Run(at, inputs, null), $"{at}, run {i}");
    }

    [Fact]
    public void Several_streams_at_once_do_not_meet()
    {
        // Two of each: the same call beside itself, and beside others.
        GatedCase[] cases = [.. GatedCase.Patterns.Select((pattern, i) => new GatedCase(pattern, 64, 5, Batch.Ragged, 1500 + (100 * i), 8, 2, 128, Element.BFloat16))];
        AttentionInputs[] inputs = [.. cases.Select(at => at.Normal())];
        GpuOutcome[] first = [.. cases.Select((at, i) => Run(at, inputs[i], null))];
        CudaStream[] streams = [.. Enumerable.Range(0, 2 * cases.Length).Select(_ => Engine.CreateStream())];
        Parallel.For(0, streams.Length, new ParallelOptions { MaxDegreeOfParallelism = streams.Length }, i =>
        {
            int own = i % cases.Length;
            for (int run = 0; run < Repeats / 2; run++)
                AssertSame(first[own], Run(cases[own], inputs[own], streams[i]), $"{cases[own]}, run {run} on stream {i}");
        });
        foreach (CudaStream stream in streams)
            stream.Dispose();
    }

    [Fact]
    public void A_row_is_the_same_bits_whatever_else_is_in_its_call()
    {
        // The last sequence alone, behind others, and with its queries in two pieces.
        foreach (string pattern in GatedCase.Patterns)
        {
            GatedCase at = new(pattern, 64, 4, Batch.One, 1500, 4, 2, 128, Element.BFloat16);
            ushort[][] bits = AttentionInputs.NormalBits(at.Shape, 3, 2300, 2300), tail = [.. bits.Select((one, i) => Tail(one, 800, i == 0 ? 4 : 2))];
            GpuOutcome alone = Run(at, at.With(tail), null);
            GpuOutcome behind = Run(at, AttentionInputs.Of(at.Shape, null, bits, [100, 0, 700, 1500], [100, 0, 700, 1500]), null);
            GpuOutcome second = Run(at, AttentionInputs.Of(at.Shape, null, [Tail(tail[0], 777, 4), tail[1], tail[2]], [723], [1500]), null);
            AssertSame(alone, Last(behind, 800), $"{pattern} behind others");
            AssertSame(Last(alone, 777), second, $"{pattern} in pieces");
        }

        ushort[] Tail(ushort[] rows, int from, int heads) => rows[(from * heads * 128)..];

        GpuOutcome Last(GpuOutcome outcome, int from) => new(
            outcome.Output[(from * 4 * 128)..], outcome.Lse[(from * 4)..], outcome.Damage,
            outcome.Routes! with { Blocks = outcome.Routes.Blocks[(from * outcome.Routes.Heads * outcome.Routes.TopK)..] });
    }

    private GpuOutcome Run(GatedCase at, AttentionInputs inputs, CudaStream? stream) => CaseRunner.Run(Engine, at.Expert, inputs, Layout.Dense, stream);

    private static void AssertSame(GpuOutcome wanted, GpuOutcome actual, string what) =>
        Assert.True(GatedRunner.Difference(wanted, actual) is null, $"{what}: {GatedRunner.Difference(wanted, actual)}");
}
