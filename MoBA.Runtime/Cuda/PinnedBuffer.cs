namespace MoBA.Runtime.Cuda;

/// <summary>Memory of the host that the device copies from and to, and when it has.</summary>
internal sealed class PinnedBuffer : IDisposable
{
    private readonly CudaDeviceContext _context;
    private readonly PinnedMemoryHandle _memory;
    private readonly EventHandle _copied;
    private bool _recorded;

    /// <summary>Allocates it; the context is current.</summary>
    /// <exception cref="InsufficientMemoryException">It cannot be had.</exception>
    public PinnedBuffer(CudaDeviceContext context, int bytes)
    {
        _context = context;
        context.Check(context.Driver.MemHostAlloc(out nint pointer, (nuint)bytes, 0), $"cuMemHostAlloc of {bytes} bytes for copies to and from the device");
        _memory = new(context.Primary, pointer);
        _copied = EventHandle.Create(context);
    }

    /// <summary>Its address.</summary>
    public nint Pointer => _memory.Value;

    /// <summary>Notes that the device is done with it when <paramref name="stream"/> has come this far.</summary>
    public void Record(CudaStream stream)
    {
        _context.Check(_context.Driver.EventRecord(_copied.Value, stream.Handle), "cuEventRecord");
        _recorded = true;
    }

    /// <summary>Waits until the device is done with it.</summary>
    public void Wait()
    {
        if (_recorded)
            _context.Check(_context.Driver.EventSynchronize(_copied.Value), "cuEventSynchronize");
        _recorded = false;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        using (new CurrentContext(_context.Driver, _context.Primary.Handle, out CudaStatus status))
        {
            if (_recorded && status == CudaStatus.Success)
                _context.Driver.EventSynchronize(_copied.Value);
        }

        _memory.Dispose();
        _copied.Dispose();
    }
}
