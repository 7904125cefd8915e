using System.Numerics.Tensors;
using System.Reflection;
using System.Runtime.InteropServices;
using MoBA.Conformance.Tests;
using MoBA.Gpu.Tests.Reference;
using MoBA.Patterns;
using MoBA.Runtime;
using MoBA.Runtime.Tests.Portable;
using Xunit;

namespace MoBA.Gpu.Tests.Offline;

/// <summary>The device reference is the project's oracle in float, and compiles for NVIDIA GPUs.</summary>
[Trait("Category", "Offline")]
public sealed class ReferenceDeviceTests
{
    /// <summary>The patterns, one a row.</summary>
    public static TheoryData<string> Patterns => [.. GpuCases.Patterns];

    [Theory]
    [MemberData(nameof(Patterns))]
    public void It_agrees_with_the_oracle_and_the_CPU_engine_passes(string pattern)
    {
        using ReferenceDevice device = ReferenceDevice.Cpu();
        using AttentionEngine engine = AttentionEngine.Create(Target.Cpu);
        Check(device, engine, new(pattern, 1, 60, true, Placement.Prefill, 2, 1, 16, Element.Half), null);
        Check(device, engine, new(pattern, 0, 70, false, Placement.Chunk, 3, 3, 8, Element.BFloat16), null);
        Check(device, engine, new(pattern, 2, 33, true, Placement.Tail, 2, 2, 24, Element.BFloat16), -1.5f);
        Check(device, engine, new(pattern, 1, 40, false, Placement.Beyond, 1, 1, 8, Element.Half), 0f);
    }

    [Fact]
    public void It_agrees_with_the_oracle_in_tiny_sequences()
    {
        using ReferenceDevice device = ReferenceDevice.Cpu();
        using AttentionEngine engine = AttentionEngine.Create(Target.Cpu);
        AttentionCase at = new(nameof(Causal), 0, 42, false, Placement.Prefill, 4, 2, 16, Element.BFloat16);
        AttentionInputs inputs = AttentionInputs.Normal(at).InSequences([0, 1, 2, 3, 4, 5, 6, 0, 1, 2, 3, 4, 5, 6]);
        AttentionOptions options = new() { ReturnLse = true, Sequences = [0, 0, 1, 3, 6, 10, 15, 21, 21, 22, 24, 27, 31, 36, 42] };
        Compare(inputs, device.Attend(inputs, at.Expert, at), Run<BFloat16>(inputs, engine, at.Expert, options), at);
        Assert.Throws<ArgumentException>(() => inputs.InSequences([41]));
    }

    [Theory]
    [InlineData(nameof(ReferenceKernels.Scores))]
    [InlineData(nameof(ReferenceKernels.Mask))]
    [InlineData(nameof(ReferenceKernels.Normalise))]
    [InlineData(nameof(ReferenceKernels.Values))]
    public void Its_kernels_compile_to_PTX(string kernel)
    {
        MethodInfo method = typeof(ReferenceKernels).GetMethod(kernel)!;
        Assert.Contains(".entry", OfflinePtx.Compile(method), StringComparison.Ordinal);
    }

    private static void Check(ReferenceDevice device, AttentionEngine engine, AttentionCase at, float? scale)
    {
        AttentionInputs inputs = AttentionInputs.Normal(at, scale);
        ISparseExpert expert = at.Expert;
        ReferenceResult actual = device.Attend(inputs, expert, at);
        AttentionOptions options = at.Options with { Scale = scale };
        if (at.Element == Element.Half)
            Compare(inputs, actual, Run<Half>(inputs, engine, expert, options), at);
        else
            Compare(inputs, actual, Run<BFloat16>(inputs, engine, expert, options), at);
    }

    private static void Compare(
        AttentionInputs inputs, ReferenceResult actual, (AttentionResult<float> Oracle, ushort[] Output, float[] Lse) wanted, AttentionCase at)
    {
        float[] output = [.. wanted.Oracle.Output], lse = [.. wanted.Oracle.Lse!];
        for (int i = 0; i < output.Length; i++)
            Assert.True(Math.Abs(output[i] - actual.Output[i]) < 1e-5, $"{at}: output {i} is {actual.Output[i]:R}, {output[i]:R} is wanted");
        for (int i = 0; i < lse.Length; i++)
            Assert.True(lse[i] == actual.Lse[i] || Math.Abs(lse[i] - actual.Lse[i]) < 1e-4, $"{at}: lse {i} is {actual.Lse[i]:R}, {lse[i]:R} is wanted");
        Assert.Null(Judge.Fault(inputs, actual, wanted.Output, wanted.Lse));
    }

    private static (AttentionResult<float> Oracle, ushort[] Output, float[] Lse) Run<T>(
        AttentionInputs inputs, AttentionEngine engine, ISparseExpert expert, AttentionOptions options)
        where T : unmanaged
    {
        Tensor<T> q = Of<T>(inputs.QBits, inputs.QueryTokens, inputs.QueryHeads, inputs.Dim);
        Tensor<T> k = Of<T>(inputs.KBits, inputs.Case.Keys, inputs.KeyHeads, inputs.Dim);
        Tensor<T> v = Of<T>(inputs.VBits, inputs.Case.Keys, inputs.KeyHeads, inputs.Dim);
        AttentionResult<T> result = engine.Attend(expert, q, k, v, options);
        T[] output = [.. result.Output];
        return (ReferenceAttention.Attend(expert, q, k, v, options), MemoryMarshal.Cast<T, ushort>(output).ToArray(), [.. result.Lse!]);
    }

    private static Tensor<T> Of<T>(ushort[] bits, params ReadOnlySpan<nint> shape)
        where T : unmanaged => Tensor.Create(MemoryMarshal.Cast<ushort, T>(bits).ToArray(), shape);
}
