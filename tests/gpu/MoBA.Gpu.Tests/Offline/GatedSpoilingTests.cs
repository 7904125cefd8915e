using MoBA.Conformance.Tests;
using MoBA.Gpu.Tests.Gpu;
using MoBA.Gpu.Tests.Reference;
using MoBA.Patterns;
using MoBA.Runtime;
using Xunit;

namespace MoBA.Gpu.Tests.Offline;

/// <summary>What a bad number may do to a gated expert, asked of the CPU engine.</summary>
[Trait("Category", "Offline")]
public sealed class GatedSpoilingTests
{
    /// <summary>The experts, one a row.</summary>
    public static TheoryData<string> Patterns => [.. GatedCase.Patterns];

    [Theory]
    [MemberData(nameof(Patterns))]
    public void The_CPU_engine_keeps_bad_numbers_where_they_belong(string pattern)
    {
        using ReferenceDevice device = ReferenceDevice.Cpu();
        using AttentionEngine cpu = AttentionEngine.Create(Target.Cpu);
        GatedCase at = new(pattern, 16, 3, Batch.One, 130, 4, 2, 16, Element.BFloat16);
        GatedSpoiling spoiling = Of(at, device, inputs => HostRun.Of(cpu, at.Expert, inputs));
        Assert.Null(spoiling.CleanFault());
        GpuOutcome clean = spoiling.Run();
        Assert.Null(spoiling.KeyFault(clean, 0));
        Assert.Null(spoiling.KeyFault(clean, 47));
        Assert.Null(spoiling.QueryFault(clean, (100 * 4) + 1));
    }

    [Fact]
    public void A_number_that_goes_astray_is_found()
    {
        using ReferenceDevice device = ReferenceDevice.Cpu();
        using AttentionEngine cpu = AttentionEngine.Create(Target.Cpu);
        GatedCase at = new(nameof(MobaTopK), 16, 3, Batch.One, 130, 4, 2, 16, Element.BFloat16);
        GpuOutcome clean = Of(at, device, inputs => HostRun.Of(cpu, at.Expert, inputs)).Run();

        // As without a gate: rows that did not choose the block attend the key all the same.
        GatedSpoiling dense = Of(at, device, inputs => HostRun.Of(cpu, new Causal(), inputs) with { Routes = HostRun.Of(cpu, at.Expert, inputs).Routes });
        Assert.Contains("which does not attend it, changed", dense.KeyFault(clean, 47), StringComparison.Ordinal);

        // As if there were no bad number.
        ushort[] q = [.. clean.Output];
        GatedSpoiling deaf = Of(at, device, _ => clean with { Output = q });
        Assert.Contains("has a finite component", deaf.QueryFault(clean, (100 * 4) + 1), StringComparison.Ordinal);

        // Routes that were not chosen anew: the block's gate is NaN, and others are left out.
        Assert.Contains("was left out", deaf.KeyFault(clean, 47), StringComparison.Ordinal);
    }

    [Fact]
    public void Calls_without_queries_or_keys_run_on_host_tensors()
    {
        using AttentionEngine cpu = AttentionEngine.Create(Target.Cpu);
        GatedCase at = new(nameof(MobaTopK), 16, 3, Batch.One, 100, 4, 2, 64, Element.BFloat16);
        ushort[][] bits = AttentionInputs.NormalBits(at.Shape, 1, 100, 100);
        GpuOutcome none = HostRun.Of(cpu, at.Expert, AttentionInputs.Of(at.Shape, null, [[], bits[1], bits[2]], [0], [100]));
        Assert.Equal((0, 0, 0), (none.Output.Length, none.Lse.Length, none.Routes!.Blocks.Length));
        GpuOutcome blind = HostRun.Of(cpu, at.Expert, AttentionInputs.Of(at.Shape, null, [bits[0], [], []], [100], [0]));
        Assert.All(blind.Routes!.Blocks, block => Assert.Equal(-1, block));
    }

    private static GatedSpoiling Of(GatedCase at, ReferenceDevice device, Func<AttentionInputs, GpuOutcome> run)
    {
        AttentionInputs inputs = at.Normal();
        return new(at, inputs, device, () => run(inputs));
    }
}
