using MoBA.Conformance.Tests;
using MoBA.Gpu.Tests.Gpu;
using MoBA.Gpu.Tests.Reference;
using MoBA.Patterns;
using MoBA.Runtime;
using Xunit;

namespace MoBA.Gpu.Tests.Offline;

/// <summary>The judgement of gated experts: the CPU engine passes, in the arithmetic of the GPU's passes too, and what is wrong does not.</summary>
[Trait("Category", "Offline")]
public sealed class GatedJudgementTests
{
    /// <summary>The experts, one a row.</summary>
    public static TheoryData<string> Patterns => [.. GatedCase.Patterns];

    /// <summary>Ways that gates are spread.</summary>
    public static TheoryData<Skew> Skews => [.. Enum.GetValues<Skew>()];

    [Theory]
    [MemberData(nameof(Patterns))]
    public void The_CPU_engine_passes_in_every_batch(string pattern)
    {
        using ReferenceDevice device = ReferenceDevice.Cpu();
        using AttentionEngine cpu = AttentionEngine.Create(Target.Cpu);
        foreach (Batch batch in Enum.GetValues<Batch>())
        {
            foreach (GatedCase at in (GatedCase[])[new(pattern, 16, 3, batch, 95, 2, 1, 16, Element.BFloat16), new(pattern, 16, 2, batch, 65, 2, 2, 24, Element.Half)])
            {
                AttentionInputs inputs = at.Normal();
                GpuOutcome outcome = HostRun.Of(cpu, at.Expert, inputs);
                Assert.Null(GatedRunner.Fault(device, at.Expert, inputs, outcome));
                Assert.Null(GatedRunner.Fault(device, at.Expert, inputs, RoundedParts.Attend(inputs, at.Expert, outcome.Routes!)));
            }
        }
    }

    [Theory]
    [MemberData(nameof(Patterns))]
    public void Integers_have_the_routes_of_the_definition(string pattern)
    {
        using AttentionEngine cpu = AttentionEngine.Create(Target.Cpu);
        foreach (Element element in GpuCases.Elements)
        {
            foreach (Batch batch in Enum.GetValues<Batch>())
            {
                GatedCase at = new(pattern, 48, 4, batch, 800, 4, 2, 40, element);
                AttentionInputs inputs = at.With(GatedData.Integers(at), GatedData.ScaleOf(at.Dim));
                Assert.Equal(new GateOracle(inputs, at.Expert.Gate!).Choose().Blocks, HostRun.Of(cpu, at.Expert, inputs).Routes!.Blocks);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Skews))]
    public void Skewed_gates_are_as_they_are_called(Skew skew)
    {
        using AttentionEngine cpu = AttentionEngine.Create(Target.Cpu);
        GatedCase at = new(nameof(MobaTopK), 16, 4, Batch.One, 400, 4, 2, 64, Element.BFloat16);
        AttentionInputs inputs = at.With(GatedData.Skewed(at, skew), GatedData.ScaleOf(at.Dim));
        GateOracle oracle = new(inputs, at.Expert.Gate!);
        BlockRoutes routes = oracle.Choose();
        Assert.Equal(routes.Blocks, HostRun.Of(cpu, at.Expert, inputs).Routes!.Blocks);

        // 25 blocks, of which the third is the eighth.
        ReadOnlySpan<int> last = routes.Row(399, 3)[1..];
        double[] gates = [.. oracle.Gates(oracle.Row((399 * 4) + 3)).Select(gate => gate.Value)];
        Assert.All(oracle.Gates(oracle.Row((399 * 4) + 3)), gate => Assert.InRange(gate.Slack, 0, 1e-3));
        Assert.Equal(skew == Skew.Equal ? 1 : gates.Length, skew is Skew.Equal or Skew.Ascending or Skew.Descending or Skew.Waves ? gates.Distinct().Count() : gates.Length);
        int[]? wanted = skew switch
        {
            Skew.Ascending or Skew.Equal => [21, 22, 23],
            Skew.Descending => [0, 1, 2],
            Skew.Waves => [18, 20, 22],
            _ => null,
        };
        Assert.Equal(wanted ?? last.ToArray(), last.ToArray());
        Assert.Equal(skew == Skew.Favourite, last.Contains(8));
        if (skew == Skew.Unloved)
            Assert.DoesNotContain(8, Enumerable.Range(9 * 16, 400 - (9 * 16)).Where(token => token / 16 > 8 + 3).SelectMany(token => routes.Row(token, 0).ToArray()));
        if (skew == Skew.SameQueries)
            Assert.Equal(inputs.Q.AsSpan(0, 256), inputs.Q.AsSpan(256 * 300, 256));
    }

    [Fact]
    public void Parts_that_are_rounded_pass_where_sequences_are_longer()
    {
        using ReferenceDevice device = ReferenceDevice.Cpu();
        using AttentionEngine cpu = AttentionEngine.Create(Target.Cpu);
        foreach (string pattern in GatedCase.Patterns)
        {
            foreach (Element element in GpuCases.Elements)
            {
                GatedCase at = new(pattern, 16, 9, Batch.One, 500, 2, 1, 32, element);
                AttentionInputs inputs = at.Normal();
                Assert.Null(GatedRunner.Fault(device, at.Expert, inputs, RoundedParts.Attend(inputs, at.Expert, HostRun.Of(cpu, at.Expert, inputs).Routes!)));
            }
        }
    }

    [Fact]
    public void Golden_cases_pass_and_dense_attention_does_not()
    {
        using AttentionEngine cpu = AttentionEngine.Create(Target.Cpu);
        Assert.Equal(["bf16_gqa_1k", "bf16_single", "bf16_varlen4", "bf16_varlen7"], GoldenFile.Names);
        foreach (string name in GoldenFile.Names)
        {
            GoldenFile golden = GoldenFile.Read(name);
            GpuOutcome outcome = HostRun.Of(cpu, golden.Expert, golden.Inputs);
            Assert.Null(golden.Fault(outcome.Output));
            Assert.Null(golden.Fault(RoundedParts.Attend(golden.Inputs, golden.Expert, outcome.Routes!).Output));

            // Every block of every sequence is chosen in one of them.
            Assert.Equal(name == "bf16_varlen7", golden.Fault(HostRun.Of(cpu, new Causal(), golden.Inputs).Output) is null);
        }
    }

    [Fact]
    public void Outputs_of_other_routes_fail()
    {
        using ReferenceDevice device = ReferenceDevice.Cpu();
        using AttentionEngine cpu = AttentionEngine.Create(Target.Cpu);
        GatedCase at = new(nameof(MobaSinks), 16, 3, Batch.One, 95, 2, 1, 16, Element.BFloat16);
        AttentionInputs inputs = at.Normal();
        GpuOutcome outcome = HostRun.Of(cpu, at.Expert, inputs);
        int[] blocks = [.. outcome.Routes!.Blocks];

        // The last row's past blocks, of five.
        Span<int> route = blocks.AsSpan(^3);
        int other = Enumerable.Range(0, 5).First(block => !outcome.Routes.Row(94, 1).Contains(block));
        route[1] = other;
        route[1..].Sort();
        GpuOutcome wrong = RoundedParts.Attend(inputs, at.Expert, outcome.Routes with { Blocks = blocks });
        Assert.Contains("lse", Judge.Fault(inputs, device.Attend(inputs, at.Expert, RouteMask.Of(inputs, at.Expert, outcome.Routes)), wrong.Output, wrong.Lse), StringComparison.Ordinal);
        Assert.StartsWith("routes of [token 94, route head 1]", GatedRunner.Fault(device, at.Expert, inputs, wrong), StringComparison.Ordinal);
    }

    [Fact]
    public void A_bit_that_differs_is_found()
    {
        GpuOutcome one = new([1, 2, 3], [1, 2], null, new([0, -1, 4], 1, 3));
        Assert.Null(GatedRunner.Difference(one, one with { Output = [1, 2, 3] }));
        Assert.StartsWith("output differs first at element 1", GatedRunner.Difference(one, one with { Output = [1, 0, 3] }), StringComparison.Ordinal);
        Assert.StartsWith("lse differs first at row 0", GatedRunner.Difference(one, one with { Lse = [3, 2] }), StringComparison.Ordinal);
        Assert.StartsWith("routes differ first at 2", GatedRunner.Difference(one, one with { Routes = new([0, -1, 5], 1, 3) }), StringComparison.Ordinal);
        Assert.Equal("x", GatedRunner.Difference(one, one with { Damage = "x" }));
    }
}
