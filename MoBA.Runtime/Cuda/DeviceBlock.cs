namespace MoBA.Runtime.Cuda;

/// <summary>A block of device memory out of a <see cref="WorkspacePool"/>.</summary>
internal sealed class DeviceBlock(CudaDeviceContext context, DeviceMemoryHandle memory, long bytes)
{
    private readonly DeviceMemoryHandle _memory = memory;
    private EventHandle? _used;
    private bool _recorded;

    /// <summary>Its address, 256-byte aligned.</summary>
    public nint Pointer { get; } = memory.Value;

    /// <summary>Its size: at least what was asked for.</summary>
    public long Bytes { get; } = bytes;

    /// <summary>The stream that used it last; null where nothing has to be waited for.</summary>
    public CudaStream? Stream { get; private set; }

    /// <summary>Notes that <paramref name="stream"/> used it last. The context is current.</summary>
    public void UsedOn(CudaStream stream)
    {
        Stream = stream;
        _recorded = false;

        // A stream of another library may be gone when somebody else wants the block.
        if (!stream.IsOwned)
            Record(stream);
    }

    /// <summary>Whether work on <paramref name="stream"/> may use it without waiting. The context is current.</summary>
    public bool IsFreeFor(CudaStream stream)
    {
        if (Stream is not { } last || last.Handle == stream.Handle)
            return true;
        if (!last.IsDisposed)
        {
            if (!_recorded)
                Record(last);
            CudaStatus status = context.Driver.EventQuery(_used!.Value);
            if (status == CudaStatus.NotReady)
                return false;
            context.Check(status, "cuEventQuery");
        }

        Stream = null;
        return true;
    }

    /// <summary>Frees the memory; the driver waits for work that uses it.</summary>
    public void Free()
    {
        _memory.Dispose();
        _used?.Dispose();
    }

    private void Record(CudaStream stream)
    {
        _used ??= EventHandle.Create(context);
        context.Check(context.Driver.EventRecord(_used.Value, stream.Handle), "cuEventRecord");
        _recorded = true;
    }
}
