using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using MoBA.Conformance.Tests;
using MoBA.Gpu.Tests.Reference;
using MoBA.Patterns;
using MoBA.Runtime;
using Xunit;

namespace MoBA.Gpu.Tests.Gpu;

/// <summary>Host tensors on an engine of the GPU: kernels where there are some, and right answers where there are none.</summary>
public sealed class HostTensorTests(GpuFixture gpu) : GpuTests(gpu)
{
    /// <summary>The patterns, one a row.</summary>
    public static TheoryData<string> Patterns => [.. GpuCases.Patterns];

    [Theory]
    [MemberData(nameof(Patterns))]
    public void Static_patterns_are_right(string pattern)
    {
        AttentionCase at = new(pattern, 1, 300, true, Placement.Tail, 4, 2, 128, Element.BFloat16);
        AttentionInputs inputs = AttentionInputs.Normal(at);
        AttentionResult<BFloat16> result = Engine.Attend(
            at.Expert, Host(inputs.QBits, inputs.QueryTokens, 4, 128), Host(inputs.KBits, 300, 2, 128), Host(inputs.VBits, 300, 2, 128), at.Options);
        BFloat16[] output = [.. result.Output];
        ReferenceResult wanted = Gpu.Reference.Attend(inputs, at.Expert, at);
        Assert.Null(Judge.Fault(inputs, wanted, MemoryMarshal.Cast<BFloat16, ushort>(output).ToArray(), [.. result.Lse!]));
        Assert.NotEmpty(result.Timings);
    }

    [Fact]
    public void Strided_tensors_and_the_callers_output_are_right()
    {
        using DeviceCall call = new(Engine, 300, queryHeads: 4, keyHeads: 4, dim: 64);
        ushort[] wanted = call.Attend(Engine, new Causal());

        // [heads, tokens, dim] in memory.
        Tensor<BFloat16> q = Turned(call.HostQ), k = Turned(call.HostK), v = Turned(call.HostV);
        Tensor<BFloat16> output = Tensor.PermuteDimensions(Tensor.CreateFromShape<BFloat16>([4, 300, 64]), [1, 0, 2]);
        AttentionResult<BFloat16> result = Engine.Attend(new Causal(), q, k, v, new AttentionOptions(), output);
        Assert.Same(output, result.Output);
        BFloat16[] actual = [.. output];
        Assert.Equal(wanted, MemoryMarshal.Cast<BFloat16, ushort>(actual).ToArray());
    }

    [Fact]
    public void Float_is_right()
    {
        Tensor<float> q = Floats(200, 4, 40), k = Floats(200, 2, 40), v = Floats(200, 2, 40);
        AssertClose(ReferenceAttention.Attend(new BigBird { Block = 16 }, q, k, v).Output, Engine.Attend(new BigBird { Block = 16 }, q, k, v), 1e-5f);
    }

    [Fact]
    public void Gated_experts_of_float_are_right()
    {
        Tensor<float> q = Floats(500, 4, 64), k = Floats(500, 2, 64), v = Floats(500, 2, 64);
        foreach (ISparseExpert expert in (ISparseExpert[])
        [
            new MobaTopK { BlockSize = 32, TopK = 3 }, new MobaSinks { BlockSize = 32, TopK = 2, Sinks = 5, Window = 20 },
            new QuestTopK { BlockSize = 16, TopK = 5 }, new MobaGroup { BlockSize = 16, TopK = 4 },
        ])
        {
            AttentionOptions options = new() { ReturnRoutes = true };
            AttentionResult<float> result = Engine.Attend(expert, q, k, v, options);
            AssertClose(ReferenceAttention.Attend(expert, result.Routes!, q, k, v, options).Output, result.Output, 1e-5f);
        }
    }

    private static Tensor<BFloat16> Host(ushort[] bits, int tokens, int heads, int dim) =>
        Tensor.Create(MemoryMarshal.Cast<ushort, BFloat16>(bits).ToArray(), [tokens, heads, dim]);

    private static Tensor<float> Floats(int tokens, int heads, int dim) =>
        Tensor.Create(Bits.ToFloats(NormalPool.Take(Element.Half, tokens + heads, tokens * heads * dim), Element.Half), [tokens, heads, dim]);

    // The same values, head by head in memory.
    private static Tensor<BFloat16> Turned(Tensor<BFloat16> tensor)
    {
        BFloat16[] values = [.. Tensor.PermuteDimensions(tensor, [1, 0, 2])];
        return Tensor.PermuteDimensions(Tensor.Create(values, [tensor.Lengths[1], tensor.Lengths[0], tensor.Lengths[2]]), [1, 0, 2]);
    }

    private static void AssertClose(Tensor<float> wanted, Tensor<float> actual, float allowed)
    {
        float[] expected = [.. wanted], found = [.. actual];
        Assert.Equal(expected.Length, found.Length);
        for (int i = 0; i < expected.Length; i++)
            Assert.True(Math.Abs(expected[i] - found[i]) <= allowed, $"element {i}: {found[i]} instead of {expected[i]}");
    }
}
