using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace MoBA.Runtime.Cpu;

/// <summary>
/// What a table held when a call looked at it: a copy that never changes, with what was found out about it. Calls share one for as
/// long as the owner of the array leaves the values as they are. To compare them costs little; to copy a large array for every call
/// costs a collection of all generations again and again.
/// </summary>
internal sealed class TableContent<T>
    where T : unmanaged, IComparable<T>
{
    private static readonly ConditionalWeakTable<T[], TableContent<T>> s_lastOf = [];

    private readonly Lazy<int> _hash;
    private readonly Lazy<int> _firstDecrease;

    private TableContent(ReadOnlySpan<T> values)
    {
        Values = GC.AllocateUninitializedArray<T>(values.Length);
        values.CopyTo(Values);
        _hash = new(() => ContentHash.Of(Bytes(Values)));
        _firstDecrease = new(FindDecrease);
    }

    /// <summary>The values by position; nobody writes to them.</summary>
    public T[] Values { get; }

    /// <summary>A hash of the values' bits.</summary>
    public int Hash => _hash.Value;

    /// <summary>The first position whose value is less than the one before it, or -1 where values never decrease.</summary>
    public int FirstDecrease => _firstDecrease.Value;

    /// <summary>What <paramref name="table"/> holds now.</summary>
    public static TableContent<T> Of(ReadOnlyMemory<T> table)
    {
        if (!MemoryMarshal.TryGetArray(table, out ArraySegment<T> segment) || segment.Array is not { } array)
            return new(table.Span);
        if (s_lastOf.TryGetValue(array, out TableContent<T>? content) && Bytes(content.Values).SequenceEqual(Bytes(table.Span)))
            return content;
        content = new(table.Span);
        s_lastOf.AddOrUpdate(array, content);
        return content;
    }

    // By their bits: a NaN is itself, and the zeros differ.
    private static ReadOnlySpan<byte> Bytes(ReadOnlySpan<T> values) => MemoryMarshal.AsBytes(values);

    private int FindDecrease()
    {
        ReadOnlySpan<T> values = Values;
        for (int i = 1; i < values.Length; i++)
        {
            if (values[i].CompareTo(values[i - 1]) < 0)
                return i;
        }

        return -1;
    }
}
