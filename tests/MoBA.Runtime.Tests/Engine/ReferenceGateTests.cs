using System.Numerics.Tensors;
using Xunit;

namespace MoBA.Runtime.Tests;

/// <summary>The oracle's block gates against routes that can be worked out by hand.</summary>
public sealed class ReferenceGateTests
{
    private const int Block = 16;

    [Fact]
    public void A_route_is_the_own_block_and_the_best_past_ones()
    {
        // Gates of blocks 0 to 3 are 1, 5, 3, 9; the last query stands in block 3.
        Tensor<float> k = Blocks(1, 5, 3, 9), q = Ones(4 * Block);
        AttentionResult<float> result = Attend(Gated(3), q, k, k);

        Assert.Equal([4 * Block, 1, 3], result.Routes!.Lengths.ToArray());
        Assert.Equal([3, 1, 2], Route(result, (4 * Block) - 1));
        Assert.Equal([2, 0, 1], Route(result, 3 * Block - 1));
        Assert.Equal([1, 0, -1], Route(result, Block));
        Assert.Equal([0, -1, -1], Route(result, 0));
    }

    [Fact]
    public void Top_one_is_the_own_block_only()
    {
        Tensor<float> zeros = Cube(new float[2 * Block * 8], 2 * Block), v = Numbered(2 * Block);
        AttentionResult<float> result = Attend(Gated(1), zeros, zeros, v);
        Assert.Equal(Block + 0.5f, result.Output[Block + 1, 0, 0]);
        Assert.Equal(MathF.Log(2), result.Lse![Block + 1, 0], 1e-6f);
        Assert.Equal([1], Route(result, Block + 1));
    }

    [Fact]
    public void Of_equal_gates_the_later_block_wins_and_nan_loses()
    {
        Tensor<float> q = Ones(4 * Block), k = Blocks(2, 2, 2, 0);
        Assert.Equal([3, 2], Route(Attend(Gated(2), q, k, k), 3 * Block));

        Tensor<float> damaged = Blocks(-5, float.NaN, -7, 0);
        Assert.Equal([3, 0, 2], Route(Attend(Gated(3), q, damaged, q), 3 * Block));
    }

    [Fact]
    public void The_last_block_may_be_short_and_counts_its_own_keys()
    {
        // Block 1 holds one key of 6, against block 0's 16 keys of 5: the mean of what is there.
        float[] keys = [.. Enumerable.Repeat(5f, Block * 8), .. Enumerable.Repeat(6f, 8)];
        Tensor<float> k = Cube(keys, Block + 1), q = Ones(1);
        Assert.Equal([-1, 1], Route(Attend(Gated(2), q, k, k, new() { QueryStart = 5 * Block }), 0));
        Assert.Equal([1, 0], Route(Attend(Gated(2), q, k, k), 0));
    }

    [Fact]
    public void A_query_before_the_first_key_has_no_blocks()
    {
        Tensor<float> k = Ones(Block), q = Ones(2);
        AttentionResult<float> result = Attend(Gated(2, (_, _, _) => true), q, k, k, new() { QueryStart = -1 });
        Assert.Equal([-1, -1], Route(result, 0));
        Assert.Equal(float.NegativeInfinity, result.Lse![0, 0]);
        Assert.Equal([0, -1], Route(result, 1));
    }

    [Fact]
    public void Always_is_attended_besides_the_routes_and_only_within_attends()
    {
        Tensor<float> zeros = Cube(new float[2 * Block * 8], 2 * Block), v = Numbered(2 * Block);
        var expert = new PredicateExpert((q, k, _) => q >= k && k != 3) { Gate = new(Block, 1), Besides = (q, k) => k is 3 or 5 or Block };
        AttentionResult<float> result = Attend(expert, zeros, zeros, v);
        Assert.Equal((Block + Block + 1 + 5) / 3f, result.Output[Block + 1, 0, 0], 1e-5f);
    }

    [Fact]
    public void Heads_route_alone_or_as_their_key_head_does()
    {
        // Block 0 holds (1, 0), block 1 (0, 1); head 0 likes the first by 3, head 1 the second by 1.
        float[] keys = [.. Enumerable.Repeat<float[]>([1, 0], Block).Concat(Enumerable.Repeat<float[]>([0, 1], Block + 1)).SelectMany(x => x)];
        Tensor<float> k = Tensor.Create(keys, [2 * Block + 1, 1, 2]), q = Tensor.Create(new float[] { 3, 0, 0, 1 }, [1, 2, 2]);
        AttentionResult<float> alone = Attend(Gated(2), q, k, k);
        Assert.Equal([2, 0], Route(alone, 0, 0));
        Assert.Equal([2, 1], Route(alone, 0, 1));

        AttentionResult<float> shared = Attend(Causal(new BlockGate(Block, 2, Pooling.Mean, RouteScope.KeyGroup)), q, k, k);
        Assert.Equal([1, 1, 2], shared.Routes!.Lengths.ToArray());
        Assert.Equal([2, 0], Route(shared, 0));
        Assert.NotEqual(alone.Lse![0, 1], shared.Lse![0, 1]);
    }

    [Fact]
    public void Min_max_is_the_upper_bound_of_the_scores()
    {
        // Block 0: all 1. Block 1: mean 0, from -4 to 4. q is negative, so the bound is -1 and 4 times 8.
        float[] second = [.. Enumerable.Range(0, Block).SelectMany(i => Enumerable.Repeat(i % 2 == 0 ? 4f : -4f, 8))];
        Tensor<float> k = Cube([.. Enumerable.Repeat(1f, Block * 8), .. second, .. new float[8]], 2 * Block + 1);
        Tensor<float> q = Cube([.. Enumerable.Repeat(-1f, 8)], 1), other = Ones(1);
        Assert.Equal([2, 1], Route(Attend(Causal(new BlockGate(Block, 2, Pooling.MinMax)), q, k, k), 0));
        Assert.Equal([2, 0], Route(Attend(Gated(2), other, k, k), 0));
        Assert.Equal([2, 1], Route(Attend(Causal(new BlockGate(Block, 2, Pooling.MinMax)), other, k, k), 0));
    }

    [Fact]
    public void Centroids_are_rounded_once_to_the_type_of_the_keys()
    {
        // Means 1 and 1 + 1/512: the same bfloat16, so the later block wins although its mean is the lower.
        BFloat16[] keys = [.. Enumerable.Range(0, Block).SelectMany(i => Enumerable.Repeat((BFloat16)(i < 4 ? 1.0078125f : 1f), 8)),
            .. Enumerable.Repeat((BFloat16)1f, (Block + 1) * 8)];
        Tensor<BFloat16> k = Tensor.Create(keys, [2 * Block + 1, 1, 8]), q = Tensor.Create([.. Enumerable.Repeat((BFloat16)1f, 8)], [1, 1, 8]);
        Assert.Equal([2, 1], Route(Attend(Gated(2), q, k, k), 0));

        Tensor<float> wide = Tensor.Create(Array.ConvertAll(keys, x => (float)x), k.Lengths);
        Assert.Equal([2, 0], Route(Attend(Gated(2), Ones(1), wide, wide), 0));
    }

    [Fact]
    public void Huge_keys_have_finite_centroids()
    {
        Tensor<float> k = Blocks(3e38f, 2e38f, -3e38f, 1), q = Ones(4 * Block);
        Assert.Equal([3, 0, 1], Route(Attend(Gated(3), q, k, q), 3 * Block));
    }

    [Fact]
    public void Every_sequence_has_blocks_of_its_own()
    {
        // The second sequence has queries but no keys, and starts at the same key as the third.
        Tensor<float> k = Blocks(9, 1, 5, 1), q = Ones(5);
        AttentionResult<float> result = Attend(
            Gated(2), q, k, k, new() { Sequences = [0, 1, 3, 5], KeySequences = [0, 2 * Block, 2 * Block, 4 * Block] });
        Assert.Equal([1, 0], Route(result, 0));
        Assert.Equal([-1, -1], Route(result, 2));
        Assert.Equal([1, 0], Route(result, 4));
        Assert.Equal(0, result.Output[2, 0, 0]);
    }

    [Fact]
    public void Enough_blocks_are_dense_and_fewer_are_not()
    {
        Tensor<float> q = Inputs.Normal<float>(1, 100, 4, 16), k = Inputs.Normal<float>(2, 100, 2, 16), v = Inputs.Normal<float>(3, 100, 2, 16);
        float[] dense = Inputs.Floats(Attend(new PredicateExpert((i, j, _) => i >= j), q, k, v).Output);
        Assert.Equal(dense, Inputs.Floats(Attend(Gated(7), q, k, v).Output));
        Assert.NotEqual(dense, Inputs.Floats(Attend(Gated(6), q, k, v).Output));
    }

    [Fact]
    public void Given_routes_are_attended_as_they_are()
    {
        Tensor<float> q = Ones(2 * Block), k = Blocks(1, 1), v = Numbered(2 * Block);
        Tensor<int> routes = Attend(Gated(2), q, k, v).Routes!;
        Assert.Equal(
            Inputs.Floats(Attend(Gated(2), q, k, v).Output),
            Inputs.Floats(ReferenceAttention.Attend(Gated(2), routes, q, k, v).Output));

        routes[Block, 0, 1] = -1;
        AttentionResult<float> result = ReferenceAttention.Attend(Gated(2), routes, q, k, v);
        Assert.Equal(Block, result.Output[Block, 0, 0]);
        Assert.Equal([1, -1], Route(result, Block));
    }

    [Fact]
    public void Given_routes_of_another_shape_or_beyond_the_blocks_are_named()
    {
        Tensor<float> q = Ones(2 * Block);
        string Message(ISparseExpert expert, Tensor<int> routes) =>
            Assert.Throws<ArgumentException>("routes", () => ReferenceAttention.Attend(expert, routes, q, q, q)).Message;

        Assert.StartsWith("routes is [32, 1, 3]: it must be [query tokens, route heads, TopK], which is [32, 1, 2]",
            Message(Gated(2), Tensor.Create(new int[32 * 3], [32, 1, 3])), StringComparison.Ordinal);
        int[] blocks = new int[32 * 2];
        blocks[5] = 2;
        Assert.StartsWith("routes has 2 at [2, 0, 1]: it must be a block of the token's sequence, 0 to 1, or -1",
            Message(Gated(2), Tensor.Create(blocks, [32, 1, 2])), StringComparison.Ordinal);
        Assert.StartsWith("routes are given for 'Predicate', which has no block gate",
            Message(new PredicateExpert((_, _, _) => true), Tensor.Create(blocks, [32, 1, 2])), StringComparison.Ordinal);
    }

    [Fact]
    public void A_gap_tells_a_near_tie_from_a_fault()
    {
        Tensor<float> q = Ones(4 * Block), k = Blocks(8, 5, 7, 9);
        Tensor<int> routes = Attend(Gated(2), q, k, k).Routes!;
        int last = (4 * Block) - 1;
        Assert.Equal(new RouteGap(4 * Block, 0, 0, null), ReferenceAttention.CompareRoutes(Gated(2), routes, q, k));

        routes[last, 0, 1] = 2;
        Assert.Equal(new RouteGap(4 * Block, 1, 0.125, null), ReferenceAttention.CompareRoutes(Gated(2), routes, q, k));

        routes[last, 0, 1] = 3;
        Assert.Equal($"token {last}, route head 0, [3, 3]: slot 1 must be a past block, 0 to 2", ReferenceAttention.CompareRoutes(Gated(2), routes, q, k).Fault);
        routes[last, 0, 1] = -1;
        Assert.EndsWith("slot 1 must be a past block, 0 to 2", ReferenceAttention.CompareRoutes(Gated(2), routes, q, k).Fault, StringComparison.Ordinal);
        routes[0, 0, 1] = 1;
        Assert.StartsWith("token 0, route head 0, [0, 1]: slot 1 must be -1", ReferenceAttention.CompareRoutes(Gated(2), routes, q, k).Fault, StringComparison.Ordinal);
        routes[0, 0, 0] = 1;
        Assert.EndsWith("slot 0 must be 0, the own block", ReferenceAttention.CompareRoutes(Gated(2), routes, q, k).Fault, StringComparison.Ordinal);
    }

    [Fact]
    public void A_gap_knows_a_wrong_order_and_an_exact_tie()
    {
        Tensor<float> q = Ones(4 * Block), k = Blocks(8, 8, 7, 9);
        Tensor<int> routes = Attend(Gated(3), q, k, k).Routes!;
        (routes[3 * Block, 0, 1], routes[3 * Block, 0, 2]) = (1, 0);
        Assert.EndsWith("slot 2 must be a later block than slot 1", ReferenceAttention.CompareRoutes(Gated(3), routes, q, k).Fault, StringComparison.Ordinal);

        Tensor<int> tied = Attend(Gated(2), q, k, k).Routes!;
        tied[3 * Block, 0, 1] = 0;
        Assert.Equal(new RouteGap(4 * Block, 1, 0, null), ReferenceAttention.CompareRoutes(Gated(2), tied, q, k));
    }

    private static PredicateExpert Gated(int topK, Func<int, int, int, bool>? attends = null) =>
        new(attends ?? ((q, k, _) => q >= k)) { Gate = new(Block, topK) };

    private static PredicateExpert Causal(BlockGate gate) => new((q, k, _) => q >= k) { Gate = gate };

    private static AttentionResult<float> Attend<T>(ISparseExpert expert, Tensor<T> q, Tensor<T> k, Tensor<T> v, AttentionOptions? options = null)
        where T : unmanaged => ReferenceAttention.Attend(expert, q, k, v, options, TestContext.Current.CancellationToken);

    private static IEnumerable<int> Route(AttentionResult<float> result, int token, int head = 0) =>
        Enumerable.Range(0, (int)result.Routes!.Lengths[2]).Select(slot => result.Routes[token, head, slot]);

    private static Tensor<float> Cube(float[] values, int tokens) => Tensor.Create(values, [tokens, 1, 8]);

    private static Tensor<float> Ones(int tokens) => Cube([.. Enumerable.Repeat(1f, tokens * 8)], tokens);

    /// <summary>Keys of one block after another, each of one value.</summary>
    private static Tensor<float> Blocks(params float[] values) =>
        Cube([.. values.SelectMany(value => Enumerable.Repeat(value, Block * 8))], values.Length * Block);

    private static Tensor<float> Numbered(int tokens) => Cube([.. Enumerable.Range(0, tokens * 8).Select(i => (float)(i / 8))], tokens);
}
