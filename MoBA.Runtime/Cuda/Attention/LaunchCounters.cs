namespace MoBA.Runtime.Cuda;

/// <summary>
/// The counters by which the blocks of a launch share its work items. The last block of a launch sets them back to 0, so a pair can
/// be used again by a later one; as many launches may be under way at a time as there are pairs.
/// </summary>
internal sealed class LaunchCounters : IDisposable
{
    private const int Pairs = 4096;
    private const int PairBytes = 8;

    private readonly DeviceMemoryHandle _memory;
    private uint _next;

    public LaunchCounters(CudaDeviceContext context)
    {
        context.Check(context.Driver.MemAlloc(out nint pointer, Pairs * PairBytes), "cuMemAlloc of launch counters");
        _memory = new(context.Primary, pointer);
        context.Check(context.Driver.MemsetD32Async(pointer, 0, Pairs * PairBytes / 4, 0), "cuMemsetD32Async of launch counters");
        context.Check(context.Driver.StreamSynchronize(0), "cuStreamSynchronize");
    }

    /// <summary>Device address of the next pair.</summary>
    public nint Next() => _memory.Value + (nint)((Interlocked.Increment(ref _next) % Pairs) * PairBytes);

    /// <inheritdoc/>
    public void Dispose() => _memory.Dispose();
}
