using System.Numerics.Tensors;
using MoBA.Runtime.Cuda;
using Xunit;

namespace MoBA.Runtime.Tests.Cuda;

/// <summary>Host tensors on an engine with a device: up, through the kernels and down; or to the CPU.</summary>
public sealed class CudaBackendTests : IDisposable
{
    private readonly FakeDevice _device = new();
    private readonly AttentionEngine _cpu = AttentionEngine.Create(Target.Cpu);

    public void Dispose()
    {
        _cpu.Dispose();
        _device.Dispose();
        Assert.Equal(0, _device.Driver.Leaks);
        Assert.True(FakeCudaDriver.NoneCurrent);
    }

    [Fact]
    public void TensorsGoUpAndTheResultComesDown()
    {
        // Strided on the host: heads before tokens, and an output with gaps.
        Tensor<BFloat16> q = Tensor.Create(Inputs.Normal<BFloat16>(1, 60, 4, 16).ToArray(), [60, 4, 16], [16, 960, 1]);
        (Tensor<BFloat16> k, Tensor<BFloat16> v) = (Inputs.Normal<BFloat16>(2, 70, 2, 16), Inputs.Normal<BFloat16>(3, 70, 2, 16));
        AttentionOptions options = new() { ReturnLse = true };
        Tensor<BFloat16> output = Tensor.Create(new BFloat16[60 * 80], [60, 4, 16], [80, 16, 1]);
        AttentionResult<BFloat16> wanted = _cpu.Attend(new Causal(), q, k, v, options);
        for (int i = 0; i < 2; i++)
        {
            AttentionResult<BFloat16> result = _device.Engine.Attend(new Causal(), q, k, v, options, output);
            Assert.Equal(Inputs.Floats(wanted.Output), Inputs.Floats(output));
            Assert.Equal(Inputs.Floats(wanted.Lse!), Inputs.Floats(result.Lse!));
            Assert.Equal(["upload", "attend", "download"], result.Timings.Select(static t => t.Pass));
        }
    }

    [Fact]
    public void WhatTheKernelsDoNotRunGoesToTheCpu()
    {
        _device.Driver.Calls.Clear();
        Tensor<float> single = Inputs.Normal<float>(1, 10, 2, 8);
        Tensor<Half> half = Inputs.Normal<Half>(1, 10, 2, 8);
        Assert.Equal(Inputs.Floats(_cpu.Attend(new Causal(), single, single, single)), Inputs.Floats(_device.Engine.Attend(new Causal(), single, single, single)));
        Assert.Equal(new float[160], Inputs.Floats(_device.Engine.Attend(new Nothing(), half, half, half)));
        GatedExpert gated = new(new Causal(), new BlockGate(16, 2));
        Assert.Equal(Inputs.Floats(_cpu.Attend(gated, single, single, single)), Inputs.Floats(_device.Engine.Attend(gated, single, single, single)));
        Assert.Empty(_device.Driver.Calls);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void RoutesOfAGateComeDownAndItsPassesAreTimed(bool returnRoutes)
    {
        GatedExpert gated = new(new Causal(), new BlockGate(16, 3));
        Tensor<Half> x = Inputs.Normal<Half>(1, 100, 2, 8);
        AttentionOptions options = new() { ReturnRoutes = returnRoutes };
        AttentionResult<Half> wanted = _cpu.Attend(gated, x, x, x, options), result = _device.Engine.Attend(gated, x, x, x, options);
        Assert.Equal(Inputs.Floats(wanted.Output), Inputs.Floats(result.Output));
        Assert.Equal(wanted.Routes?.ToArray(), result.Routes?.ToArray());
        Assert.Equal(["upload", "fake", "download"], result.Timings.Select(static t => t.Pass));
    }

    [Fact]
    public void AFailedLaunchNamesTheCallAndGivesMemoryBack()
    {
        Tensor<Half> x = Inputs.Normal<Half>(1, 10, 2, 8);
        _device.Attention.Status = CudaStatus.InvalidValue;
        CudaException e = Assert.Throws<CudaException>(() => _device.Engine.Attend(new Causal(), x, x, x));
        Assert.StartsWith("Causal with 2 query heads, 2 key heads, dim 8 and 10 query tokens: cuLaunchKernel of Fake failed with CUDA_ERROR_InvalidValue", e.Message, StringComparison.Ordinal);
        Assert.Equal(4 * 512, _device.Runtime.Pool.FreeBytes);
        _device.Attention.Status = 0;
        Assert.Equal(Inputs.Floats(_cpu.Attend(new Causal(), x, x, x)), Inputs.Floats(_device.Engine.Attend(new Causal(), x, x, x)));
    }

    [Fact]
    public void ACancelledCallStops()
    {
        Tensor<Half> x = Inputs.Normal<Half>(1, 10, 2, 8);
        Assert.Throws<OperationCanceledException>(() => _device.Engine.Attend(new Causal(), x, x, x, new AttentionOptions(), new CancellationToken(true)));
    }
}
