using System.Diagnostics;
using System.Globalization;

namespace MoBA.Program;

/// <summary>Times of short work on a machine that does other things too.</summary>
internal static class Stopwatches
{
    /// <summary>The best times of two kinds of work that take turns, so that what else the machine does slows both alike. Each
    /// runs once before to warm up.</summary>
    /// <param name="first">What is timed.</param>
    /// <param name="second">What it is compared with.</param>
    /// <param name="repeats">The fewest turns.</param>
    /// <param name="budget">Turns go on until this much time has passed.</param>
    public static (TimeSpan First, TimeSpan Second) Race(Action first, Action second, int repeats, TimeSpan budget)
    {
        first();
        second();
        TimeSpan bestFirst = TimeSpan.MaxValue, bestSecond = TimeSpan.MaxValue;
        long start = Stopwatch.GetTimestamp();
        for (int turn = 0; turn < repeats || Stopwatch.GetElapsedTime(start) < budget; turn++)
        {
            bestFirst = Shorter(bestFirst, first);
            bestSecond = Shorter(bestSecond, second);
        }

        return (bestFirst, bestSecond);
    }

    private static TimeSpan Shorter(TimeSpan best, Action work)
    {
        long begin = Stopwatch.GetTimestamp();
        work();
        TimeSpan elapsed = Stopwatch.GetElapsedTime(begin);
        return elapsed < best ? elapsed : best;
    }

    /// <summary>A time with three digits and its unit.</summary>
    public static string Text(TimeSpan time) => time.TotalSeconds >= 1
        ? string.Create(CultureInfo.InvariantCulture, $"{time.TotalSeconds:0.00} s")
        : string.Create(CultureInfo.InvariantCulture, $"{time.TotalMilliseconds:0.00} ms");
}
