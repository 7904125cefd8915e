using System.Runtime.Intrinsics;

namespace MoBA.Runtime.Cpu;

/// <summary>Checks of positions against the length of a table.</summary>
internal static class TableIndex
{
    /// <summary>Throws unless all sixteen positions are inside [0, <paramref name="length"/>).</summary>
    public static void Check(Vector512<int> index, int length)
    {
        // As unsigned, a negative position is a huge one.
        if (Vector512.GreaterThanOrEqualAny(index.AsUInt32(), Vector512.Create((uint)length)))
            throw new IndexOutOfRangeException($"a position of {index} is outside a table of {length} values.");
    }

    /// <summary>Throws unless a table of <paramref name="length"/> values has one for every position of a run, ends included.</summary>
    public static void CheckCovers(string name, int length, long first, long last)
    {
        if (first < 0)
        {
            throw new ArgumentException(
                $"table '{name}' has no value for position {first}; the positions of this call start there because a sequence has more queries than keys: set QueryStart, or give at least as many keys.",
                name);
        }

        if (last >= length)
        {
            throw new ArgumentException(
                $"table '{name}' has {length} values, and the positions of this call go to {last}; give it at least {last + 1}.",
                name);
        }
    }
}
