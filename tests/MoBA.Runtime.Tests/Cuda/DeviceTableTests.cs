using MoBA.Runtime.Cuda;
using Xunit;

namespace MoBA.Runtime.Tests.Cuda;

/// <summary>Tables on the device: what kernels read there, and when they are copied.</summary>
public sealed class DeviceTableTests : IDisposable
{
    private readonly FakeDevice _device = new();
    private readonly TensorCoreAttention _attention;

    public DeviceTableTests() => _attention = new(_device.Runtime.Context, _device.Runtime.Pool, new KernelStore(new KernelCache(null, 0)));

    private int Copies => _device.Driver.Calls.Count(static name => name == "MemcpyHtoDAsync");

    public void Dispose()
    {
        _attention.Dispose();
        _device.Dispose();
        Assert.Equal(0, _device.Driver.Leaks);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_changed_table_is_copied_anew_and_an_equal_one_is_found(bool monotone)
    {
        int[] values = [.. Enumerable.Range(0, 50).Select(static i => i / 7)];
        CudaTable first = Table(values, monotone);
        Assert.Equal(first, Table(values, monotone));
        Assert.Equal(first, Table([.. values], monotone));
        Assert.Equal(1, Copies);

        values[^1] = 99;
        CudaTable changed = Table(values, monotone);
        Assert.Equal((2, 99, 7), (Copies, changed[49], first[49]));
        Assert.Equal((99, 7), (changed.Max(0, 49), first.Max(0, 49)));

        values[^1] = 7;
        Assert.Equal(first, Table(values, monotone));
        Assert.Equal(2, Copies);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(37)]
    public void Least_and_greatest_values_are_those_of_every_run(int length)
    {
        Random random = new(length);
        int[] values = [.. Enumerable.Range(0, length).Select(_ => random.Next(-100, 100))];
        CudaTable table = Table(values, monotone: false);
        for (int lo = 0; lo < length; lo++)
        {
            Assert.Equal(values[lo], table[lo]);
            for (int hi = lo; hi < length; hi++)
                Assert.Equal((values[lo..(hi + 1)].Min(), values[lo..(hi + 1)].Max()), (table.Min(lo, hi), table.Max(lo, hi)));
        }
    }

    [Fact]
    public void A_changed_float_table_is_copied_anew()
    {
        float[] values = [1, 2, 3];
        CudaFloatTable first = Table(values);
        values[1] = float.NaN;
        CudaFloatTable changed = Table(values);
        Assert.Equal(changed, Table(values));
        Assert.Equal((2, 2f, float.NaN), (Copies, first[1], changed[1]));
    }

    [Fact]
    public void An_empty_table_takes_no_memory()
    {
        Assert.Equal(default, Table([], monotone: false));
        Assert.Equal(default, Table([]));
        Assert.Equal(0, Copies);
    }

    private CudaTable Table(int[] values, bool monotone)
    {
        using CurrentContext current = _device.Runtime.Context.Enter();
        return Launch().Table(values, monotone);
    }

    private CudaFloatTable Table(float[] values)
    {
        using CurrentContext current = _device.Runtime.Context.Enter();
        return Launch().Table(values);
    }

    private AttentionLaunch Launch() => new(_attention, default, _device.Runtime.Stream);
}
