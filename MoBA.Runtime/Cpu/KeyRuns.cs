namespace MoBA.Runtime.Cpu;

/// <summary>Runs of keys as generated kernels write them.</summary>
public static class KeyRuns
{
    /// <summary>Adds the run [<paramref name="first"/>, <paramref name="last"/>] (both included), cut to [0, <paramref name="keys"/>),
    /// unless nothing is left of it.</summary>
    /// <returns>The number of runs so far.</returns>
    public static int Add(Span<KeyRange> ranges, int count, long first, long last, int keys)
    {
        first = Math.Max(first, 0);
        last = Math.Min(last, keys - 1);
        if (first <= last)
        {
            ranges[count++] = new KeyRange((int)first, (int)last + 1);
        }

        return count;
    }
}
