using System.Diagnostics;
using MoBA.Runtime;
using MoBA.Runtime.Cuda;

namespace MoBA.Program;

/// <summary>Times of calls on an engine's own stream, by events. The clock of a GPU under full load falls within a second to what its
/// power limit allows, so short measurements start from rest, and what lasts is measured apart.</summary>
internal sealed class DeviceClock(AttentionEngine engine, CancellationToken cancellationToken)
{
    /// <summary>Idle time before a measurement.</summary>
    public static readonly TimeSpan Rest = TimeSpan.FromSeconds(1.5);

    /// <summary>Milliseconds of work that a measurement from rest is to have, and its bounds in calls.</summary>
    public const double Burst = 150;

    private const int FewestCalls = 3, MostCalls = 20;
    private const double BriefMilliseconds = 30;
    private static readonly TimeSpan _briefRest = TimeSpan.FromSeconds(0.3);
    private const double LongMilliseconds = 2000;
    private const int MostMarks = 1000;

    private readonly CudaRuntime _runtime = engine.Runtime();

    /// <summary>Waits for all that was enqueued.</summary>
    public void Synchronize() => engine.DefaultStream.Synchronize();

    /// <summary>Milliseconds of each of some calls after <see cref="Rest"/>, ascending; one more before them is not timed.</summary>
    /// <param name="enqueue">Enqueues a call; it has been called before.</param>
    /// <param name="calls">How many are timed; null is as many as fit <see cref="Burst"/>, from 3 to 20.</param>
    public double[] Rested(Action enqueue, int? calls)
    {
        int count = calls ?? Math.Clamp((int)(Burst / Estimate(enqueue)), FewestCalls, MostCalls);
        cancellationToken.WaitHandle.WaitOne(Rest);
        enqueue();
        double[] times = Time(enqueue, count, 1);
        Array.Sort(times);
        return times;
    }

    /// <summary>Median milliseconds of a call under about two seconds of load without a pause.</summary>
    /// <param name="enqueue">Enqueues a call; it has been called before.</param>
    public double Sustained(Action enqueue)
    {
        int count = Math.Max(FewestCalls, (int)(LongMilliseconds / Estimate(enqueue)));
        int together = (count + MostMarks - 1) / MostMarks;
        return Median([.. Time(enqueue, count / together, together).Order()]);
    }

    /// <summary>Milliseconds of a call where many are compared and each is to take little time: the median of up to 10 after a short rest,
    /// or, where a call is long, the shorter of two.</summary>
    /// <param name="enqueue">Enqueues a call.</param>
    public double Brief(Action enqueue)
    {
        enqueue();
        double estimate = Time(enqueue, 2, 1).Min();
        if (estimate > BriefMilliseconds)
        {
            return estimate;
        }

        cancellationToken.WaitHandle.WaitOne(_briefRest);
        enqueue();
        return Median([.. Time(enqueue, 10, 1).Order()]);
    }

    /// <summary>Microseconds that the host takes to enqueue a call, averaged.</summary>
    /// <param name="enqueue">Enqueues a call of little work; it has been called before.</param>
    /// <param name="many">How many calls: as few as the stream's queue holds.</param>
    public double HostMicroseconds(Action enqueue, int many)
    {
        int few = many / 10;
        Repeat(enqueue, few);
        Synchronize();
        long start = Stopwatch.GetTimestamp();
        Repeat(enqueue, many);
        TimeSpan elapsed = Stopwatch.GetElapsedTime(start);
        Synchronize();
        return elapsed.TotalMicroseconds / many;
    }

    /// <summary>The middle of ascending numbers; the mean of the two in the middle.</summary>
    public static double Median(ReadOnlySpan<double> ascending) =>
        (ascending[(ascending.Length - 1) / 2] + ascending[ascending.Length / 2]) / 2;

    private double Estimate(Action enqueue)
    {
        enqueue();
        return Math.Max(1e-3, Time(enqueue, 2, 1).Min());
    }

    private double[] Time(Action enqueue, int count, int together)
    {
        cancellationToken.ThrowIfCancellationRequested();
        using StreamMarks marks = new(_runtime, engine.DefaultStream, count + 1);
        marks.Mark();
        for (int i = 0; i < count; i++)
        {
            Repeat(enqueue, together);
            marks.Mark();
        }

        return Array.ConvertAll(marks.Milliseconds(), time => time / together);
    }

    private static void Repeat(Action action, int times)
    {
        for (int i = 0; i < times; i++)
        {
            action();
        }
    }
}
