using MoBA.Conformance.Tests;
using MoBA.Gpu.Tests.Gpu;
using MoBA.Gpu.Tests.Reference;
using MoBA.Patterns;
using MoBA.Runtime;
using Xunit;

namespace MoBA.Gpu.Tests.Offline;

/// <summary>Rows that are attended one by one are those of the whole call.</summary>
[Trait("Category", "Offline")]
public sealed class SampledRowsTests
{
    [Fact]
    public void Sampled_rows_are_those_of_the_CPU_engine()
    {
        GatedCase at = new(nameof(MobaTopK), 32, 4, Batch.One, 700, 4, 2, 32, Element.BFloat16);
        AttentionInputs inputs = at.Normal();
        using AttentionEngine cpu = AttentionEngine.Create(Target.Cpu);
        GpuOutcome outcome = HostRun.Of(cpu, at.Expert, inputs);
        SampledRows sample = new([0, 31, 32, 500, 699], 4, 2, 32, 32);
        BlockRoutes routes = outcome.Routes! with { Blocks = [.. sample.Tokens.SelectMany(token => outcome.Routes!.Blocks[(token * 16)..((token + 1) * 16)])] };
        ReferenceResult wanted = sample.Attend(Reader(inputs.Q, 4), Reader(inputs.K, 2), Reader(inputs.V, 2), routes);
        ushort[] output = [.. sample.Tokens.SelectMany(token => outcome.Output[(token * 128)..((token + 1) * 128)])];
        float[] lse = [.. sample.Tokens.SelectMany(token => outcome.Lse[(token * 4)..((token + 1) * 4)])];
        Assert.Null(Judge.Fault(sample.Inputs, wanted, output, lse));

        // Other blocks, or another row, are not.
        ReferenceResult other = sample.Attend(Reader(inputs.Q, 4), Reader(inputs.K, 2), Reader(inputs.V, 2), routes with { Blocks = [.. routes.Blocks.Select(block => Math.Max(0, block))] });
        Assert.NotNull(Judge.Fault(sample.Inputs, other, output, lse));
        Assert.NotNull(Judge.Fault(sample.Inputs, wanted, [.. output.AsSpan(32..), .. output.AsSpan(..32)], lse));
    }

    private static SampledRows.Read Reader(float[] values, int heads) =>
        (token, head, row) => values.AsSpan(((token * heads) + head) * row.Length, row.Length).CopyTo(row);
}
