using System.Diagnostics;

namespace MoBA.Runtime.Cpu.Routing;

/// <summary>How one worker's time divides over the passes that it runs chunk by chunk.</summary>
internal sealed class PassTimes
{
    private readonly List<(string Pass, long Ticks)> _passes = [];
    private long _start;

    /// <summary>Starts the clock.</summary>
    public void Start() => _start = Stopwatch.GetTimestamp();

    /// <summary>Ends the pass that runs now, and starts the next.</summary>
    public void End(string pass)
    {
        long now = Stopwatch.GetTimestamp();
        int place = 0;
        while (place < _passes.Count && _passes[place].Pass != pass)
            place++;
        if (place == _passes.Count)
            _passes.Add((pass, 0));
        _passes[place] = (pass, _passes[place].Ticks + now - _start);
        _start = now;
    }

    /// <summary>Divides the wall-clock time that has passed on <paramref name="clock"/> as the workers' own times are divided.</summary>
    public static void Share(IReadOnlyCollection<PassTimes> workers, IReadOnlyList<string> order, PassClock clock)
    {
        Dictionary<string, long> ticks = workers.SelectMany(static w => w._passes)
            .GroupBy(static p => p.Pass).ToDictionary(static g => g.Key, static g => g.Sum(static p => p.Ticks));
        clock.End([.. order.Where(ticks.ContainsKey).Select(pass => (pass, ticks[pass]))]);
    }
}
