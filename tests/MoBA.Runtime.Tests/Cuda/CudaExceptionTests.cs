using MoBA.Runtime.Cuda;
using Xunit;

namespace MoBA.Runtime.Tests.Cuda;

/// <summary>What each error of the driver becomes, and which of them end an engine.</summary>
public class CudaExceptionTests
{
    // After these the context is of no use, by the driver's documentation; after the others it is.
    private static readonly int[] _lost = [4, 214, 220, 226, 700, 702, 709, 710, 714, 715, 716, 717, 718, 719, 721, 817, 911, 999];

    [Fact]
    public void EveryErrorIsOfOneOfThreeKinds()
    {
        FakeCudaDriver driver = new();
        for (int code = 1; code < 1000; code++)
        {
            Exception e = CudaException.Of(driver, (CudaStatus)code, "cuDoIt", "the log");
            Type wanted = code == 2 ? typeof(InsufficientMemoryException) : _lost.Contains(code) ? typeof(CudaDeviceLostException) : typeof(CudaException);
            Assert.Equal(wanted, e.GetType());
            Assert.StartsWith($"cuDoIt failed with CUDA_ERROR_{(CudaStatus)code} (meaning of {code}).", e.Message, StringComparison.Ordinal);
            Assert.Contains("the log", e.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void AnErrorThatTheDriverDoesNotKnowHasItsNumber()
    {
        CudaException e = Assert.IsType<CudaException>(CudaException.Of(new FakeCudaDriver(), (CudaStatus)12345, "cuDoIt"));
        Assert.Equal(("CUDA error 12345", "cuDoIt", "cuDoIt failed with CUDA error 12345."), (e.ErrorName, e.Operation, e.Message));
    }

    [Fact]
    public void ALostDeviceEndsItsEngineAndNoOther()
    {
        FakeCudaDriver driver = new();
        FakeDevice lost = new(driver);
        using FakeDevice other = new(driver);
        DeviceTensor<Half> tensor = lost.Engine.Allocate<Half>(4, 1, 8);
        CudaStream stream = lost.Engine.CreateStream();
        lost.Attention.Status = CudaStatus.IllegalAddress;
        CudaDeviceLostException first = Assert.Throws<CudaDeviceLostException>(() => lost.Engine.Attend(new Causal(), tensor, tensor, tensor));
        Assert.Equal(("CUDA_ERROR_IllegalAddress", "cuLaunchKernel of Fake"), (first.ErrorName, first.Operation));
        Assert.Contains("Causal on q [4, 1, 8] and k [4, 1, 8]: ", first.Message, StringComparison.Ordinal);

        driver.Calls.Clear();
        foreach (Action act in new Action[]
        {
            () => lost.Engine.Attend(new Causal(), tensor, tensor, tensor), () => tensor.ToHost(), () => stream.Synchronize(),
            () => lost.Engine.Allocate<int>(1), () => lost.Engine.CreateStream(),
            () => lost.Engine.Attend(new Causal(), Inputs.Normal<Half>(1, 4, 1, 8), Inputs.Normal<Half>(1, 4, 1, 8), Inputs.Normal<Half>(1, 4, 1, 8)),
        })
        {
            CudaDeviceLostException later = Assert.Throws<CudaDeviceLostException>(act);
            Assert.Equal("CUDA_ERROR_IllegalAddress", later.ErrorName);
            Assert.Contains("lost before this call", later.Message, StringComparison.Ordinal);
        }

        Assert.Empty(driver.Calls);
        stream.Dispose();
        tensor.Dispose();
        lost.Dispose();
        using DeviceTensor<Half> good = other.Engine.ToDevice(Inputs.Normal<Half>(1, 4, 1, 8));
        Assert.Equal(Inputs.Floats(Inputs.Normal<Half>(1, 4, 1, 8)), Inputs.Floats(good.ToHost()));
    }

    [Fact]
    public void DisposingIsQuietWhenTheDriverRefusesEverything()
    {
        FakeCudaDriver driver = new();
        FakeDevice device = new(driver);
        DeviceTensor<Half> tensor = device.Engine.ToDevice(Inputs.Normal<Half>(1, 4, 1, 8));
        driver.Lost = CudaStatus.LaunchFailed;
        Assert.Throws<CudaDeviceLostException>(device.Engine.DefaultStream.Synchronize);
        tensor.Dispose();
        device.Dispose();
        Assert.Throws<ObjectDisposedException>(() => device.Engine.Allocate<Half>(1));
        Assert.Throws<ObjectDisposedException>(() => tensor.ToHost());
        Assert.Equal(0, driver.Leaks);
        Assert.True(FakeCudaDriver.NoneCurrent);
    }

    [Fact]
    public void OtherErrorsLeaveTheEngineUsable()
    {
        using FakeDevice device = new();
        using DeviceTensor<Half> tensor = device.Engine.ToDevice(Inputs.Normal<Half>(1, 4, 1, 8));
        device.Attention.Status = CudaStatus.InvalidValue;
        Assert.IsType<CudaException>(Record.Exception(() => device.Engine.Attend(new Causal(), tensor, tensor, tensor)), exactMatch: true);
        device.Attention.Status = 0;
        using DeviceTensor<Half> output = device.Engine.Attend(new Causal(), tensor, tensor, tensor).Output;
        Assert.All(Inputs.Floats(output.ToHost()), x => Assert.True(float.IsFinite(x)));
    }
}
