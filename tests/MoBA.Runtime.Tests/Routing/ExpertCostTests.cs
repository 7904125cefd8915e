using MoBA.Runtime.Cpu;
using Xunit;

namespace MoBA.Runtime.Tests;

/// <summary>Keys per token, counted by hand.</summary>
public sealed class ExpertCostTests
{
    [Fact]
    public void Static_experts_cost_what_they_attend()
    {
        Assert.Equal(("Causal", 50.5), (Measure(new Causal()).Name, Measure(new Causal()).KeysPerToken));
        Assert.Equal(100, Measure(new Everything()).KeysPerToken);
        Assert.Equal(0, Measure(new Nothing()).KeysPerToken);

        // A window of 10 and 3 sinks: 1 to 10, then 11, 12, and 13 from the 13th token on.
        Assert.Equal((55 + 11 + 12 + (88 * 13)) / 100.0, Measure(new WindowAndSinks(10, 3)).KeysPerToken, 1e-5);
    }

    [Fact]
    public void Heads_and_sequences_count_on_their_own()
    {
        // Head h sees the rows where (q + h) % 3 == 0: 34, 33 and 33 of 100.
        double expected = (Enumerable.Range(0, 100).Where(q => q % 3 == 0).Sum(q => q + 1) + Enumerable.Range(0, 100).Where(q => q % 3 == 2).Sum(q => q + 1)) / 200.0;
        Assert.Equal(expected, ExpertCost.Measure(new HeadCausal(), 100, 100, 2).KeysPerToken, 1e-4);
        Assert.Equal((10 * 11 + 90 * 91) / 200.0, ExpertCost.Measure(new Causal(), 100, 100, 1, new() { Sequences = [0, 0, 10, 100] }).KeysPerToken, 1e-4);
        Assert.Equal(96.5, ExpertCost.Measure(new Causal(), 8, 100, 1).KeysPerToken, 1e-4);
        Assert.Equal(0, ExpertCost.Measure(new Causal(), 0, 0, 1).KeysPerToken);
        Assert.Equal(0, ExpertCost.Measure(new Causal(), 5, 0, 1, new() { KeySequences = [0, 0] }).KeysPerToken);
    }

    [Fact]
    public void Long_inputs_are_sampled()
    {
        Assert.Equal(10_000.5, ExpertCost.Measure(new CheapCausal(), 20_000, 20_000, 1).KeysPerToken, 20.0);
    }

    [Theory]
    [InlineData(1, false)]
    [InlineData(3, false)]
    [InlineData(100, false)]
    [InlineData(1, true)]
    [InlineData(100, true)]
    public void A_gate_costs_its_own_block_its_routes_and_always(int topK, bool sinks)
    {
        // What the oracle's routes attend, where every past block has 16 keys.
        var expert = new GatedCausal(new(16, topK), sinks);
        double expected = 0;
        for (int q = 0; q < 100; q++)
        {
            int chosen = Math.Min(topK - 1, q / 16);
            expected += (q % 16) + 1 + (chosen * 16) + (sinks && chosen == 0 && q >= 16 ? 5 : 0);
        }

        Assert.Equal(expected / 100, Measure(expert).KeysPerToken, 1e-4);
    }

    [Fact]
    public void Always_keys_count_as_far_as_their_blocks_are_not_chosen()
    {
        // Token 64 has 4 past blocks and chooses 2; the sinks are in a chosen block every second time.
        var expert = new GatedCausal(new(16, 3), sinks: true);
        Assert.Equal(1 + 32 + 2.5, ExpertCost.Measure(expert, 1, 65, 1).KeysPerToken, 1e-5);

        // Before the first key there is no block, and beyond the last key no own one.
        Assert.Equal(0, ExpertCost.Measure(expert, 1, 65, 1, new() { QueryStart = -1 }).KeysPerToken);
        Assert.Equal(65 * 2 / 5.0 + (5 * 3 / 5.0), ExpertCost.Measure(expert, 1, 65, 1, new() { QueryStart = 640 }).KeysPerToken, 1e-4);
    }

    private static ExpertCost Measure(ISparseExpert expert) => ExpertCost.Measure(expert, 100, 100, 1);

    private sealed class HeadCausal : TestExpert
    {
        public override ExpertInfo Info => base.Info with { DependsOnHead = true };

        public override bool Attends(int q, int k, int head) => q >= k && (q + head) % 3 == 0;
    }

    /// <summary>Causal, with a classification that does not look at every pair.</summary>
    private sealed class CheapCausal : TestExpert, ISparseExpert
    {
        public override bool Attends(int q, int k, int head) => q >= k;

        CpuKernel ISparseExpert.Bind(in AttentionExtent extent) => new Kernel();

        private sealed class Kernel : CpuKernel
        {
            public override int MaxKeyRanges => 1;

            public override TileKind Classify(long q0, long q1, long k0, long k1, int head) =>
                q0 >= k1 ? TileKind.Full : q1 < k0 ? TileKind.Empty : TileKind.Partial;

            public override int KeyRanges(long q0, long q1, int keys, int head, Span<KeyRange> ranges) => throw new NotSupportedException();

            public override void Attend(CpuTile tile) => throw new NotSupportedException();
        }
    }

    private sealed class GatedCausal(BlockGate gate, bool sinks) : Causal, ISparseExpert
    {
        BlockGate ISparseExpert.Gate => gate;

        bool ISparseExpert.Always(int q, int k, int head) => sinks && k < 5;

        CpuKernel? ISparseExpert.BindAlways(in AttentionExtent extent) => sinks ? new SinksOnly().Bind(extent) : null;

        private sealed class SinksOnly : TestExpert
        {
            public override bool Attends(int q, int k, int head) => q >= k && k < 5;
        }
    }
}
