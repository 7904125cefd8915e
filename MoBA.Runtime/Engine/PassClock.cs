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
    public void End(string pass) => End([(pass, 1)]);

    /// <summary>Ends several passes that ran interleaved, and shares the time out among them as <c>Part</c> says.</summary>
    public void End(IReadOnlyList<(string Pass, long Part)> passes)
    {
        long now = Stopwatch.GetTimestamp();
        TimeSpan elapsed = Stopwatch.GetElapsedTime(_start, now);
        double whole = Math.Max(1, passes.Sum(static p => p.Part));
        foreach ((string pass, long part) in passes)
        {
            int known = _passes.FindIndex(p => p.Pass == pass);
            TimeSpan share = elapsed * (part / whole);
            if (known < 0)
                _passes.Add(new(pass, share));
            else
                _passes[known] = new(pass, _passes[known].Elapsed + share);
        }

        _start = now;
    }
}
