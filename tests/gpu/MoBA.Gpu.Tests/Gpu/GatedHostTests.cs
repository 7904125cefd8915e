using MoBA.Conformance.Tests;
using MoBA.Patterns;
using MoBA.Runtime;
using Xunit;

namespace MoBA.Gpu.Tests.Gpu;

/// <summary>Gated experts on host tensors: the bits of device tensors, routes, and the time of every pass.</summary>
public sealed class GatedHostTests(GpuFixture gpu) : GpuTests(gpu)
{
    /// <summary>Experts and element types.</summary>
    public static TheoryData<string, Element> PatternsAndElements =>
        [.. GatedCase.Patterns.SelectMany(pattern => GpuCases.Elements.Select(element => (pattern, element)))];

    [Theory]
    [MemberData(nameof(PatternsAndElements))]
    public void Host_tensors_come_to_the_bits_of_device_tensors(string pattern, Element element)
    {
        foreach (Batch batch in Enum.GetValues<Batch>())
        {
            GatedCase at = new(pattern, 64, 4, batch, 1000, 4, 2, element == Element.Half ? 64 : 128, element);
            AttentionInputs inputs = at.Normal();
            GpuOutcome host = HostRun.Of(Engine, at.Expert, inputs, out IReadOnlyList<PassTiming> timings);
            AssertRight(GatedRunner.Difference(CaseRunner.Run(Engine, at.Expert, inputs, at.Layout), host));
            AssertRight(GatedRunner.Fault(Gpu.Reference, at.Expert, inputs, host));
            string[] passes = [.. timings.Select(timing => timing.Pass)];
            Assert.All((string[])["upload", "centroids", "gate", "routes", "index", "own", "routed", "combine", "download"], pass => Assert.Contains(pass, passes));
            Assert.True(timings.Single(timing => timing.Pass == "gate").Elapsed > TimeSpan.Zero);
        }
    }

    [Fact]
    public void More_blocks_than_kernels_choose_are_the_CPU_engines()
    {
        GatedCase at = new(nameof(MobaTopK), 16, 70, Batch.One, 1500, 2, 1, 64, Element.BFloat16);
        AttentionInputs inputs = at.Normal();
        AssertRight(GatedRunner.Fault(Gpu.Reference, at.Expert, inputs, HostRun.Of(Engine, at.Expert, inputs)));

        // Where no query has so many, the kernels take them.
        at = at with { Length = 1000 };
        inputs = at.Normal();
        AssertRight(GatedRunner.Fault(Gpu.Reference, at.Expert, inputs, CaseRunner.Run(Engine, at.Expert, inputs, at.Layout)));
    }

    [Fact]
    public void No_queries_and_no_keys_are_calls_too()
    {
        foreach (string pattern in GatedCase.Patterns)
        {
            GatedCase at = new(pattern, 16, 3, Batch.One, 100, 4, 2, 64, Element.BFloat16);
            ushort[][] bits = AttentionInputs.NormalBits(at.Shape, 1, 100, 100);
            AttentionInputs none = AttentionInputs.Of(at.Shape, null, [[], bits[1], bits[2]], [0], [100]);
            AttentionInputs blind = AttentionInputs.Of(at.Shape, null, [bits[0], [], []], [100], [0]);
            foreach (GpuOutcome outcome in (GpuOutcome[])[HostRun.Of(Engine, at.Expert, none), CaseRunner.Run(Engine, at.Expert, none, Layout.Dense)])
                Assert.Equal((0, 0, 0, null), (outcome.Output.Length, outcome.Lse.Length, outcome.Routes!.Blocks.Length, outcome.Damage));
            foreach (GpuOutcome outcome in (GpuOutcome[])[HostRun.Of(Engine, at.Expert, blind), CaseRunner.Run(Engine, at.Expert, blind, Layout.Dense)])
            {
                AssertRight(outcome.Damage);
                Assert.All(outcome.Output, element => Assert.Equal(0, element & 0x7FFF));
                Assert.All(outcome.Lse, sum => Assert.Equal(float.NegativeInfinity, sum));
                Assert.All(outcome.Routes!.Blocks, block => Assert.Equal(-1, block));
            }
        }
    }
}
