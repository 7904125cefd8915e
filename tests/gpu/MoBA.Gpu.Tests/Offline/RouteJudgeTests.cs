using MoBA.Conformance.Tests;
using MoBA.Patterns;
using MoBA.Runtime;
using Xunit;

namespace MoBA.Gpu.Tests.Offline;

/// <summary>Routes of the definition and near ties pass, and no others.</summary>
[Trait("Category", "Offline")]
public sealed class RouteJudgeTests
{
    private static readonly GateRow _row = new(0, 0, 100, 6, 6);

    [Theory]
    [InlineData(null, 6, 0, 3, 5)]
    [InlineData("own block", 5, 0, 3, 5)]
    [InlineData("own block", -1, 0, 3, 5)]
    [InlineData("later block than slot 1", 6, 3, 0, 5)]
    [InlineData("later block than slot 2", 6, 0, 3, 3)]
    [InlineData("must be a past block", 6, 0, 3, 6)]
    [InlineData("must be a past block", 6, 0, 3, -1)]
    [InlineData("must be a past block", 6, -1, 0, 3)]
    public void A_row_has_its_own_block_and_past_ones_ascending(string? fault, params int[] route)
    {
        if (fault is null)
            Assert.Null(RouteJudge.Shape(_row, route));
        else
            Assert.Contains(fault, RouteJudge.Shape(_row, route), StringComparison.Ordinal);
    }

    [Fact]
    public void Slots_behind_the_last_past_block_are_empty()
    {
        GateRow early = _row with { Past = 1 }, none = _row with { Past = 0, Own = -1 };
        Assert.Null(RouteJudge.Shape(early, [6, 0, -1, -1]));
        Assert.Contains("slot 2 must be -1", RouteJudge.Shape(early, [6, 0, 1, -1]), StringComparison.Ordinal);
        Assert.Null(RouteJudge.Shape(none, [-1, -1]));
        Assert.Contains("slot 1 must be -1", RouteJudge.Shape(none, [-1, 0]), StringComparison.Ordinal);
    }

    [Fact]
    public void A_better_block_that_was_left_out_is_a_fault_but_for_a_near_tie()
    {
        GateValue[] gates = [new(1, 2, 0), new(1.00001, 2, 0), new(1.001, 2, 0), new(0.5, 2, 0.6), new(double.NegativeInfinity, 2, 0)];
        Assert.Null(RouteJudge.Choice(gates, [1, 2]));
        Assert.Null(RouteJudge.Choice(gates, [0, 2]));
        Assert.Contains("block 2 was left out", RouteJudge.Choice(gates, [0, 1]), StringComparison.Ordinal);

        // Its centroid may be rounded either way.
        Assert.Null(RouteJudge.Choice(gates, [2, 3]));
        Assert.Contains("block 4 taken", RouteJudge.Choice(gates, [2, 4]), StringComparison.Ordinal);
        Assert.Null(RouteJudge.Choice([new(double.PositiveInfinity, 2, 0), new(double.PositiveInfinity, 2, 0)], [0]));
        Assert.Contains("block 1 was left out", RouteJudge.Choice([new(1, 2, 0), new(double.PositiveInfinity, 2, 0)], [0]), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(Element.Half)]
    [InlineData(Element.BFloat16)]
    public void A_centroid_is_rounded_and_known_to_be_near_the_middle_of_two_elements(Element element)
    {
        // Channel 0: a mean that is an element. Channel 1: the middle of 1 and the next.
        float next = Bits.ToFloat((ushort)(Bits.Of(1, element) + 1), element);
        float[] rows = [2, 1, 4, next];
        GateValue gate = new PooledBlock(rows, 2, element, Pooling.Mean).Gate([1, 10]);
        Assert.InRange(gate.Value, 3 + 10, 3 + (10 * next));
        Assert.InRange(gate.Slack, 10 * (next - 1), 10.1 * (next - 1));
        Assert.Equal(gate.Value, gate.Magnitude);
        Assert.Equal(0, new PooledBlock([2, 1, 4, 1], 2, element, Pooling.Mean).Gate([1, 10]).Slack);
    }

    [Fact]
    public void Extremes_bound_every_key_and_a_NaN_is_one()
    {
        GateValue gate = new PooledBlock([2, -1, 4, 3], 2, Element.Half, Pooling.MinMax).Gate([-1, 10]);
        Assert.Equal((-2 + 30, 2 + 30, 0), (gate.Value, gate.Magnitude, gate.Slack));
        Assert.True(double.IsNaN(new PooledBlock([2, float.NaN, 4, 3], 2, Element.Half, Pooling.MinMax).Gate([-1, 10]).Value));
        Assert.Equal((10 * 65504) - 2, new PooledBlock([2, float.PositiveInfinity, 4, 3], 2, Element.Half, Pooling.MinMax).Gate([-1, 10]).Value);
    }

    [Fact]
    public void Missing_blocks_are_counted_whatever_slot_they_are_in()
    {
        BlockRoutes one = new([3, 0, 1, 3, 1, 2], 1, 3), other = new([3, 1, 2, 3, 1, 2], 1, 3);
        Assert.Equal(0, one.Missing(one));
        Assert.Equal(1, one.Missing(other));
    }

    [Fact]
    public void The_oracle_is_the_projects_own()
    {
        foreach (string pattern in GatedCase.Patterns)
        {
            GatedCase at = new(pattern, 16, 4, Batch.Ragged, 200, 4, 2, 24, Element.Half);
            AttentionInputs inputs = at.Normal();
            using AttentionEngine cpu = AttentionEngine.Create(Target.Cpu);
            BlockRoutes routes = new GateOracle(inputs, at.Expert.Gate!).Choose(), engine = HostRun.Of(cpu, at.Expert, inputs).Routes!;
            Assert.Null(RouteJudge.Fault(new(inputs, at.Expert.Gate!), at.Expert.Gate!, engine));
            Assert.InRange(routes.Missing(engine), 0, routes.Blocks.Length / 500);

            // Another head's routes are not.
            if (at.Expert.Gate!.Scope == RouteScope.QueryHead)
            {
                int[] turned = [.. Enumerable.Range(0, routes.Rows).SelectMany(row => routes.Row(row / 4, 3 - (row % 4)).ToArray())];
                Assert.Contains("was left out", RouteJudge.Fault(new(inputs, at.Expert.Gate!), at.Expert.Gate!, routes with { Blocks = turned }), StringComparison.Ordinal);
            }
        }
    }
}
