namespace MoBA.Runtime.Cuda;

/// <summary>What an engine has on one device: its context, memory, stream, and the kernels.</summary>
internal sealed class CudaRuntime : IDisposable
{
    private readonly Lock _gate = new();
    private EventHandle? _order;

    /// <summary>Opens a device.</summary>
    /// <param name="driver">The driver.</param>
    /// <param name="device">The device.</param>
    /// <param name="workspaceBytes">The most memory that is kept for reuse, and that a call takes as scratch; null keeps a quarter of the
    /// device's.</param>
    /// <param name="kernels">Makes the kernels of the device.</param>
    /// <exception cref="CudaException">The driver refused.</exception>
    /// <exception cref="InsufficientMemoryException">The device has no memory left for a context.</exception>
    public CudaRuntime(
        CudaDriver driver, CudaDevice device, long? workspaceBytes, Func<CudaDeviceContext, WorkspacePool, ICudaAttention> kernels)
    {
        Context = new(driver, device);
        try
        {
            Pool = new(Context, workspaceBytes ?? device.MemoryBytes / 4, workspaceBytes);
            Staging = new(Context);
            Stream = CudaStream.Create(Context);
            Attention = kernels(Context, Pool);
        }
        catch
        {
            Stream?.Dispose();
            Context.Dispose();
            throw;
        }
    }

    /// <summary>The device's context.</summary>
    public CudaDeviceContext Context { get; }

    /// <summary>Memory of the device.</summary>
    public WorkspacePool Pool { get; }

    /// <summary>Copies to and from the device.</summary>
    public PinnedStaging Staging { get; }

    /// <summary>The engine's own stream.</summary>
    public CudaStream Stream { get; }

    /// <summary>The kernels.</summary>
    public ICudaAttention Attention { get; }

    /// <summary>A dense tensor in memory of the pool, for work on <paramref name="stream"/>. The context is current.</summary>
    /// <param name="shape">Its shape; taken over, and not changed.</param>
    /// <param name="purpose">What for, for messages.</param>
    /// <param name="stream">Where its values come.</param>
    /// <exception cref="InsufficientMemoryException">The device has not as much.</exception>
    public unsafe DeviceTensor<T> Allocate<T>(nint[] shape, string purpose, CudaStream stream)
        where T : unmanaged
    {
        DeviceBlock block = Pool.Rent(DeviceTensorChecks.Count<T>(shape) * sizeof(T), purpose, stream);
        return new(this, block, block.Pointer, shape, StridedLayout.DenseStrides(shape), stream);
    }

    /// <summary>Lets <paramref name="next"/> wait for what <paramref name="last"/> has been given so far, and makes it the last. The
    /// context is current.</summary>
    public void Order(ref CudaStream last, CudaStream next)
    {
        lock (_gate)
        {
            if (last.Handle != next.Handle && !last.IsDisposed)
            {
                _order ??= EventHandle.Create(Context);
                Context.Check(Context.Driver.EventRecord(_order.Value, last.Handle), "cuEventRecord");
                Context.Check(Context.Driver.StreamWaitEvent(next.Handle, _order.Value, 0), "cuStreamWaitEvent");
            }

            last = next;
        }
    }

    /// <summary>Waits for the work of the engine's stream, and gives everything back that nobody holds.</summary>
    public void Dispose()
    {
        Stream.Dispose();
        Attention.Dispose();
        Staging.Dispose();
        Pool.Dispose();
        _order?.Dispose();
        Context.Dispose();
    }
}
