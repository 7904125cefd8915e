using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;

namespace MoBA.Runtime.Cuda;

/// <summary>Values by key, each made by the first thread that asks while the others that ask for it wait. A failure is not
/// remembered: whoever asks next tries again.</summary>
internal sealed class MadeOnce<TKey, TValue>
    where TKey : notnull
    where TValue : class
{
    private readonly ConcurrentDictionary<TKey, Slot> _slots = [];

    /// <summary>The value of a key, if it has been made: the way that costs least.</summary>
    public bool TryGet(TKey key, [NotNullWhen(true)] out TValue? value)
    {
        value = _slots.TryGetValue(key, out Slot? slot) ? Volatile.Read(ref slot.Value) : null;
        return value is not null;
    }

    /// <summary>The value of a key.</summary>
    public TValue Get(TKey key, Func<TValue> make)
    {
        Slot slot = _slots.GetOrAdd(key, static _ => new());
        if (Volatile.Read(ref slot.Value) is TValue made)
            return made;
        lock (slot.Making)
        {
            if (slot.Value is null)
                Volatile.Write(ref slot.Value, make());
            return slot.Value!;
        }
    }

    private sealed class Slot
    {
        public readonly Lock Making = new();
        public TValue? Value;
    }
}
