namespace MoBA.Runtime.Cuda;

/// <summary>
/// The primary context of a device, which every library of the process shares, and whether it still works. Everything that an
/// engine does on its device goes through one of these: calls are checked by it, and once the device is lost it says so.
/// </summary>
internal sealed class CudaDeviceContext : IDisposable
{
    private readonly PrimaryContext _primary;
    private CudaDeviceLostException? _lost;
    private bool _disposed;

    /// <summary>Retains the primary context of a device.</summary>
    /// <exception cref="CudaException">The driver refused.</exception>
    public CudaDeviceContext(CudaDriver driver, CudaDevice device)
    {
        Driver = driver;
        Device = device;
        _primary = PrimaryContext.Retain(driver, device);
    }

    /// <summary>The driver.</summary>
    public CudaDriver Driver { get; }

    /// <summary>The device.</summary>
    public CudaDevice Device { get; }

    /// <summary>The context; what belongs to it holds on to it.</summary>
    public PrimaryContext Primary => _primary;

    /// <summary>Whether the device is lost.</summary>
    public bool IsLost => Volatile.Read(ref _lost) is not null;

    /// <summary>Makes the context current on this thread until the result is disposed.</summary>
    /// <exception cref="CudaDeviceLostException">The device is lost.</exception>
    /// <exception cref="ObjectDisposedException">The engine is disposed.</exception>
    public CurrentContext Enter()
    {
        ThrowIfUnusable();
        CurrentContext current = new(Driver, _primary.Handle, out CudaStatus status);
        Check(status, "cuCtxPushCurrent");
        return current;
    }

    /// <summary>Makes the context current again on a thread that entered it, after code that may have put another in its place: ILGPU's
    /// compiler does, in a process where ILGPU has the device too.</summary>
    /// <exception cref="CudaException">The driver refused.</exception>
    public void Reenter()
    {
        Check(Driver.CtxGetCurrent(out nint current), "cuCtxGetCurrent");
        if (current == _primary.Handle)
            return;
        Check(Driver.CtxPopCurrent(out _), "cuCtxPopCurrent");
        Check(Driver.CtxPushCurrent(_primary.Handle), "cuCtxPushCurrent");
    }

    /// <summary>Throws what every call after the loss of the device, or after the end of the engine, throws.</summary>
    public void ThrowIfUnusable()
    {
        ObjectDisposedException.ThrowIf(_disposed, typeof(AttentionEngine));
        if (Volatile.Read(ref _lost) is { } lost)
            throw new CudaDeviceLostException(lost.ErrorName, lost.Operation, $"The device was lost before this call: {lost.Message}", lost);
    }

    /// <summary>Throws unless the driver returned success.</summary>
    /// <param name="status">What it returned.</param>
    /// <param name="operation">What was tried.</param>
    /// <exception cref="CudaException">It did not.</exception>
    /// <exception cref="InsufficientMemoryException">It had no memory.</exception>
    public void Check(CudaStatus status, string operation)
    {
        if (status != CudaStatus.Success)
            Throw(status, operation);
    }

    /// <summary>Throws the exception for a failure, and remembers the loss of the device.</summary>
    /// <param name="status">What the driver returned; no success.</param>
    /// <param name="operation">What was tried.</param>
    /// <param name="details">More for the message, such as a compiler's log.</param>
    [System.Diagnostics.CodeAnalysis.DoesNotReturn]
    public void Throw(CudaStatus status, string operation, string? details = null)
    {
        Exception exception = CudaException.Of(Driver, status, operation, details);
        if (exception is CudaDeviceLostException lost)
            Interlocked.CompareExchange(ref _lost, lost, null);
        throw exception;
    }

    /// <summary>Gives the primary context back, once nothing that belongs to it is left.</summary>
    public void Dispose()
    {
        _disposed = true;
        _primary.Dispose();
    }
}

/// <summary>A context that is current on this thread. Where it was so already, as in most programs, that costs one query.</summary>
internal readonly ref struct CurrentContext
{
    private readonly CudaDriver? _pushedOn;

    /// <summary>Makes <paramref name="context"/> current.</summary>
    public CurrentContext(CudaDriver driver, nint context, out CudaStatus status)
    {
        status = driver.CtxGetCurrent(out nint current);
        if (status != CudaStatus.Success || current == context)
            return;
        status = driver.CtxPushCurrent(context);
        if (status == CudaStatus.Success)
            _pushedOn = driver;
    }

    /// <summary>Makes current what was before.</summary>
    public void Dispose() => _pushedOn?.CtxPopCurrent(out _);
}
