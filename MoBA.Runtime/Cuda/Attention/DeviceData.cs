using System.Runtime.InteropServices;
using MoBA.Runtime.Cpu;

namespace MoBA.Runtime.Cuda;

/// <summary>
/// Read-only data on the device that calls repeat: schedules and tables. It is found again by its content, so a table that its owner
/// has changed is never mistaken for what it was. Beyond a number of bytes the entries that were used least recently go.
/// </summary>
internal sealed class DeviceData(CudaDeviceContext context, long limitBytes) : IDisposable
{
    private readonly Lock _gate = new();
    private readonly Dictionary<Key, LinkedListNode<Entry>> _entries = [];
    private readonly LinkedList<Entry> _byUse = new();
    private long _bytes;

    /// <summary>Makes what goes to the device.</summary>
    public delegate TValue[] Maker<TSource, TValue, TState>(ReadOnlySpan<TSource> source, TState state);

    /// <summary>The device address of what is made of <paramref name="source"/>, complete for every stream. It is made and copied
    /// once for all calls with equal values.</summary>
    /// <param name="source">The values by which it is found again.</param>
    /// <param name="state">What else it is made of; part of what it is found by.</param>
    /// <param name="make">Makes at least one value.</param>
    /// <param name="count">How many were made.</param>
    /// <exception cref="InsufficientMemoryException">The device has no memory for it.</exception>
    public nint Get<TSource, TValue, TState>(ReadOnlySpan<TSource> source, TState state, Maker<TSource, TValue, TState> make, out int count)
        where TSource : unmanaged
        where TValue : unmanaged
        where TState : struct, IEquatable<TState>
    {
        ReadOnlySpan<byte> bytes = MemoryMarshal.AsBytes(source);
        Key key = new(make.Method, state.GetHashCode(), bytes.Length, ContentHash.Of(bytes));
        lock (_gate)
        {
            Entry entry = Find(key, state, bytes) ?? Add(key, state, bytes, make(source, state));
            count = entry.Count;
            return entry.Memory.Value;
        }
    }

    /// <summary>As the other, what is made of a table; its hash is known.</summary>
    public nint Get<T>(TableContent<T> table, Func<TableContent<T>, T[]> make)
        where T : unmanaged, IComparable<T>
    {
        ReadOnlySpan<byte> bytes = MemoryMarshal.AsBytes<T>(table.Values);
        Key key = new(make.Method, 0, bytes.Length, table.Hash);
        lock (_gate)
            return (Find(key, 0, bytes) ?? Add(key, 0, bytes, make(table))).Memory.Value;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_gate)
            Trim(0);
    }

    private Entry? Find<TState>(Key key, TState state, ReadOnlySpan<byte> source)
        where TState : struct, IEquatable<TState>
    {
        if (!_entries.TryGetValue(key, out LinkedListNode<Entry>? node) || !state.Equals((TState)node.Value.State) || !source.SequenceEqual(node.Value.Source))
            return null;
        _byUse.Remove(node);
        _byUse.AddLast(node);
        return node.Value;
    }

    // Of two contents with one hash the later stays.
    private Entry Add<TValue>(Key key, object state, ReadOnlySpan<byte> source, TValue[] values)
        where TValue : unmanaged
    {
        if (_entries.TryGetValue(key, out LinkedListNode<Entry>? other))
            Remove(other);
        ReadOnlySpan<byte> data = MemoryMarshal.AsBytes<TValue>(values);
        Trim(limitBytes - data.Length);
        Entry entry = new(key, state, source.ToArray(), values.Length, data.Length, Upload(data));
        _entries.Add(key, _byUse.AddLast(entry));
        _bytes += data.Length;
        return entry;
    }

    // Freeing waits for the work of the device, launches that read the entry among it; what a thread is about to launch was used
    // last, and stays.
    private void Trim(long bytes)
    {
        while (_bytes > bytes && _byUse.First is { } oldest)
            Remove(oldest);
    }

    private void Remove(LinkedListNode<Entry> node)
    {
        _byUse.Remove(node);
        _entries.Remove(node.Value.Key);
        _bytes -= node.Value.Bytes;
        node.Value.Memory.Dispose();
    }

    private unsafe DeviceMemoryHandle Upload(ReadOnlySpan<byte> bytes)
    {
        CudaStatus status = context.Driver.MemAlloc(out nint pointer, (nuint)bytes.Length);
        context.Check(status, $"cuMemAlloc of {bytes.Length} bytes for a schedule or a table");
        DeviceMemoryHandle memory = new(context.Primary, pointer);
        fixed (byte* source = bytes)
            context.Check(context.Driver.MemcpyHtoDAsync(pointer, (nint)source, (nuint)bytes.Length, 0), "cuMemcpyHtoDAsync of a schedule or a table");
        context.Check(context.Driver.StreamSynchronize(0), "cuStreamSynchronize");
        return memory;
    }

    private readonly record struct Key(System.Reflection.MethodInfo Maker, int State, int Length, int Hash);

    private sealed record Entry(Key Key, object State, byte[] Source, int Count, int Bytes, DeviceMemoryHandle Memory);
}
