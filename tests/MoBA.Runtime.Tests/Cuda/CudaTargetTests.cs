using MoBA.Runtime.Cuda;
using Xunit;

namespace MoBA.Runtime.Tests.Cuda;

/// <summary>Which device an engine opens, and what it says where it opens none.</summary>
public class CudaTargetTests
{
    private static readonly AttentionEngineOptions _cuda = new() { Target = Target.Cuda };

    [Fact]
    public void WithoutADriverTheCpuIsChosenAndCudaSaysWhatIsMissing()
    {
        FakeCudaDriver driver = new() { Installed = false };
        Says(driver, ["no NVIDIA driver was found", "libcuda.so.1", "use Target.Cpu"]);
        Assert.Empty(driver.Calls);
    }

    [Fact]
    public void ADriverWithoutADeviceIsToldFromNoDriver() =>
        Says(new() { Devices = [] }, ["finds no device", "CUDA_VISIBLE_DEVICES", "Target.Portable"]);

    [Fact]
    public void AnOldDeviceIsNamedWithItsCapability() =>
        Says(new() { Devices = [("Quadro RTX 4000", 7, 5)] }, ["Quadro RTX 4000 has compute capability 7.5", "8.0 or later", "use Target.Portable"]);

    [Fact]
    public void ADriverThatDoesNotStartIsQuoted()
    {
        FakeCudaDriver driver = new();
        driver.Failures.Add("Init", (CudaStatus)803);
        Says(driver, ["CUDA_ERROR_803", "cuInit", "use Target.Cpu"]);
    }

    [Fact]
    public void ADeviceWithoutMemoryForAContextLeavesTheCpu()
    {
        FakeCudaDriver driver = new();
        driver.Failures.Add("DevicePrimaryCtxRetain", CudaStatus.OutOfMemory);
        Says(driver, ["could not be opened", "cuDevicePrimaryCtxRetain of device 0, Fake H200"]);
        driver = new();
        driver.Failures.Add("StreamCreate", CudaStatus.InvalidValue);
        Says(driver, ["cuStreamCreate"]);
        Assert.Equal(0, driver.Leaks);
    }

    [Fact]
    public void WithoutKernelsNothingIsAskedOfTheDriver()
    {
        FakeCudaDriver driver = new();
        using AttentionEngine engine = AttentionEngine.Create(new(), new CudaTarget(driver, null));
        Assert.Contains("no kernels for NVIDIA GPUs, so the CPU was chosen", engine.Description, StringComparison.Ordinal);
        Assert.Empty(driver.Calls);
    }

    [Fact]
    public void TheFirstDeviceThatTheKernelsRunOnIsChosenUnlessOneIsNamed()
    {
        FakeCudaDriver driver = new() { Devices = [("Old", 7, 0), ("New", 8, 0), ("Newer", 9, 0)] };
        Assert.Equal(("New", Target.Cuda), Opened(new()));
        Assert.Equal(("Newer", Target.Cuda), Opened(new() { Device = 2 }));
        PlatformNotSupportedException old = Assert.Throws<PlatformNotSupportedException>(() => Opened(_cuda with { Device = 0 }));
        Assert.Contains("Old has compute capability 7.0", old.Message, StringComparison.Ordinal);
        ArgumentOutOfRangeException none = Assert.Throws<ArgumentOutOfRangeException>(() => Opened(new() { Device = 3 }));
        Assert.Contains("Device is 3: the process sees 3 CUDA devices", none.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => Opened(new() { WorkspaceBytes = -1 }));
        Assert.Equal(0, driver.Leaks);

        (string, Target) Opened(AttentionEngineOptions options)
        {
            using AttentionEngine engine = AttentionEngine.Create(options, FakeDevice.Open(driver));
            return (engine.Runtime().Context.Device.Name, engine.Target);
        }
    }

    [Fact]
    public void TheDescriptionSaysWhatRunsOnTheDeviceAndWhatDoesNot()
    {
        using FakeDevice device = new();
        foreach (string part in new[] { "CUDA: Fake H200 (compute capability 9.0, 132 multiprocessors, 1 GiB), fake kernels", "float tensors run on CPU:" })
            Assert.Contains(part, device.Engine.Description, StringComparison.Ordinal);
    }

    [Fact]
    public void DeviceTensorsAndStreamsOfAnEngineOnTheCpuAreRefused()
    {
        using AttentionEngine engine = AttentionEngine.Create(Target.Cpu);
        foreach (Action act in new Action[] { () => engine.Allocate<Half>(1, 1, 8), () => _ = engine.DefaultStream, () => engine.CreateStream() })
        {
            InvalidOperationException e = Assert.Throws<InvalidOperationException>(act);
            Assert.Contains("This engine runs on CPU", e.Message, StringComparison.Ordinal);
            Assert.Contains("AttentionEngine.Create(Target.Cuda)", e.Message, StringComparison.Ordinal);
        }
    }

    private static void Says(FakeCudaDriver driver, string[] parts)
    {
        PlatformNotSupportedException e = Assert.Throws<PlatformNotSupportedException>(() => AttentionEngine.Create(_cuda, FakeDevice.Open(driver)));
        Assert.StartsWith("Target.Cuda is missing: ", e.Message, StringComparison.Ordinal);
        Assert.All(parts, part => Assert.Contains(part, e.Message, StringComparison.Ordinal));

        using AttentionEngine engine = AttentionEngine.Create(new(), FakeDevice.Open(driver));
        Assert.Equal(Target.Cpu, engine.Target);
        Assert.EndsWith(", so the CPU was chosen", engine.Description, StringComparison.Ordinal);
        Assert.Contains(parts[0], engine.Description, StringComparison.Ordinal);
    }
}
