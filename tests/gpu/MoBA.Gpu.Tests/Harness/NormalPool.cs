using MoBA.Conformance.Tests;

namespace MoBA.Gpu.Tests;

/// <summary>Standard normal elements, drawn once: thousands of cases take theirs from different places of one long row.</summary>
internal static class NormalPool
{
    // Prime, so that no stride of a tensor meets the same elements again.
    private const int Length = 2_097_143;

    private static readonly Lazy<float[]> _values = new(Draw);
    private static readonly Lazy<ushort[]> _halves = new(() => Round(Element.Half));
    private static readonly Lazy<ushort[]> _shorts = new(() => Round(Element.BFloat16));

    /// <summary>That many elements; the same seed takes the same ones.</summary>
    public static ushort[] Take(Element element, int seed, long count)
    {
        ushort[] pool = (element == Element.Half ? _halves : _shorts).Value, taken = new ushort[count];
        int at = new Random(seed).Next(Length);
        for (long done = 0; done < count;)
        {
            int run = (int)Math.Min(count - done, Length - at);
            Array.Copy(pool, at, taken, done, run);
            (done, at) = (done + run, 0);
        }

        return taken;
    }

    private static ushort[] Round(Element element) => Array.ConvertAll(_values.Value, value => Bits.Of(value, element));

    private static float[] Draw()
    {
        Random random = new(20260101);
        float[] values = new float[Length];
        for (int i = 0; i < Length; i++)
            values[i] = (float)(Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble()));
        return values;
    }
}
