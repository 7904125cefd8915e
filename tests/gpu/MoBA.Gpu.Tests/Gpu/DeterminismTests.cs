using MoBA.Conformance.Tests;
using MoBA.Patterns;
using MoBA.Runtime;
using Xunit;

namespace MoBA.Gpu.Tests.Gpu;

/// <summary>The same call comes to the same bits, alone or beside others.</summary>
public sealed class DeterminismTests(GpuFixture gpu) : GpuTests(gpu)
{
    private const int Repeats = 50;

    /// <summary>The patterns, one a row.</summary>
    public static TheoryData<string> Patterns => [.. GpuCases.Patterns];

    [Theory]
    [MemberData(nameof(Patterns))]
    public void Fifty_runs_are_equal(string pattern)
    {
        AttentionInputs inputs = Inputs(pattern, 1000);
        GpuOutcome first = Run(inputs, null);
        for (int i = 1; i < Repeats; i++)
            AssertSame(first, Run(inputs, null), $"{inputs.Case}, run {i}");
    }

    [Fact]
    public void Several_streams_at_once_do_not_meet()
    {
        AttentionInputs[] inputs = [.. ((string[])[nameof(Causal), nameof(SinkWindow), nameof(BigBird), nameof(DocumentCausal)])
            .Select((pattern, i) => Inputs(pattern, 700 + (100 * i)))];
        GpuOutcome[] first = [.. inputs.Select(one => Run(one, null))];
        CudaStream[] streams = [.. inputs.Select(_ => Engine.CreateStream())];
        Parallel.For(0, inputs.Length, i =>
        {
            for (int run = 0; run < Repeats; run++)
                AssertSame(first[i], Run(inputs[i], streams[i]), $"{inputs[i].Case}, run {run} on stream {i}");
        });
        foreach (CudaStream stream in streams)
            stream.Dispose();
    }

    [Fact]
    public void Eight_threads_share_an_engine()
    {
        AttentionInputs[] inputs = [.. Enumerable.Range(0, 8).Select(i => Inputs(GpuCases.Patterns[i], 200 + (61 * i)))];
        GpuOutcome[] first = [.. inputs.Select(one => Run(one, null))];
        Thread[] threads = new Thread[8];
        Exception?[] failures = new Exception?[8];
        for (int i = 0; i < threads.Length; i++)
        {
            int own = i;
            threads[i] = new(() =>
            {
                try
                {
                    for (int run = 0; run < 20; run++)
                    {
                        int at = (own + run) % inputs.Length;
                        AssertSame(first[at], Run(inputs[at], null), $"{inputs[at].Case}, run {run} of thread {own}");
                    }
                }
                catch (Exception exception)
                {
                    failures[own] = exception;
                }
            });
            threads[i].Start();
        }

        foreach (Thread thread in threads)
            thread.Join();
        Assert.All(failures, Assert.Null);
    }

    private static AttentionInputs Inputs(string pattern, int keys) =>
        AttentionInputs.Normal(new(pattern, 1, keys, false, Placement.Prefill, 8, 2, 128, Element.BFloat16));

    private GpuOutcome Run(AttentionInputs inputs, CudaStream? stream) =>
        CaseRunner.Run(Engine, inputs.Case.Expert, inputs, Layout.Dense, stream);

    private static void AssertSame(GpuOutcome wanted, GpuOutcome actual, string what)
    {
        Assert.True(actual.Damage is null, $"{what}: {actual.Damage}");
        int output = wanted.Output.AsSpan().CommonPrefixLength(actual.Output), lse = wanted.Lse.AsSpan().CommonPrefixLength(actual.Lse);
        Assert.True(output == wanted.Output.Length, $"{what}: output differs first at element {output}");
        Assert.True(lse == wanted.Lse.Length, $"{what}: lse differs first at row {lse}");
    }
}
