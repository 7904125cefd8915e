using System.Runtime.InteropServices;
using MoBA.Runtime.Cuda;

namespace MoBA.Runtime.Tests.Cuda;

// Memory, and copies in the order of streams.
internal sealed unsafe partial class FakeCudaDriver
{
    private readonly Dictionary<nint, long> _memory = [];
    private readonly HashSet<nint> _pinned = [];

    /// <summary>Bytes of device memory that there are.</summary>
    public long Capacity { get; init; } = 1L << 30;

    /// <summary>What runs the kernels, if anything does, and has the memory.</summary>
    public IFakeMachine? Machine { get; init; }

    /// <summary>Bytes of device memory that are taken.</summary>
    public long Taken => _memory.Values.Sum();

    /// <summary>Device that all memory says to be on.</summary>
    public int MemoryDevice { get; set; }

    public override CudaStatus MemGetInfo(out nuint free, out nuint total)
    {
        (free, total) = ((nuint)(Capacity - Taken), (nuint)Capacity);
        return Does("MemGetInfo");
    }

    public override CudaStatus MemAlloc(out nint pointer, nuint bytes)
    {
        pointer = 0;
        if (Does("MemAlloc") is var status && status != 0)
            return status;
        if (Taken + (long)bytes > Capacity)
            return CudaStatus.OutOfMemory;
        pointer = Machine is null ? (nint)NativeMemory.AlignedAlloc(bytes, 256) : Machine.Allocate((long)bytes);
        NativeMemory.Fill((void*)pointer, bytes, 0xFF);   // NaN, whatever the element
        _memory.Add(pointer, (long)bytes);
        return 0;
    }

    public override CudaStatus MemFree(nint pointer)
    {
        CudaStatus status = Does("MemFree");
        if (!_memory.Remove(pointer))
            return CudaStatus.InvalidValue;
        RunAll();
        if (Machine is null)
            NativeMemory.AlignedFree((void*)pointer);
        return status;
    }

    public override CudaStatus MemHostAlloc(out nint pointer, nuint bytes, uint flags)
    {
        pointer = 0;
        if (Does("MemHostAlloc") is var status && status != 0)
            return status;
        pointer = (nint)NativeMemory.Alloc(bytes);
        _pinned.Add(pointer);
        return 0;
    }

    public override CudaStatus MemFreeHost(nint pointer)
    {
        CudaStatus status = Does("MemFreeHost");
        if (!_pinned.Remove(pointer))
            return CudaStatus.InvalidValue;
        RunAll();
        NativeMemory.Free((void*)pointer);
        return status;
    }

    public override CudaStatus MemcpyHtoDAsync(nint destination, nint source, nuint bytes, nint stream) =>
        Copy("MemcpyHtoDAsync", destination, source, bytes, stream, destination);

    public override CudaStatus MemcpyDtoHAsync(nint destination, nint source, nuint bytes, nint stream) =>
        Copy("MemcpyDtoHAsync", destination, source, bytes, stream, source);

    public override CudaStatus MemcpyDtoDAsync(nint destination, nint source, nuint bytes, nint stream) =>
        Copy("MemcpyDtoDAsync", destination, source, bytes, stream, source);

    public override CudaStatus MemsetD32Async(nint destination, uint value, nuint words, nint stream) =>
        Does("MemsetD32Async") is var status && status != 0
            ? status
            : Enqueue(stream, () => new Span<uint>((void*)destination, (int)words).Fill(value));

    public override CudaStatus PointerGetAttribute(void* value, int attribute, nint pointer)
    {
        if (Does("PointerGetAttribute") is var status && status != 0)
            return status;
        foreach ((nint start, long bytes) in _memory)
        {
            if (pointer < start || pointer >= start + bytes)
                continue;
            switch (attribute)
            {
                case 2: *(uint*)value = 2; break;
                case 9: *(int*)value = MemoryDevice; break;
                case 11: *(nint*)value = start; break;
                case 12: *(nuint*)value = (nuint)bytes; break;
                default: return CudaStatus.InvalidValue;
            }

            return 0;
        }

        return CudaStatus.InvalidValue;
    }

    private CudaStatus Copy(string function, nint destination, nint source, nuint bytes, nint stream, nint device)
    {
        if (Does(function) is var status && status != 0)
            return status;
        return !_memory.Any(m => device >= m.Key && device + (nint)bytes <= m.Key + m.Value)
            ? CudaStatus.InvalidValue
            : Enqueue(stream, () => NativeMemory.Copy((void*)source, (void*)destination, bytes));
    }
}
