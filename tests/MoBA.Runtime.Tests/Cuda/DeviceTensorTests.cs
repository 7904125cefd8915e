using System.Numerics.Tensors;
using Xunit;

namespace MoBA.Runtime.Tests.Cuda;

/// <summary>Tensors on the device: copies both ways, strides, other libraries' memory, and what is refused.</summary>
public sealed class DeviceTensorTests : IDisposable
{
    private readonly FakeDevice _device = new();

    private AttentionEngine Engine => _device.Engine;

    public void Dispose()
    {
        _device.Dispose();
        Assert.Equal(0, _device.Driver.Leaks);
    }

    [Fact]
    public void ValuesComeBackThroughSeveralChunks()
    {
        // 3 chunks of 4 MiB and a rest, so that both staging buffers are used again.
        Tensor<float> host = Inputs.Normal<float>(1, 4099, 3, 257);
        using DeviceTensor<float> device = Engine.ToDevice(host);
        Assert.Equal([4099, 3, 257], device.Shape);
        Assert.Equal([771, 257, 1], device.Strides);
        Assert.Equal(Inputs.Floats(host), Inputs.Floats(device.ToHost()));

        device.CopyFrom(Inputs.Normal<float>(2, 4099, 3, 257));
        device.CopyTo(host);
        Assert.Equal(Inputs.Floats(Inputs.Normal<float>(2, 4099, 3, 257)), Inputs.Floats(host));
    }

    [Fact]
    public void StridedTensorsOfTheHostAreCopiedElementByElementOfTheirShape()
    {
        int[] values = [.. Enumerable.Range(0, 4 * 3 * 5)];
        Tensor<int> columns = Tensor.Create(values, [3, 5, 4], [5, 1, 15]);
        using DeviceTensor<int> device = Engine.ToDevice(columns);
        Assert.Equal(Inputs.Ints(columns), Inputs.Ints(device.ToHost()));

        Tensor<int> target = Tensor.Create(new int[60], [3, 5, 4], [20, 1, 5]);
        device.CopyTo(target);
        Assert.Equal(Inputs.Ints(columns), Inputs.Ints(target));

        Tensor<int> broadcast = Tensor.Create(values, [7, 5], [0, 1]);
        using DeviceTensor<int> rows = Engine.ToDevice(broadcast);
        Assert.Equal(Enumerable.Range(0, 35).Select(static i => i % 5), Inputs.Ints(rows.ToHost()));
    }

    [Fact]
    public void EmptyTensorsAndScalarsCanBeCopied()
    {
        using DeviceTensor<Half> none = Engine.ToDevice(Tensor.Create(Array.Empty<Half>(), [0, 2, 8]));
        Assert.Equal([0, 2, 8], none.ToHost().Lengths.ToArray());
        using DeviceTensor<BFloat16> one = Engine.Allocate<BFloat16>(1);
        one.CopyFrom(Tensor.Create([(BFloat16)3f], [1]));
        Assert.Equal(3f, (float)one.ToHost()[0]);
    }

    [Fact]
    public void MemoryOfADisposedTensorIsUsedAgain()
    {
        DeviceTensor<float> first = Engine.Allocate<float>(16, 16);
        nint pointer = first.Pointer;
        first.Dispose();
        first.Dispose();
        using DeviceTensor<int> second = Engine.Allocate<int>(256);
        Assert.Equal(pointer, second.Pointer);
        using DeviceTensor<int> third = Engine.Allocate<int>(256);
        Assert.NotEqual(pointer, third.Pointer);
        Assert.Throws<ObjectDisposedException>(() => first.Pointer);
    }

    [Fact]
    public void MemoryOfAnotherLibraryIsTakenAsItIsAndNeverFreed()
    {
        DeviceTensor<Half> foreign = DeviceTensor.FromPointer<Half>(0x1000, [4, 2, 8], [32, 8, 1]);
        Assert.Equal((nint)0x1000, foreign.Pointer);
        Assert.Equal([32, 8, 1], foreign.Strides);
        InvalidOperationException e = Assert.Throws<InvalidOperationException>(() => foreign.ToHost());
        Assert.Contains("memory of another library", e.Message, StringComparison.Ordinal);
        _device.Driver.Calls.Clear();
        foreign.Dispose();
        Assert.Empty(_device.Driver.Calls);
    }

    [Fact]
    public void TensorsOutliveTheirEngine()
    {
        FakeDevice device = new();
        DeviceTensor<int> tensor = device.Engine.Allocate<int>(256);
        device.Dispose();
        Assert.Equal(1024, device.Driver.Taken);
        tensor.Dispose();
        Assert.Equal(0, device.Driver.Leaks);
    }

    [Fact]
    public void WhatIsNoTensorIsRefusedWithAReason()
    {
        Refused("there must be one stride a dimension", () => DeviceTensor.FromPointer<Half>(16, [4, 2, 8], [16, 8]));
        Refused("strides must not be negative", () => DeviceTensor.FromPointer<Half>(16, [4, 2, 8], [16, -8, 1]));
        Refused("lengths must not be negative", () => DeviceTensor.FromPointer<Half>(16, [4, -2, 8], [16, 8, 1]));
        Refused("pointer is 0", () => DeviceTensor.FromPointer<Half>(0, [4, 2, 8], [16, 8, 1]));
        Refused("it must be a multiple of 4", () => DeviceTensor.FromPointer<float>(18, [4], [1]));
        Refused("System.Double are not known", () => DeviceTensor.FromPointer<double>(16, [4], [1]));
        Refused("System.Int64 are not known", () => Engine.Allocate<long>(4));
        Refused("lengths must not be negative", () => Engine.Allocate<int>(-1));
        Refused("more than any memory holds", () => Engine.Allocate<int>(nint.MaxValue, nint.MaxValue));
        using DeviceTensor<int> tensor = Engine.Allocate<int>(2, 3);
        Refused("destination is [3, 2]: it must have the shape of the device tensor, which is [2, 3]", () => tensor.CopyTo(Tensor.Create(new int[6], [3, 2])));
        Refused("source is [6]", () => tensor.CopyFrom(Tensor.Create(new int[6], [6])));
        Assert.Equal(0, DeviceTensor.FromPointer<Half>(0, [0, 2, 8], [16, 8, 1]).Pointer);

        static void Refused(string message, Action act) =>
            Assert.Contains(message, Assert.Throws<ArgumentException>(act).Message, StringComparison.Ordinal);
    }
}
