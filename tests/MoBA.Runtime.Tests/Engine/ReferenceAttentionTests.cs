using System.Numerics.Tensors;
using Xunit;

namespace MoBA.Runtime.Tests;

/// <summary>The oracle against numbers that can be worked out by hand.</summary>
public sealed class ReferenceAttentionTests
{
    private static readonly PredicateExpert s_causal = new((q, k, _) => q >= k);

    [Fact]
    public void One_query_of_two_keys_is_a_weighted_mean()
    {
        // Scores 0 and ln 3: weights 1/4 and 3/4.
        Tensor<float> q = Cube([1, 0], 1, 1, 2), k = Cube([0, 0, MathF.Log(3), 0], 2, 1, 2), v = Cube([8, 0, 0, 4], 2, 1, 2);
        AttentionResult<float> result = Attend(s_causal, q, k, v, new() { Scale = 1 });

        Assert.Equal([2, 3], Flat(result.Output));
        Assert.Equal(MathF.Log(4), result.Lse![0, 0], 1e-6f);
    }

    [Fact]
    public void Scale_is_one_over_the_root_of_dim_by_default()
    {
        Tensor<float> q = Cube([2 * MathF.Log(3), 0, 0, 0], 1, 1, 4), k = Cube([0, 0, 0, 0, 1, 0, 0, 0], 2, 1, 4);
        AttentionResult<float> result = Attend(s_causal, q, k, k);
        Assert.Equal(0.75f, result.Output[0, 0, 0], 1e-6f);
    }

    [Fact]
    public void A_row_that_sees_nothing_is_zero_and_minus_infinity()
    {
        var expert = new PredicateExpert((q, k, _) => q > k);
        AttentionResult<float> result = Attend(expert, Ones(3, 1, 8), Ones(3, 1, 8), Ones(3, 1, 8));

        Assert.Equal(0, result.Output[0, 0, 0]);
        Assert.Equal(float.NegativeInfinity, result.Lse![0, 0]);
        Assert.Equal(1, result.Output[1, 0, 0]);
        Assert.Equal(1 / MathF.Sqrt(1f / 8) + MathF.Log(2), result.Lse[2, 0], 1e-5f);
    }

    [Fact]
    public void Queries_end_at_the_last_key_unless_told_otherwise()
    {
        List<int> seen = [];
        var expert = new PredicateExpert((q, _, _) =>
        {
            lock (seen)
            {
                seen.Add(q);
            }

            return true;
        });
        _ = Attend(expert, Ones(2, 1, 8), Ones(5, 1, 8), Ones(5, 1, 8));
        Assert.Equal([3, 4], seen.Distinct().Order());

        seen.Clear();
        _ = Attend(expert, Ones(3, 1, 8), Ones(1, 1, 8), Ones(1, 1, 8));
        Assert.Equal([-2, -1, 0], seen.Distinct().Order());

        seen.Clear();
        _ = Attend(expert, Ones(2, 1, 8), Ones(5, 1, 8), Ones(5, 1, 8), new() { QueryStart = 10 });
        Assert.Equal([10, 11], seen.Distinct().Order());
    }

    [Fact]
    public void Sequences_do_not_see_each_other()
    {
        // Values are the token's number, scores are equal: the output is the mean of the numbers seen.
        Tensor<float> zeros = Cube(new float[5 * 8], 5, 1, 8), v = Numbered(5, 1, 8);
        AttentionResult<float> result = Attend(s_causal, zeros, zeros, v, new() { Sequences = [0, 2, 2, 5] });
        Assert.Equal([0f, 0.5f, 2f, 2.5f, 3f], Enumerable.Range(0, 5).Select(i => result.Output[i, 0, 0]));

        Tensor<float> three = Cube(new float[3 * 8], 3, 1, 8);
        result = Attend(s_causal, three, zeros, v, new() { Sequences = [0, 1, 3], KeySequences = [0, 2, 5] });
        Assert.Equal([0.5f, 2.5f, 3f], Enumerable.Range(0, 3).Select(i => result.Output[i, 0, 0]));
    }

    [Fact]
    public void Query_heads_share_key_heads_in_order()
    {
        Tensor<float> zeros = Cube(new float[6 * 8], 1, 6, 8);
        Tensor<float> k = Cube(new float[2 * 8], 1, 2, 8), v = Cube([.. Enumerable.Repeat(1f, 8), .. Enumerable.Repeat(2f, 8)], 1, 2, 8);
        AttentionResult<float> result = Attend(s_causal, zeros, k, v);
        Assert.Equal([1f, 1, 1, 2, 2, 2], Enumerable.Range(0, 6).Select(head => result.Output[0, head, 0]));
    }

    [Fact]
    public void Predicate_and_score_know_their_head()
    {
        var expert = new PredicateExpert((_, k, head) => k == head, (score, q, k, head, heads) => score + (100 * heads) + (10 * head) + k);
        Tensor<float> zeros = Cube(new float[2 * 2 * 8], 2, 2, 8);
        AttentionResult<float> result = Attend(expert, zeros, zeros, Numbered(2, 2, 8));
        Assert.Equal([0f, 1], [result.Output[1, 0, 0], result.Output[1, 1, 0]]);
        Assert.Equal([200f, 211], [result.Lse![1, 0], result.Lse[1, 1]]);
    }

    [Fact]
    public void Half_types_are_their_float_values()
    {
        var random = new Random(3);
        float[] values = [.. Enumerable.Range(0, 4 * 2 * 8).Select(_ => (float)(BFloat16)(random.NextSingle() - 0.5f))];
        Tensor<float> single = Cube(values, 4, 2, 8);
        Tensor<BFloat16> brain = Tensor.Create(Array.ConvertAll(values, x => (BFloat16)x), [4, 2, 8]);
        Tensor<Half> half = Tensor.Create(Array.ConvertAll(values, x => (Half)x), [4, 2, 8]);
        Tensor<float> back = Tensor.Create(Array.ConvertAll(values, x => (float)(Half)x), [4, 2, 8]);

        Assert.Equal(Flat(Attend(s_causal, single, single, single).Output), Flat(Attend(s_causal, brain, brain, brain).Output));
        Assert.Equal(Flat(Attend(s_causal, back, back, back).Output), Flat(Attend(s_causal, half, half, half).Output));
    }

    [Fact]
    public void Wrong_shapes_and_offsets_are_named()
    {
        Tensor<float> good = Ones(4, 2, 8);
        Assert.StartsWith("k is [4, 3, 8]", Message(good, Ones(4, 3, 8), Ones(4, 3, 8)), StringComparison.Ordinal);
        Assert.StartsWith("q is [4, 2, 0]: dim 0", Message(Ones(4, 2, 0), Ones(4, 2, 0), Ones(4, 2, 0)), StringComparison.Ordinal);
        Assert.StartsWith("Scale is NaN", Message(good, good, good, new() { Scale = float.NaN }), StringComparison.Ordinal);
        Assert.StartsWith("QueryStart is -2147483648", Message(good, good, good, new() { QueryStart = int.MinValue }), StringComparison.Ordinal);
        Assert.Throws<ArgumentNullException>("k", () => Attend(s_causal, good, null!, good));
        Assert.StartsWith("v is [3, 2, 8]", Message(good, good, Ones(3, 2, 8)), StringComparison.Ordinal);
        Assert.StartsWith("Sequences ends at 3: it must end at 4", Message(good, good, good, new() { Sequences = [0, 3] }), StringComparison.Ordinal);
        Assert.StartsWith("Sequences falls from 3 to 2 at index 2", Message(good, good, good, new() { Sequences = [0, 3, 2, 4] }), StringComparison.Ordinal);
        Assert.StartsWith("KeySequences has 2 offsets", Message(good, good, good, new() { Sequences = [0, 2, 4], KeySequences = [0, 4] }), StringComparison.Ordinal);
    }

    [Fact]
    public void What_a_predicate_throws_reaches_the_caller()
    {
        var expert = new PredicateExpert((q, k, _) => q / k > 0);
        Assert.Throws<DivideByZeroException>(() => Attend(expert, Ones(4, 1, 8), Ones(4, 1, 8), Ones(4, 1, 8)));
    }

    [Fact]
    public void A_cancelled_call_stops() =>
        Assert.Throws<OperationCanceledException>(() =>
            ReferenceAttention.Attend(s_causal, Ones(4, 1, 8), Ones(4, 1, 8), Ones(4, 1, 8), null, new CancellationToken(canceled: true)));

    private static AttentionResult<float> Attend<T>(ISparseExpert expert, Tensor<T> q, Tensor<T> k, Tensor<T> v, AttentionOptions? options = null)
        where T : unmanaged => ReferenceAttention.Attend(expert, q, k, v, options, TestContext.Current.CancellationToken);

    private static string Message(Tensor<float> q, Tensor<float> k, Tensor<float> v, AttentionOptions? options = null) =>
        Assert.Throws<ArgumentException>(() => Attend(s_causal, q, k, v, options)).Message;

    private static Tensor<float> Cube(float[] values, int tokens, int heads, int dim) => Tensor.Create(values, [tokens, heads, dim]);

    private static Tensor<float> Ones(int tokens, int heads, int dim) => Cube([.. Enumerable.Repeat(1f, tokens * heads * dim)], tokens, heads, dim);

    private static Tensor<float> Numbered(int tokens, int heads, int dim) =>
        Cube([.. Enumerable.Range(0, tokens * heads * dim).Select(i => (float)(i / (heads * dim)))], tokens, heads, dim);

    private static float[] Flat(Tensor<float> tensor)
    {
        float[] values = new float[tensor.FlattenedLength];
        tensor.FlattenTo(values);
        return values;
    }
}
