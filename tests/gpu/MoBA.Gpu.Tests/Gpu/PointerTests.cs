using MoBA.Patterns;
using MoBA.Runtime;
using Xunit;

namespace MoBA.Gpu.Tests.Gpu;

/// <summary>Memory of other libraries, and calls that do not fit.</summary>
public sealed class PointerTests(GpuFixture gpu) : GpuTests(gpu)
{
    private static readonly nint[] _shape = [300, 2, 64], _strides = [128, 64, 1];

    [Fact]
    public void Memory_of_another_library_is_attended_as_it_is()
    {
        using DeviceCall call = new(Engine, 300, queryHeads: 2);
        ushort[] wanted = call.Attend(Engine, new Causal());
        long count = call.Inputs.QBits.Length;
        using ForeignMemory q = Of(call.Inputs.QBits), k = Of(call.Inputs.KBits), v = Of(call.Inputs.VBits), output = Of(new ushort[count]);
        Engine.Attend(new Causal(), View(q), View(k), View(v), new() { Strict = true }, View(output));
        Engine.DefaultStream.Synchronize();
        ushort[] actual = new ushort[count];
        output.Download(0, actual);
        Assert.Equal(wanted, actual);
        Assert.Throws<InvalidOperationException>(() => View(q).ToHost());
    }

    [Fact]
    public unsafe void A_host_pointer_is_refused_by_a_strict_call()
    {
        using DeviceCall call = new(Engine, 300, queryHeads: 2);
        ushort* memory = (ushort*)System.Runtime.InteropServices.NativeMemory.AlignedAlloc(300 * 2 * 64 * 2, 256);
        try
        {
            DeviceTensor<BFloat16> host = DeviceTensor.FromPointer<BFloat16>((nint)memory, _shape, _strides);
            ArgumentException exception = Assert.Throws<ArgumentException>(() => Engine.Attend(new Causal(), host, call.K, call.V, new() { Strict = true }));
            AssertSays(exception, "q ", "no memory of a CUDA device");
            exception = Assert.Throws<ArgumentException>(() => Engine.Attend(new Causal(), call.Q, host, call.V, new() { Strict = true }));
            AssertSays(exception, "k ", "no memory of a CUDA device");
        }
        finally
        {
            System.Runtime.InteropServices.NativeMemory.AlignedFree(memory);
        }

        Assert.NotEmpty(call.Attend(Engine, new Causal()));
    }

    [Fact]
    public void A_view_beyond_its_allocation_is_refused_by_a_strict_call()
    {
        using DeviceCall call = new(Engine, 300, queryHeads: 2);
        using ForeignMemory memory = Of(new ushort[4 << 20]);
        DeviceTensor<BFloat16> beyond = DeviceTensor.FromPointer<BFloat16>(memory.Pointer + (8 << 20) - 4096, _shape, _strides);
        ArgumentException exception = Assert.Throws<ArgumentException>(() => Engine.Attend(new Causal(), call.Q, call.K, beyond, new() { Strict = true }));
        AssertSays(exception, "v ", "4096 bytes are allocated");
    }

    [Fact]
    public void Rows_that_kernels_cannot_read_are_refused()
    {
        using DeviceCall call = new(Engine, 300, queryHeads: 2);
        DeviceTensor<BFloat16> crooked = DeviceTensor.FromPointer<BFloat16>(call.Q.Pointer + 2, [299, 2, 64], _strides);
        AssertSays(Assert.Throws<ArgumentException>(() => Engine.Attend(new Causal(), crooked, call.K, call.V)), "q ", "16 bytes");
        DeviceTensor<BFloat16> narrow = DeviceTensor.FromPointer<BFloat16>(call.K.Pointer, [200, 2, 64], [132, 64, 1]);
        AssertSays(Assert.Throws<ArgumentException>(() => Engine.Attend(new Causal(), call.Q, narrow, narrow)), "k ", "[132, 64, 1]");
        DeviceTensor<BFloat16> turned = DeviceTensor.FromPointer<BFloat16>(call.K.Pointer, _shape, [128, 1, 2]);
        AssertSays(Assert.Throws<ArgumentException>(() => Engine.Attend(new Causal(), call.Q, turned, turned)), "k ", "last stride");
    }

    [Fact]
    public void What_does_not_fit_is_named()
    {
        using DeviceCall call = new(Engine, 300), other = new(Engine, 200, dim: 128);
        AssertSays(Assert.Throws<ArgumentException>(() => Engine.Attend(new Causal(), call.Q, other.K, other.V)), "k is [200, 2, 128]", "[300, 4, 64]");
        AssertSays(
            Assert.Throws<ArgumentException>(() => Engine.Attend(new Causal(), call.Q, call.K, call.V, new() { Sequences = [0, 299] })), "Sequences", "300");
        AssertSays(
            Assert.Throws<ArgumentException>(() => Engine.Attend(new DocumentCausal { Document = new int[10] }, call.Q, call.K, call.V)), "Document", "10");
        AssertSays(
            Assert.Throws<ArgumentException>(() => Engine.Attend(new Strided { Stride = 0 }, call.Q, call.K, call.V)), "Stride", "0");
        using DeviceTensor<float> single = Engine.Allocate<float>(300, 2, 64);
        AssertSays(Assert.Throws<ArgumentException>(() => Engine.Attend(new Causal(), single, single, single)), "Single", "BFloat16");
        using DeviceCall longer = new(Engine, 2000);
        AssertSays(
            Assert.Throws<NotSupportedException>(() => Engine.Attend(new MobaTopK { BlockSize = 16, TopK = 70 }, longer.Q, longer.K, longer.V)),
            nameof(MobaTopK), "TopK to 64");
    }

    private static ForeignMemory Of(ushort[] values)
    {
        ForeignMemory memory = new(values.Length * 2L);
        memory.Upload(0, values);
        ForeignMemory.Synchronize();
        return memory;
    }

    private static DeviceTensor<BFloat16> View(ForeignMemory memory) => DeviceTensor.FromPointer<BFloat16>(memory.Pointer, _shape, _strides);

    private static void AssertSays(Exception exception, params string[] words) =>
        Assert.All(words, word => Assert.Contains(word, exception.Message, StringComparison.Ordinal));
}
