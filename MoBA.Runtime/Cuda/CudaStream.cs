using MoBA.Runtime.Cuda;

namespace MoBA.Runtime;

/// <summary>
/// A CUDA stream: work on it runs in the order in which it was enqueued. An engine has one of its own
/// (<see cref="AttentionEngine.DefaultStream"/>) and makes others (<see cref="AttentionEngine.CreateStream"/>); a stream of another
/// library is taken as it is (<see cref="FromHandle"/>).
/// </summary>
public sealed class CudaStream : IDisposable
{
    private const uint NonBlocking = 1;

    private readonly CudaDeviceContext? _context;
    private readonly StreamHandle? _owned;

    private CudaStream(CudaDeviceContext? context, StreamHandle? owned, nint handle)
    {
        _context = context;
        _owned = owned;
        Handle = handle;
    }

    /// <summary>The driver's handle (CUstream, cudaStream_t); 0 is the legacy default stream.</summary>
    public nint Handle { get; }

    /// <summary>Whether it has been disposed: then its work has ended.</summary>
    internal bool IsDisposed { get; private set; }

    /// <summary>Whether this object's owner destroys it, so that its handle is good until <see cref="IsDisposed"/>.</summary>
    internal bool IsOwned => _owned is not null;

    /// <summary>A stream of another library, such as <c>torch.cuda.current_stream().cuda_stream</c>. It must be of the engine's
    /// device, and exist for as long as tensors that were used on it; disposing the result does not destroy it.</summary>
    /// <param name="handle">CUstream, or cudaStream_t; 0 is the legacy default stream.</param>
    public static CudaStream FromHandle(nint handle) => new(null, null, handle);

    /// <summary>A new stream that does not wait for the legacy default stream.</summary>
    internal static CudaStream Create(CudaDeviceContext context)
    {
        using CurrentContext current = context.Enter();
        context.Check(context.Driver.StreamCreate(out nint handle, NonBlocking), "cuStreamCreate");
        return new(context, new StreamHandle(context.Primary, handle), handle);
    }

    /// <summary>Waits until everything that was enqueued has been done.</summary>
    /// <exception cref="CudaDeviceLostException">A kernel or the device has failed.</exception>
    /// <exception cref="CudaException">The driver refused.</exception>
    public void Synchronize()
    {
        ObjectDisposedException.ThrowIf(IsDisposed, this);
        if (_context is { } context)
        {
            Synchronize(context);
            return;
        }

        CudaDriver driver = CudaDriver.Native;
        CudaException.ThrowIfFailed(driver, driver.StreamSynchronize(Handle), "cuStreamSynchronize");
    }

    /// <summary>As <see cref="Synchronize()"/>, with the context of the engine whose work is waited for.</summary>
    internal void Synchronize(CudaDeviceContext context)
    {
        using CurrentContext current = context.Enter();
        context.Check(context.Driver.StreamSynchronize(Handle), "cuStreamSynchronize");
    }

    /// <summary>Waits for the work of a stream of the engine's, and destroys it; leaves a stream of another library alone.</summary>
    public void Dispose()
    {
        if (IsDisposed || _context is null)
            return;
        using (new CurrentContext(_context.Driver, _context.Primary.Handle, out CudaStatus status))
        {
            if (status == CudaStatus.Success)
                _context.Driver.StreamSynchronize(Handle);
        }

        IsDisposed = true;
        _owned?.Dispose();
    }
}
