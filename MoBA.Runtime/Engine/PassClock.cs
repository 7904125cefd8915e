using System.Diagnostics;

namespace MoBA.Runtime;

/// <summary>Measures the passes of one call, one after another.</summary>
internal sealed class PassClock
{
    private readonly List<PassTiming> _passes = new(4);
    private long _start = Stopwatch.GetTimestamp();

    /// <summary>The passes that have ended, in order.</summary>
    public IReadOnlyList<PassTiming> Passes => _passes;

    /// <summary>Time from the first pass's start to the last one's end.</summary>
    public TimeSpan Total => _passes.Aggregate(TimeSpan.Zero, (sum, pass) => sum + pass.Elapsed);

    /// <summary>Ends the pass that runs now, and starts the next.</summary>
    public void End(string pass)
    {
        long now = Stopwatch.GetTimestamp();
        _passes.Add(new(pass, Stopwatch.GetElapsedTime(_start, now)));
        _start = now;
    }
}
