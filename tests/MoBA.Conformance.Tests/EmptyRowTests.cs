using System.Numerics.Tensors;
using MoBA.Patterns;
using MoBA.Runtime;
using Xunit;

namespace MoBA.Conformance.Tests;

/// <summary>Rows that see no key, and comparisons that must not pass.</summary>
public sealed class EmptyRowTests
{
    /// <summary>Where attention runs here.</summary>
    public static TheoryData<Target> Targets => [Target.Cpu, Target.Portable];

    [Theory]
    [MemberData(nameof(Targets))]
    public void A_row_that_sees_nothing_is_zero_with_minus_infinity(Target target)
    {
        using AttentionEngine engine = AttentionEngine.Create(target);
        Tensor<float> q = Tensor.Create(Enumerable.Repeat(1f, 70 * 3 * 8).ToArray(), [70, 3, 8]);
        Tensor<float> k = Tensor.Create(Enumerable.Repeat(1f, 70 * 8).ToArray(), [70, 1, 8]);

        // Positions 40 to 109 and a window of 20: from position 89 on no key is in reach.
        AttentionOptions options = new() { QueryStart = 40, ReturnLse = true };
        AttentionResult<float> result = engine.Attend(new SlidingWindow { Window = 20 }, q, k, k, options);
        for (int row = 0; row < 70; row++)
        {
            bool sees = 40 + row - 20 + 1 < 70;
            for (int head = 0; head < 3; head++)
            {
                Assert.Equal(sees, float.IsFinite(result.Lse![row, head]));
                Assert.True(sees || float.IsNegativeInfinity(result.Lse[row, head]));
                Assert.Equal(sees ? 1 : 0, result.Output[row, head, 5], 1e-6f);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Targets))]
    public void A_sequence_without_keys_is_empty(Target target)
    {
        using AttentionEngine engine = AttentionEngine.Create(target);
        Tensor<float> q = Tensor.Create(Enumerable.Repeat(1f, 3 * 8).ToArray(), [3, 1, 8]);
        Tensor<float> none = Tensor.Create<float>([], [0, 1, 8]);
        AttentionResult<float> result = engine.Attend(new Causal(), q, none, none, new() { ReturnLse = true });
        Assert.All(result.Output.ToArray(), value => Assert.Equal(0, value));
        Assert.All(result.Lse!.ToArray(), value => Assert.Equal(float.NegativeInfinity, value));
    }

    [Theory]
    [MemberData(nameof(Targets))]
    public void One_key_more_or_less_is_noticed(Target target)
    {
        using AttentionEngine engine = AttentionEngine.Create(target);
        foreach (Element element in Enum.GetValues<Element>())
        {
            AttentionCase at = new(nameof(SlidingWindow), 1, 129, false, Placement.Prefill, 1, 1, 8, element);
            Agreement.Check(engine, at, new SlidingWindow { Window = 40 }, new SlidingWindow { Window = 40 });
            Assert.ThrowsAny<Xunit.Sdk.XunitException>(
                () => Agreement.Check(engine, at, new SlidingWindow { Window = 40 }, new SlidingWindow { Window = 41 }));
        }
    }
}
