using System.Diagnostics;

namespace MoBA.Runtime;

/// <summary>Measures the passes of one call, one after another.</summary>
internal sealed class PassClock
{
    private readonly List<PassTiming> _passes = new(4);
    private long _start = Stopwatch.GetTimestamp();

    /// <summary>The passes that have ended, in the order of their first ends.</summary>
    public IReadOnlyList<PassTiming> Passes => _passes;

    /// <summary>Time from the first pass's start to the last one's end.</summary>
    public TimeSpan Total => _passes.Aggregate(TimeSpan.Zero, (sum, pass) => sum + pass.Elapsed);

    /// <summary>Ends the pass that runs now, and starts the next. Passes of one name count as one.</summary>
    public void End(string pass)
    {
        long now = Stopwatch.GetTimestamp();
        TimeSpan elapsed = Stopwatch.GetElapsedTime(_start, now);
        int known = _passes.FindIndex(p => p.Pass == pass);
        if (known < 0)
            _passes.Add(new(pass, elapsed));
        else
            _passes[known] = new(pass, _passes[known].Elapsed + elapsed);
        _start = now;
    }
}
