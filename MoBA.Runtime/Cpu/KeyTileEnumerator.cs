namespace MoBA.Runtime.Cpu;

/// <summary>Enumerates the starts of key tiles; see <see cref="CpuTile.KeyTiles"/>.</summary>
public ref struct KeyTileEnumerator
{
    private readonly ReadOnlySpan<KeyRange> _ranges;
    private int _range;

    /// <summary>Over ranges that are sorted, disjoint, not empty, and inside [0, keys).</summary>
    internal KeyTileEnumerator(ReadOnlySpan<KeyRange> ranges)
    {
        _ranges = ranges;
        Current = -CpuTile.KeyTile;
    }

    /// <summary>Start of the current key tile, a multiple of <see cref="CpuTile.KeyTile"/>.</summary>
    public int Current { get; private set; }

    /// <summary>Goes to the next key tile.</summary>
    public bool MoveNext()
    {
        for (; _range < _ranges.Length; _range++)
        {
            KeyRange range = _ranges[_range];
            int next = Math.Max(Current + CpuTile.KeyTile, range.Start & -CpuTile.KeyTile);
            if (next < range.End)
            {
                Current = next;
                return true;
            }
        }

        return false;
    }

    /// <summary>This enumerator.</summary>
    public readonly KeyTileEnumerator GetEnumerator() => this;

    /// <summary>Cuts the ranges to [<paramref name="first"/>, <paramref name="end"/>), sorts and merges them in place, and drops empty ones.</summary>
    internal static Span<KeyRange> Normalize(Span<KeyRange> ranges, int first, int end)
    {
        int count = 0;
        foreach (KeyRange given in ranges)
        {
            KeyRange range = new(Math.Max(given.Start, first), Math.Min(given.End, end));
            if (range.IsEmpty)
                continue;

            // Insertion: an expert has a handful of runs.
            int at = count++;
            for (; at > 0 && ranges[at - 1].Start > range.Start; at--)
                ranges[at] = ranges[at - 1];
            ranges[at] = range;
        }

        int last = 0;
        for (int i = 1; i < count; i++)
        {
            if (ranges[i].Start <= ranges[last].End)
                ranges[last] = new(ranges[last].Start, Math.Max(ranges[last].End, ranges[i].End));
            else
                ranges[++last] = ranges[i];
        }

        return ranges[..(count == 0 ? 0 : last + 1)];
    }
}
