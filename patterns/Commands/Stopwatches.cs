using System.Diagnostics;
using System.Globalization;

namespace MoBA.Program;

/// <summary>Times of short work on a machine that does other things too.</summary>
internal static class Stopwatches
{
    /// <summary>The best of several runs after one that warms up: noise only ever adds.</summary>
    /// <param name="work">What is timed.</param>
    /// <param name="repeats">The fewest runs.</param>
    /// <param name="budget">Runs go on until this much time has passed.</param>
    public static TimeSpan Best(Action work, int repeats, TimeSpan budget)
    {
        work();
        TimeSpan best = TimeSpan.MaxValue;
        long start = Stopwatch.GetTimestamp();
        for (int run = 0; run < repeats || Stopwatch.GetElapsedTime(start) < budget; run++)
        {
            long begin = Stopwatch.GetTimestamp();
            work();
            TimeSpan elapsed = Stopwatch.GetElapsedTime(begin);
            best = elapsed < best ? elapsed : best;
        }

        return best;
    }

    /// <summary>A time with three digits and its unit.</summary>
    public static string Text(TimeSpan time) => time.TotalSeconds >= 1
        ? string.Create(CultureInfo.InvariantCulture, $"{time.TotalSeconds:0.00} s")
        : string.Create(CultureInfo.InvariantCulture, $"{time.TotalMilliseconds:0.00} ms");
}
