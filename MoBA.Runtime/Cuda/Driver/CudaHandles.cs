using System.Runtime.InteropServices;

namespace MoBA.Runtime.Cuda;

/// <summary>A reference to a device's primary context.</summary>
internal sealed class PrimaryContext : SafeHandle
{
    private readonly int _device;

    private PrimaryContext(CudaDriver driver, int device, nint context)
        : base(0, ownsHandle: true)
    {
        Driver = driver;
        _device = device;
        SetHandle(context);
    }

    /// <summary>The driver.</summary>
    public CudaDriver Driver { get; }

    /// <summary>The context.</summary>
    public nint Handle => handle;

    /// <inheritdoc/>
    public override bool IsInvalid => handle == 0;

    /// <summary>The device's primary context, made if nobody has it.</summary>
    public static PrimaryContext Retain(CudaDriver driver, CudaDevice device)
    {
        CudaException.ThrowIfFailed(driver, driver.DevicePrimaryCtxRetain(out nint context, device.Handle), $"cuDevicePrimaryCtxRetain of device {device.Ordinal}, {device.Name}");
        return new(driver, device.Handle, context);
    }

    /// <inheritdoc/>
    protected override bool ReleaseHandle() => Driver.DevicePrimaryCtxRelease(_device) == CudaStatus.Success;
}

/// <summary>Something of a context that is to be freed. It keeps the context; freeing is quiet, for a lost device refuses.</summary>
internal abstract class CudaHandle : SafeHandle
{
    private readonly PrimaryContext _context;

    /// <summary>Takes over <paramref name="value"/>, which belongs to <paramref name="context"/>.</summary>
    protected CudaHandle(PrimaryContext context, nint value)
        : base(0, ownsHandle: true)
    {
        bool added = false;
        context.DangerousAddRef(ref added);
        _context = context;
        SetHandle(value);
    }

    /// <summary>The driver's handle.</summary>
    public nint Value => handle;

    /// <inheritdoc/>
    public override bool IsInvalid => handle == 0;

    /// <summary>Frees the handle; the context is current.</summary>
    protected abstract CudaStatus Free(CudaDriver driver, nint value);

    /// <inheritdoc/>
    protected sealed override bool ReleaseHandle()
    {
        CudaStatus status;
        using (new CurrentContext(_context.Driver, _context.Handle, out CudaStatus entered))
            status = entered == CudaStatus.Success ? Free(_context.Driver, handle) : entered;
        _context.DangerousRelease();
        return status == CudaStatus.Success;
    }
}

/// <summary>A loaded module.</summary>
internal sealed class ModuleHandle(PrimaryContext context, nint value) : CudaHandle(context, value)
{
    /// <inheritdoc/>
    protected override CudaStatus Free(CudaDriver driver, nint value) => driver.ModuleUnload(value);
}

/// <summary>A stream of our own.</summary>
internal sealed class StreamHandle(PrimaryContext context, nint value) : CudaHandle(context, value)
{
    /// <inheritdoc/>
    protected override CudaStatus Free(CudaDriver driver, nint value) => driver.StreamDestroy(value);
}

/// <summary>An event.</summary>
internal sealed class EventHandle(PrimaryContext context, nint value) : CudaHandle(context, value)
{
    private const uint DisableTiming = 2;

    /// <inheritdoc/>
    protected override CudaStatus Free(CudaDriver driver, nint value) => driver.EventDestroy(value);

    /// <summary>A new event without a time, or with one where it <paramref name="isTimed"/>; the context is current.</summary>
    public static EventHandle Create(CudaDeviceContext context, bool isTimed = false)
    {
        context.Check(context.Driver.EventCreate(out nint value, isTimed ? 0 : DisableTiming), "cuEventCreate");
        return new(context.Primary, value);
    }
}

/// <summary>Memory of the device.</summary>
internal sealed class DeviceMemoryHandle(PrimaryContext context, nint value) : CudaHandle(context, value)
{
    /// <inheritdoc/>
    protected override CudaStatus Free(CudaDriver driver, nint value) => driver.MemFree(value);
}

/// <summary>Memory of the host that the device can copy from and to.</summary>
internal sealed class PinnedMemoryHandle(PrimaryContext context, nint value) : CudaHandle(context, value)
{
    /// <inheritdoc/>
    protected override CudaStatus Free(CudaDriver driver, nint value) => driver.MemFreeHost(value);
}
