using System.Runtime.InteropServices;

namespace MoBA.Runtime.Cpu;

/// <summary>Memory outside the garbage-collected heap, aligned to cache lines and not cleared.</summary>
internal sealed unsafe class NativeBuffer : IDisposable
{
    private const nuint Alignment = 64;

    private void* _data;

    /// <summary>Takes <paramref name="bytes"/> bytes for <paramref name="purpose"/>.</summary>
    /// <exception cref="InsufficientMemoryException">There is not as much; the message says how many bytes were needed.</exception>
    public NativeBuffer(long bytes, string purpose)
    {
        MemoryBudget.Require(bytes, purpose);
        try
        {
            _data = NativeMemory.AlignedAlloc((nuint)Math.Max(bytes, 1), Alignment);
        }
        catch (OutOfMemoryException e)
        {
            throw MemoryBudget.Shortage(bytes, purpose, e);
        }

        Bytes = bytes;
    }

    /// <summary>Size in bytes.</summary>
    public long Bytes { get; }

    /// <summary>The first value.</summary>
    public float* Floats => (float*)_data;

    /// <inheritdoc/>
    public void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    /// <summary>Gives the memory back when its owner was forgotten.</summary>
    ~NativeBuffer() => Free();

    private void Free()
    {
        NativeMemory.AlignedFree(_data);
        _data = null;
    }
}
