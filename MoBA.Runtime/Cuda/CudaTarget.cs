using Microsoft.Extensions.Logging;
using MoBA.Runtime.Cpu;

namespace MoBA.Runtime.Cuda;

/// <summary>Finds a device that the kernels run on, or says why there is none.</summary>
internal sealed class CudaTarget(CudaDriver driver, Func<CudaDeviceContext, WorkspacePool, ILogger?, ICudaAttention>? kernels)
{
    private const int OldestMajor = 8;

    /// <summary>The driver and the kernels of this program.</summary>
    public static CudaTarget Native { get; } = new(
        CudaDriver.Native, static (context, pool, logger) => new TensorCoreAttention(context, pool, new KernelStore(KernelCache.Open(logger), logger)));

    /// <summary>An engine's backend on a device.</summary>
    /// <param name="options">Which device, and how much memory is kept.</param>
    /// <param name="missing">Where the result is null: what is missing, as the end of a sentence; and what then runs instead.</param>
    /// <exception cref="ArgumentOutOfRangeException">An option has no sense.</exception>
    public CudaBackend? TryOpen(AttentionEngineOptions options, out (string What, string Instead) missing)
    {
        if (options.WorkspaceBytes < 0)
            throw new ArgumentOutOfRangeException(nameof(options), options.WorkspaceBytes, "WorkspaceBytes must not be negative; null is a quarter of the device's memory.");
        try
        {
            if (Find(options.Device, out missing) is { } device)
                return new(new CudaRuntime(driver, device, options.WorkspaceBytes, (context, pool) => kernels!(context, pool, options.Logger)), new CpuBackend());
        }
        catch (EntryPointNotFoundException e)
        {
            missing = ($"the installed NVIDIA driver is too old ({e.Message})", "update it, or use Target.Cpu");
        }
        catch (Exception e) when (e is CudaException or InsufficientMemoryException)
        {
            missing = ($"the NVIDIA device could not be opened: {e.Message}", "use Target.Cpu");
        }

        return null;
    }

    private CudaDevice? Find(int? ordinal, out (string What, string Instead) missing)
    {
        missing = default;
        if (kernels is null)
            missing = ("this version has no kernels for NVIDIA GPUs", "use Target.Cpu, or Target.Portable for any ILGPU device");
        else if (!driver.IsThere)
            missing = ($"no NVIDIA driver was found ({CudaLibrary.Candidates})", "install it, or use Target.Cpu, or Target.Portable for any ILGPU device");
        else if (Devices(out string reason) is not { Count: > 0 } devices)
            missing = (reason, "use Target.Cpu, or Target.Portable for any ILGPU device");
        else if (ordinal is { } number && (number < 0 || number >= devices.Count))
            throw new ArgumentOutOfRangeException(nameof(ordinal), number, $"Device is {number}: the process sees {devices.Count} CUDA devices, numbered from 0.");
        else if ((ordinal is { } wanted ? devices[wanted] : devices.FirstOrDefault(IsSupported) ?? devices[0]) is var device && IsSupported(device))
            return device;
        else
            missing = ($"{device.Name} has compute capability {device.Capability}, and the kernels need {OldestMajor}.0 or later", "use Target.Portable, which drives it, or Target.Cpu");
        return null;
    }

    private IReadOnlyList<CudaDevice> Devices(out string reason)
    {
        CudaStatus status = driver.Init();
        reason = "the NVIDIA driver is installed but finds no device (is CUDA_VISIBLE_DEVICES set?)";
        if (status == CudaStatus.NoDevice)
            return [];
        CudaException.ThrowIfFailed(driver, status, "cuInit");
        return CudaDevice.All(driver);
    }

    private static bool IsSupported(CudaDevice device) => device.Major >= OldestMajor;
}
