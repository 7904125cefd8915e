using System.Runtime.CompilerServices;
using MoBA.Runtime.Cuda;
using Xunit;

namespace MoBA.Runtime.Tests.Cuda;

/// <summary>Modules, launches and tensor maps: what the driver is given, and what its compiler's logs become.</summary>
public sealed class CudaModuleTests : IDisposable
{
    private readonly FakeDevice _device = new();

    private CudaDeviceContext Context => _device.Runtime.Context;

    public void Dispose()
    {
        _device.Dispose();
        Assert.Equal(0, _device.Driver.Leaks);
    }

    [Fact]
    public unsafe void AKernelIsLoadedOptedInAndLaunched()
    {
        using CudaKernelModule module = CudaKernelModule.Load(Context, ".version 8.4"u8, "attend", 384, 200_000);
        Assert.Equal((".version 8.4", 200_000), (_device.Driver.Text, _device.Driver.SharedBytes));
        Assert.Equal((168, 16), (module.Registers, module.LocalBytes));

        int value = 42;
        void* parameter = &value;
        using (Context.Enter())
            module.Launch(_device.Runtime.Stream, 77, &parameter);
        Assert.Equal((77u, 384u, 200_000u, _device.Runtime.Stream.Handle, 42), _device.Driver.Launched);
    }

    [Fact]
    public unsafe void ARefusedLaunchNamesTheKernelAndItsShape()
    {
        using CudaKernelModule module = CudaKernelModule.Load(Context, "x"u8, "attend", 384, 1024);
        _device.Driver.Failures.Add("LaunchKernel", CudaStatus.InvalidValue);
        CudaException e = Assert.Throws<CudaException>(() =>
        {
            int value = 0;
            void* parameter = &value;
            using (Context.Enter())
                module.Launch(_device.Runtime.Stream, 77, &parameter);
        });
        Assert.Contains("attend with 77 blocks of 384 threads and 1024 bytes", e.Operation, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("ModuleGetFunction", "cuModuleGetFunction of attend")]
    [InlineData("FuncSetAttribute", "to 300000 bytes of shared memory, of which a block may have 232448")]
    public void AKernelThatCannotBeMadeReadyIsUnloaded(string function, string message)
    {
        _device.Driver.Failures.Add(function, CudaStatus.InvalidValue);
        CudaException e = Assert.Throws<CudaException>(() => CudaKernelModule.Load(Context, "x"u8, "attend", 384, 300_000));
        Assert.Contains(message, e.Message, StringComparison.Ordinal);
        Assert.Equal(0, _device.Driver.Modules);
    }

    [Theory]
    [InlineData(10)]
    [InlineData(16 << 10)]
    [InlineData(100_000)]
    public void TheWholeLogOfAFailedCompilationIsInTheMessage(int length)
    {
        string error = "ptxas error: " + new string('e', length) + " end", info = "info " + new string('i', length) + " last";
        _device.Driver.Log = (info, error);
        CudaException e = Assert.Throws<CudaException>(() => CudaKernelModule.Load(Context, "x"u8, "attend", 384, 0));
        Assert.Contains($"{error}\n{info}", e.Message, StringComparison.Ordinal);
        Assert.Contains("attend", e.Operation, StringComparison.Ordinal);
    }

    [Fact]
    public void ATensorMapDescribesDimHeadsTokens()
    {
        Assert.Equal(128, Unsafe.SizeOf<TensorMap>());
        using CurrentContext current = Context.Enter();
        TensorMap map = TensorMap.Encode(Context, ElementKind.BFloat16, new(0x1000, 1024, 128), 4096, 8, 128, 64, 128);
        Assert.Equal(7, Unsafe.As<TensorMap, byte>(ref map));
        (int type, nint address, ulong[] lengths, ulong[] strides, uint[] box, int swizzle, int promotion) = _device.Driver.Map;
        Assert.Equal((9, 0x1000, 3, 3), (type, address, swizzle, promotion));
        Assert.Equal([128, 8, 4096], lengths);
        Assert.Equal([256, 2048], strides);
        Assert.Equal([64, 1, 128], box);
        TensorMap.Encode(Context, ElementKind.Half, new(0x1000, 1024, 128), 4096, 8, 128, 64, 128);
        Assert.Equal(6, _device.Driver.Map.Type);
    }
}
