using System.Numerics.Tensors;
using MoBA.Conformance.Tests;
using MoBA.Gpu.Tests.Reference;
using MoBA.Patterns;
using MoBA.Runtime;
using Xunit;

namespace MoBA.Gpu.Tests.Gpu;

/// <summary>Memory, parameters, and the life of an engine.</summary>
public sealed class EngineTests(GpuFixture gpu) : GpuTests(gpu)
{
    [Fact]
    public void The_best_target_here_is_the_GPU()
    {
        using AttentionEngine engine = AttentionEngine.Create();
        Assert.Equal(Target.Cuda, engine.Target);
        Assert.Equal(Target.Cuda, Engine.Target);
        Assert.NotEmpty(Engine.Description);
    }

    [Fact]
    public void A_tensor_comes_back_as_it_went()
    {
        using DeviceCall call = new(Engine, 333);
        Assert.Equal(call.Inputs.QBits, DeviceCall.Read(call.Q));
        Tensor<BFloat16> transposed = Tensor.PermuteDimensions(call.HostQ, [1, 0, 2]);
        using DeviceTensor<BFloat16> copy = Engine.ToDevice(transposed);
        Assert.Equal([.. transposed], copy.ToHost().ToArray());
    }

    [Fact]
    public void A_table_that_has_changed_is_read_again()
    {
        int[] documents = [.. Enumerable.Range(0, 300).Select(i => i / 50)];
        AttentionInputs inputs = AttentionInputs.Normal(new(nameof(DocumentCausal), 0, 300, false, Placement.Prefill, 4, 2, 128, Element.BFloat16));
        DocumentCausal expert = new() { Document = documents };
        for (int length = 50; length <= 90; length += 20)
        {
            for (int i = 0; i < documents.Length; i++)
                documents[i] = i / length;
            GpuOutcome outcome = CaseRunner.Run(Engine, expert, inputs, Layout.Dense);
            ReferenceResult wanted = Gpu.Reference.Attend(inputs, expert, ("documents", length));
            Assert.Null(Judge.Fault(inputs, wanted, outcome.Output, outcome.Lse));
        }
    }

    [Fact]
    public void Many_tiny_sequences_are_right()
    {
        int[] lengths = [.. Enumerable.Range(0, 5000).Select(i => i % 7)], offsets = new int[lengths.Length + 1];
        for (int i = 0; i < lengths.Length; i++)
            offsets[i + 1] = offsets[i] + lengths[i];
        using DeviceCall call = new(Engine, offsets[^1]);
        DeviceAttentionResult<BFloat16> result = Engine.Attend(new Causal(), call.Q, call.K, call.V, new() { Sequences = offsets, ReturnLse = true });
        using DeviceTensor<BFloat16> output = result.Output;
        using DeviceTensor<float> lse = result.Lse!;
        AttentionInputs inputs = call.Inputs.InSequences(lengths);
        ReferenceResult wanted = Gpu.Reference.Attend(inputs, new Causal(), nameof(Many_tiny_sequences_are_right));
        Assert.Null(Judge.Fault(inputs, wanted, DeviceCall.Read(output), [.. lse.ToHost()]));
    }

    [Fact]
    public void No_queries_and_no_keys_are_calls_too()
    {
        using DeviceCall call = new(Engine, 70);
        using DeviceTensor<BFloat16> none = Engine.Allocate<BFloat16>(0, 4, 64), noKeys = Engine.Allocate<BFloat16>(0, 2, 64);
        using DeviceTensor<BFloat16> empty = Engine.Attend(new Causal(), none, call.K, call.V).Output;
        Assert.Equal([0, 4, 64], empty.Shape.ToArray());

        DeviceAttentionResult<BFloat16> blind = Engine.Attend(new Causal(), call.Q, noKeys, noKeys, new() { ReturnLse = true });
        Assert.All(DeviceCall.Read(blind.Output), bits => Assert.Equal(0, bits & 0x7FFF));
        Assert.All(blind.Lse!.ToHost(), value => Assert.Equal(float.NegativeInfinity, value));
        blind.Output.Dispose();
        blind.Lse!.Dispose();
    }

    [Fact]
    public void Repeated_calls_take_no_more_memory()
    {
        using DeviceCall call = new(Engine, 4096, dim: 128);
        for (int i = 0; i < 5; i++)
            call.Attend(Engine, new Causal());
        long before = ForeignMemory.FreeBytes;
        for (int i = 0; i < 200; i++)
            call.Attend(Engine, new Causal());
        Assert.InRange(before - ForeignMemory.FreeBytes, long.MinValue, 16L << 20);
    }

    [Fact]
    public void An_engine_keeps_no_more_memory_than_it_may()
    {
        const long limit = 64L << 20;
        using AttentionEngine engine = AttentionEngine.Create(new AttentionEngineOptions { Target = Target.Cuda, WorkspaceBytes = limit });
        engine.Allocate<BFloat16>(1024, 64, 128).Dispose();
        engine.DefaultStream.Synchronize();
        long before = ForeignMemory.FreeBytes;
        for (int i = 1; i <= 16; i++)
            engine.Allocate<BFloat16>(i, 1024, 8 * 1024).Dispose();
        engine.DefaultStream.Synchronize();
        Assert.InRange(before - ForeignMemory.FreeBytes, long.MinValue, limit + (8L << 20));
    }

    [Fact]
    public void Too_much_memory_is_refused_by_its_size_and_the_engine_works_on()
    {
        InsufficientMemoryException exception = Assert.Throws<InsufficientMemoryException>(() => Engine.Allocate<BFloat16>(1 << 20, 1 << 10, 1 << 10));
        Assert.Contains("2,199,023,255,552 bytes", exception.Message, StringComparison.Ordinal);
        using DeviceCall call = new(Engine, 100);
        Assert.Equal(call.Attend(Engine, new Causal()), call.Attend(Engine, new Causal()));
    }

    [Fact]
    public void A_disposed_engine_refuses_and_others_work_on()
    {
        AttentionEngine engine = AttentionEngine.Create(Target.Cuda);
        DeviceCall call = new(engine, 2000, dim: 128);
        ushort[] wanted = call.Attend(engine, new Causal());
        engine.Attend(new Causal(), call.Q, call.K, call.V);
        engine.Dispose();
        engine.Dispose();
        Assert.Throws<ObjectDisposedException>(() => engine.Attend(new Causal(), call.Q, call.K, call.V));
        Assert.Throws<ObjectDisposedException>(() => engine.Allocate<BFloat16>(1, 1, 8));
        Assert.Throws<ObjectDisposedException>(() => engine.Attend(new Causal(), call.HostQ, call.HostK, call.HostV));
        call.Dispose();

        using DeviceCall again = new(Engine, 2000, dim: 128);
        Assert.Equal(wanted, again.Attend(Engine, new Causal()));
    }
}
