namespace MoBA.Program;

/// <summary>Positions that stand for a run of them.</summary>
internal static class Sample
{
    /// <summary>Every position of [start, end), or one at random in each of <paramref name="most"/> parts: an even step would fall in
    /// with the period of a strided pattern.</summary>
    public static int[] Of(int start, int end, int most, int seed)
    {
        int length = end - start;
        var random = new Random(seed);
        return length <= most
            ? [.. Enumerable.Range(start, length)]
            : [.. Enumerable.Range(0, most).Select(part => start + (int)random.NextInt64((long)part * length / most, (long)(part + 1) * length / most))];
    }
}
