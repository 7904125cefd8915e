using System.ComponentModel;
using MoBA.Runtime.Portable;

namespace MoBA.Runtime.Cuda;

/// <summary>
/// Bits of a thread's columns of a key tile: bit j is key first + 8 (j / 2) + j % 2, as an accumulator of tensor cores has them. Device
/// code.
/// </summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public static class CudaColumns
{
    /// <summary>The columns whose key is below <paramref name="limit"/>.</summary>
    /// <param name="limit">A position, or anything beside the keys.</param>
    /// <param name="firstKey">The key of bit 0.</param>
    public static int Before(long limit, int firstKey)
    {
        return First((int)PortableMath.Clamp(limit - firstKey, 0, 128));
    }

    /// <summary>The same for a position that is a key's or the one behind the last.</summary>
    /// <param name="limit">A position, not negative.</param>
    /// <param name="firstKey">The key of bit 0.</param>
    public static int BeforeKey(int limit, int firstKey) => First(PortableMath.Clamp(limit - firstKey, 0, 128));

    // Of each eight keys the thread has the first two.
    private static int First(int keys)
    {
        int columns = ((keys >> 3) << 1) + PortableMath.Min(keys & 7, 2);
        return (int)((1L << columns) - 1);
    }
}
