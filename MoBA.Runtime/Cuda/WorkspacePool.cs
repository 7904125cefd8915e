using System.Globalization;
using System.Numerics;

namespace MoBA.Runtime.Cuda;

/// <summary>
/// Device memory for tensors and scratch. Blocks are kept by size class, for taking memory from the driver costs more than a call
/// of attention does. Reuse is in the order of streams: a block that was returned on a stream is free at once for later work
/// on that stream, and for another one when the work before the return has ended.
/// </summary>
internal sealed class WorkspacePool(CudaDeviceContext context, long limitBytes, long? callBytes = null) : IDisposable
{
    private const int SmallestLog = 9;
    private const int StepsLog = 3;

    private readonly Lock _gate = new();
    private readonly Dictionary<long, List<DeviceBlock>> _free = [];
    private long _freeBytes;
    private bool _disposed;

    /// <summary>The most bytes of returned blocks that are kept.</summary>
    public long LimitBytes { get; } = limitBytes;

    /// <summary>The most bytes that one call may take as scratch; null where it is free to.</summary>
    public long? CallBytes { get; } = callBytes;

    /// <summary>Bytes of returned blocks that are kept.</summary>
    public long FreeBytes
    {
        get
        {
            lock (_gate)
                return _freeBytes;
        }
    }

    /// <summary>The size of the blocks that hold <paramref name="bytes"/> bytes: eight sizes an octave, from 512 bytes.</summary>
    public static long ClassOf(long bytes)
    {
        if (bytes <= 1L << SmallestLog)
            return 1L << SmallestLog;
        long step = 1L << Math.Max(SmallestLog, BitOperations.Log2((ulong)(bytes - 1)) - StepsLog);
        return (bytes + step - 1) & -step;
    }

    /// <summary>The size of the largest blocks that are not larger than <paramref name="bytes"/>; 0 where there are none.</summary>
    public static long ClassWithin(long bytes) =>
        bytes < 1L << SmallestLog ? 0 : bytes & -(1L << Math.Max(SmallestLog, BitOperations.Log2((ulong)bytes) - StepsLog));

    /// <summary>A block for work on <paramref name="stream"/>; its values are what they are. The context must be current.</summary>
    /// <param name="bytes">How many bytes are needed; 0 is a block too.</param>
    /// <param name="purpose">What for, for messages.</param>
    /// <param name="stream">Where the work runs that uses it.</param>
    /// <exception cref="InsufficientMemoryException">The device has not as much, even without what the pool kept.</exception>
    public DeviceBlock Rent(long bytes, string purpose, CudaStream stream)
    {
        long size = ClassOf(bytes);
        return Take(size, stream) ?? Allocate(size, bytes, purpose);
    }

    /// <summary>Gives a block back, whose last use is on <paramref name="stream"/>. The context must be current.</summary>
    public void Return(DeviceBlock block, CudaStream stream)
    {
        block.UsedOn(stream);
        bool kept, over;
        lock (_gate)
        {
            kept = !_disposed && block.Bytes <= LimitBytes;
            if (kept)
            {
                if (!_free.TryGetValue(block.Bytes, out List<DeviceBlock>? blocks))
                    _free.Add(block.Bytes, blocks = []);
                blocks.Add(block);
                _freeBytes += block.Bytes;
            }

            over = _freeBytes > LimitBytes;
        }

        if (!kept)
            block.Free();
        if (over)
            Shrink(LimitBytes);
    }

    /// <summary>As <see cref="Return"/>, from anywhere; quiet, whatever has become of the device.</summary>
    public void GiveBack(DeviceBlock block, CudaStream stream)
    {
        try
        {
            using CurrentContext current = context.Enter();
            Return(block, stream);
        }
        catch (Exception e) when (e is CudaException or ObjectDisposedException)
        {
            block.Free();
        }
    }

    /// <summary>Gives every block that nobody rents back to the driver.</summary>
    public void Trim() => Shrink(0);

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_gate)
            _disposed = true;
        Trim();
    }

    // Last in, first out: what was used last on the same stream is the likeliest to be in the cache.
    private DeviceBlock? Take(long size, CudaStream stream)
    {
        lock (_gate)
        {
            if (!_free.TryGetValue(size, out List<DeviceBlock>? blocks))
                return null;
            for (int i = blocks.Count - 1; i >= 0; i--)
            {
                DeviceBlock block = blocks[i];
                if (!block.IsFreeFor(stream))
                    continue;
                blocks.RemoveAt(i);
                _freeBytes -= size;
                return block;
            }
        }

        return null;
    }

    private DeviceBlock Allocate(long size, long needed, string purpose)
    {
        CudaStatus status = context.Driver.MemAlloc(out nint pointer, (nuint)size);
        if (status == CudaStatus.OutOfMemory)
        {
            Trim();
            status = context.Driver.MemAlloc(out pointer, (nuint)size);
        }

        if (status == CudaStatus.OutOfMemory)
            throw Shortage(needed, purpose);
        context.Check(status, "cuMemAlloc");
        return new(context, new DeviceMemoryHandle(context.Primary, pointer), size);
    }

    // The largest blocks first: the fewest waits of the driver.
    private void Shrink(long bytes)
    {
        List<DeviceBlock> freed = [];
        lock (_gate)
        {
            foreach (long size in _free.Keys.OrderDescending().ToArray())
            {
                List<DeviceBlock> blocks = _free[size];
                while (_freeBytes > bytes && blocks.Count > 0)
                {
                    freed.Add(blocks[0]);
                    blocks.RemoveAt(0);
                    _freeBytes -= size;
                }
            }
        }

        foreach (DeviceBlock block in freed)
            block.Free();
    }

    private InsufficientMemoryException Shortage(long bytes, string purpose)
    {
        string free = context.Driver.MemGetInfo(out nuint left, out nuint total) == CudaStatus.Success
            ? string.Create(CultureInfo.InvariantCulture, $", of whose {total:N0} bytes {left:N0} are free")
            : "";
        return new(string.Create(
            CultureInfo.InvariantCulture,
            $"{bytes:N0} bytes ({bytes / (double)(1 << 20):N1} MiB) were needed for {purpose} on {context.Device.Name}{free}; dispose device tensors, or give fewer tokens or heads a call. The engine can be used on."));
    }
}
