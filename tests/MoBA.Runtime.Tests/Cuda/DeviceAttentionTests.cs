using System.Numerics.Tensors;
using MoBA.Runtime.Cuda;
using Xunit;

namespace MoBA.Runtime.Tests.Cuda;

/// <summary>Calls on device tensors: what the kernels are given, in what order, and what is refused.</summary>
public sealed class DeviceAttentionTests : IDisposable
{
    private readonly FakeDevice _device = new();
    private readonly AttentionEngine _cpu = AttentionEngine.Create(Target.Cpu);

    private AttentionEngine Engine => _device.Engine;

    public void Dispose()
    {
        _cpu.Dispose();
        _device.Dispose();
        Assert.Equal(0, _device.Driver.Leaks);
        Assert.True(FakeCudaDriver.NoneCurrent);
    }

    [Fact]
    public void TheResultIsThatOfTheHost()
    {
        (Tensor<Half> q, Tensor<Half> k, Tensor<Half> v) = (Inputs.Normal<Half>(1, 60, 4, 16), Inputs.Normal<Half>(2, 70, 2, 16), Inputs.Normal<Half>(3, 70, 2, 16));
        AttentionResult<Half> wanted = _cpu.Attend(new WindowAndSinks(9, 2), q, k, v, new() { Sequences = [0, 20, 60], KeySequences = [0, 30, 70], Scale = 0.3f, ReturnLse = true });
        using DeviceTensor<Half> dq = Engine.ToDevice(q), dk = Engine.ToDevice(k), dv = Engine.ToDevice(v);
        DeviceAttentionResult<Half> result = Engine.Attend(new WindowAndSinks(9, 2), dq, dk, dv, new() { Sequences = [0, 20, 60], KeySequences = [0, 30, 70], Scale = 0.3f, ReturnLse = true });
        using DeviceTensor<Half> output = result.Output;
        using DeviceTensor<float> lse = result.Lse!;
        Assert.Equal(Inputs.Floats(wanted.Output), Inputs.Floats(output.ToHost()));
        Assert.Equal(Inputs.Floats(wanted.Lse!), Inputs.Floats(lse.ToHost()));
        CudaCall call = _device.Attention.Call;
        Assert.Equal((60, 70, 4, 2, 16, ElementKind.Half), (call.QueryTokens, call.KeyTokens, call.QueryHeads, call.KeyHeads, call.Dim, call.Kind));
        Assert.Equal(new AttentionExtent(-10 + 10, 39, 40, 4) with { FirstQuery = 0 }, call.Extent);
    }

    [Fact]
    public void PackedStridesOfAnotherLibraryAreReadAsTheyAre()
    {
        // [tokens, 3, heads, dim] as a projection leaves it.
        Tensor<BFloat16> packed = Inputs.Normal<BFloat16>(1, 33, 6, 8);
        using DeviceTensor<BFloat16> all = Engine.ToDevice(packed), output = Engine.Allocate<BFloat16>(33, 2, 8);
        DeviceTensor<BFloat16>[] parts = [.. Enumerable.Range(0, 3).Select(i => DeviceTensor.FromPointer<BFloat16>(all.Pointer + i * 32, [33, 2, 8], [48, 8, 1]))];
        DeviceAttentionResult<BFloat16> result = Engine.Attend(new Causal(), parts[0], parts[1], parts[2], new() { Strict = true }, output);
        Assert.Same(output, result.Output);

        Tensor<BFloat16>[] wanted = [.. Enumerable.Range(0, 3).Select(i => Tensor.Create(packed.ToArray()[(i * 16)..], [33, 2, 8], [48, 8, 1]))];
        Assert.Equal(Inputs.Floats(_cpu.Attend(new Causal(), wanted[0], wanted[1], wanted[2])), Inputs.Floats(output.ToHost()));
    }

    [Fact]
    public void TensorsGoFromStreamToStreamInOrder()
    {
        Tensor<Half> host = Inputs.Normal<Half>(1, 40, 2, 8);
        using CudaStream one = Engine.CreateStream(), two = Engine.CreateStream();
        DeviceTensor<Half> x = Engine.ToDevice(host);
        DeviceTensor<Half> y = Engine.Attend(new Causal(), x, x, x, new() { Stream = one }).Output;
        using DeviceTensor<Half> z = Engine.Attend(new Causal(), y, x, x, new() { Stream = two }).Output;
        x.Dispose();
        y.Dispose();

        // The memory of x and y may be taken now, by work that comes after theirs.
        using DeviceTensor<Half> again = Engine.ToDevice(Inputs.Normal<Half>(7, 40, 2, 8)), more = Engine.ToDevice(Inputs.Normal<Half>(8, 40, 2, 8));
        Engine.DefaultStream.Synchronize();
        Tensor<Half> wanted = _cpu.Attend(new Causal(), _cpu.Attend(new Causal(), host, host, host), host, host);
        Assert.Equal(Inputs.Floats(wanted), Inputs.Floats(z.ToHost()));
    }

    [Fact]
    public void AStreamOfAnotherLibraryAndADisposedOneAreDealtWith()
    {
        Tensor<Half> host = Inputs.Normal<Half>(1, 8, 1, 8);
        using DeviceTensor<Half> x = Engine.ToDevice(host);
        CudaStream foreign = CudaStream.FromHandle(_device.Driver.ForeignStream());
        DeviceTensor<Half> y = Engine.Attend(new Causal(), x, x, x, new() { Stream = foreign }).Output;
        Assert.Equal(Inputs.Floats(_cpu.Attend(new Causal(), host, host, host)), Inputs.Floats(y.ToHost()));
        y.Dispose();
        using (CudaStream own = Engine.CreateStream())
            y = Engine.Attend(new Causal(), x, x, x, new() { Stream = own }).Output;
        Assert.Equal(Inputs.Floats(_cpu.Attend(new Causal(), host, host, host)), Inputs.Floats(y.ToHost()));
        y.Dispose();
        CudaStream gone = Engine.CreateStream();
        gone.Dispose();
        Assert.Throws<ObjectDisposedException>(() => Engine.Attend(new Causal(), x, x, x, new() { Stream = gone }));
        foreign.Dispose();
        _device.Driver.StreamDestroy(foreign.Handle);
    }

    [Fact]
    public void RoutesAreThoseOfTheHost()
    {
        GatedExpert gated = new(new Causal(), new BlockGate(16, 3, scope: RouteScope.KeyGroup));
        (Tensor<Half> q, Tensor<Half> k) = (Inputs.Normal<Half>(1, 90, 4, 16), Inputs.Normal<Half>(2, 90, 2, 16));
        AttentionResult<Half> wanted = _cpu.Attend(gated, q, k, k, new() { ReturnRoutes = true });
        using DeviceTensor<Half> dq = Engine.ToDevice(q), dk = Engine.ToDevice(k);
        DeviceAttentionResult<Half> result = Engine.Attend(gated, dq, dk, dk, new() { ReturnRoutes = true });
        using DeviceTensor<Half> output = result.Output;
        using DeviceTensor<int> routes = result.Routes!;
        Assert.Equal([90, 2, 3], routes.Shape);
        Assert.Equal(wanted.Routes!.ToArray(), routes.ToHost().ToArray());
        Assert.Equal(12345, result.WorkspaceBytes);

        DeviceAttentionResult<Half> ungated = Engine.Attend(new Causal(), dq, dk, dk, new() { ReturnRoutes = true });
        Assert.Null(ungated.Routes);
        Assert.Equal(0, ungated.WorkspaceBytes);
        ungated.Output.Dispose();
    }

    [Fact]
    public void NothingIsLaunchedForNoQueries()
    {
        using DeviceTensor<Half> q = Engine.Allocate<Half>(0, 2, 8), k = Engine.Allocate<Half>(5, 2, 8);
        DeviceAttentionResult<Half> result = Engine.Attend(new Causal(), q, k, k, new() { ReturnLse = true });
        Assert.Equal([0, 2, 8], result.Output.Shape);
        Assert.Equal([0, 2], result.Lse!.Shape);
        Assert.Equal(default, _device.Attention.Call);
        result.Output.Dispose();
        result.Lse.Dispose();
    }

    [Fact]
    public void ArgumentsAreCheckedAsThoseOfHostTensors()
    {
        using DeviceTensor<Half> q = Engine.Allocate<Half>(6, 4, 16), k = Engine.Allocate<Half>(6, 3, 16), odd = Engine.Allocate<Half>(6, 4, 12);
        using DeviceTensor<float> single = Engine.Allocate<float>(6, 4, 16);
        Refused("the 4 query heads must be a multiple of the 3 key heads", q, k);
        Refused("dim 12 must be a multiple of 8", odd, odd);
        Refused("Sequences ends at 5: it must end at 6", q, q, new() { Sequences = [0, 5] });
        Refused("Scale is NaN", q, q, new() { Scale = float.NaN });
        Refused("QueryStart is 2000000000", q, q, new() { QueryStart = 2_000_000_000 });
        Refused("output shares memory with k", q, q, new(), q);
        Refused("output is [6, 3, 16]: it must have the shape of q", q, q, new(), k);
        Refused("device tensors of System.Single: tensor cores take System.Half and MoBA.Runtime.BFloat16", single, single);
        Assert.Throws<ArgumentNullException>(() => Engine.Attend(new Causal(), q, null!, q));
        NotSupportedException e = Assert.Throws<NotSupportedException>(() => Engine.Attend(new Nothing(), q, q, q));
        Assert.Equal("Nothing has no kernel.", e.Message);
    }

    [Theory]
    [InlineData("q starts at 0x1008: it must start at a multiple of 16 bytes", 0x1008, 32, 8, 1)]
    [InlineData("q is [6, 4, 8] with strides [36, 8, 1]", 0x1000, 36, 8, 1)]
    [InlineData("q is [6, 4, 8] with strides [48, 12, 1]", 0x1000, 48, 12, 1)]
    [InlineData("q is [6, 4, 8] with strides [64, 16, 2]", 0x1000, 64, 16, 2)]
    public void RowsThatKernelsCannotReadAreNamed(string message, int pointer, int token, int head, int component)
    {
        using DeviceTensor<Half> k = Engine.Allocate<Half>(6, 4, 8);
        Refused(message, DeviceTensor.FromPointer<Half>(pointer, [6, 4, 8], [token, head, component]), k);
    }

    [Fact]
    public void StridesOfOneTokenOrOneHeadDoNotMatter()
    {
        using DeviceTensor<Half> k = Engine.ToDevice(Inputs.Normal<Half>(1, 1, 1, 8));
        using DeviceTensor<Half> o = Engine.Attend(new Causal(), DeviceTensor.FromPointer<Half>(k.Pointer, [1, 1, 8], [3, 5, 1]), k, k).Output;
        Assert.Equal(new CudaRows(k.Pointer, 8, 8), _device.Attention.Call.Q);
        Assert.Equal(Inputs.Floats(k.ToHost()), Inputs.Floats(o.ToHost()));
    }

    [Fact]
    public void StrictCallsAskWhoseMemoryItIs()
    {
        using DeviceTensor<Half> k = Engine.Allocate<Half>(6, 4, 8);
        DeviceAttentionOptions strict = new() { Strict = true };
        Refused("q starts at 0x1000, which is no memory of a CUDA device", DeviceTensor.FromPointer<Half>(0x1000, [6, 4, 8], [32, 8, 1]), k, strict);
        Refused("reaches over 672 bytes", DeviceTensor.FromPointer<Half>(k.Pointer, [6, 4, 8], [60 - 4, 16, 1]), k, strict);
        Refused("and 496 bytes are allocated there", DeviceTensor.FromPointer<Half>(k.Pointer + 16, [8, 4, 8], [32, 8, 1]), k, strict);
        _device.Driver.MemoryDevice = 3;
        Refused("q is memory of device 3 and the engine runs on device 0, Fake H200", k, k, strict);
    }

    private void Refused<T>(string message, DeviceTensor<T> q, DeviceTensor<T> k, DeviceAttentionOptions? options = null, DeviceTensor<T>? output = null)
        where T : unmanaged
    {
        ArgumentException e = Assert.Throws<ArgumentException>(() => Engine.Attend(new Causal(), q, k, k, options ?? new(), output));
        Assert.Contains(message, e.Message, StringComparison.Ordinal);
    }
}
