using System.Diagnostics;
using MoBA.Patterns;
using MoBA.Runtime;
using Xunit;

namespace MoBA.Gpu.Tests.Gpu;

/// <summary>Calls on device tensors are enqueued in the order of their streams, and return before the work is done.</summary>
public sealed class StreamTests(GpuFixture gpu) : GpuTests(gpu)
{
    [Fact]
    public void A_call_returns_before_its_work_is_done()
    {
        const int calls = 10;
        using DeviceCall call = new(Engine, 32_768, queryHeads: 8, keyHeads: 8, dim: 128);
        using DeviceTensor<BFloat16> output = Engine.Allocate<BFloat16>(32_768, 8, 128);
        Engine.Attend(new Causal(), call.Q, call.K, call.V, new(), output);
        Engine.DefaultStream.Synchronize();

        long start = Stopwatch.GetTimestamp();
        for (int i = 0; i < calls; i++)
            Engine.Attend(new Causal(), call.Q, call.K, call.V, new(), output);
        TimeSpan enqueued = Stopwatch.GetElapsedTime(start);
        Engine.DefaultStream.Synchronize();
        TimeSpan done = Stopwatch.GetElapsedTime(start);
        Assert.True(enqueued < done / 2, $"{calls} calls were enqueued in {enqueued.TotalMilliseconds:F2} ms and done after {done.TotalMilliseconds:F2} ms");
    }

    [Fact]
    public void A_callers_stream_gives_the_same_bits()
    {
        // Another library's stream must outlive the tensors that were used on it.
        using CudaStream stream = Engine.CreateStream();
        using DeviceCall call = new(Engine, 500);
        ushort[] wanted = call.Attend(Engine, new Causal());
        Assert.Equal(wanted, call.Attend(Engine, new Causal(), stream));
        Assert.Equal(wanted, call.Attend(Engine, new Causal(), CudaStream.FromHandle(0)));
        Assert.Equal(wanted, call.Attend(Engine, new Causal(), CudaStream.FromHandle(stream.Handle)));
    }

    [Fact]
    public void Work_on_one_stream_waits_for_the_tensors_of_another()
    {
        using DeviceCall call = new(Engine, 8192, queryHeads: 8, keyHeads: 8, dim: 128);
        ushort[] wanted = Chain(Engine.DefaultStream, Engine.DefaultStream);
        using CudaStream one = Engine.CreateStream(), other = Engine.CreateStream();
        for (int i = 0; i < 10; i++)
            Assert.Equal(wanted, Chain(one, other));

        // The second call reads as queries what the first one is still writing.
        ushort[] Chain(CudaStream first, CudaStream second)
        {
            using DeviceTensor<BFloat16> between = Engine.Attend(new Causal(), call.Q, call.K, call.V, new() { Stream = first }).Output;
            using DeviceTensor<BFloat16> last = Engine.Attend(new SlidingWindow { Window = 64 }, between, call.K, call.V, new() { Stream = second }).Output;
            return DeviceCall.Read(last);
        }
    }

    [Fact]
    public void Tensors_may_be_disposed_while_work_uses_them()
    {
        ushort[] wanted = Disposed(0);
        for (int i = 1; i < 20; i++)
            Assert.Equal(wanted, Disposed(i));

        // Memory that is given back is taken again at once, by an upload of zeros.
        ushort[] Disposed(int run)
        {
            using CudaStream stream = Engine.CreateStream();
            DeviceCall call = new(Engine, 4096, dim: 128);
            DeviceTensor<BFloat16> output = Engine.Attend(new Causal(), call.Q, call.K, call.V, new() { Stream = run % 2 == 0 ? stream : null }).Output;
            call.Dispose();
            using DeviceTensor<BFloat16> zeros = Engine.ToDevice(System.Numerics.Tensors.Tensor.CreateFromShape<BFloat16>([4096, 2, 128]));
            using DeviceTensor<BFloat16> more = Engine.ToDevice(System.Numerics.Tensors.Tensor.CreateFromShape<BFloat16>([4096, 4, 128]));
            using (output)
                return DeviceCall.Read(output);
        }
    }

    [Fact]
    public void The_output_may_be_q()
    {
        using DeviceCall call = new(Engine, 700, queryHeads: 6, keyHeads: 2, dim: 128);
        ushort[] wanted = call.Attend(Engine, new Causal());
        Engine.Attend(new Causal(), call.Q, call.K, call.V, new(), call.Q);
        Assert.Equal(wanted, DeviceCall.Read(call.Q));
    }
}
