using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace MoBA.Runtime;

/// <summary>The meter and the activity source named "MoBA".</summary>
internal static class Telemetry
{
    private const string Name = "MoBA";

    private static readonly ActivitySource _activities = new(Name);
    private static readonly Meter _meter = new(Name);
    private static readonly Counter<long> _tokens =
        _meter.CreateCounter<long>("moba.attend.tokens", "{token}", "Query tokens attended.");

    private static readonly Histogram<double> _duration =
        _meter.CreateHistogram<double>("moba.attend.duration", "s", "Time of a call.");

    /// <summary>Starts the activity of one call, if anybody listens.</summary>
    public static Activity? Start(string name, Target target, ReadOnlySpan<nint> q, ReadOnlySpan<nint> k)
    {
        Activity? activity = _activities.StartActivity("attend");
        if (activity is { IsAllDataRequested: true })
        {
            activity.SetTag("moba.expert", name);
            activity.SetTag("moba.target", target.ToString());
            activity.SetTag("moba.query_tokens", (long)q[0]);
            activity.SetTag("moba.key_tokens", (long)k[0]);
            activity.SetTag("moba.query_heads", (long)q[1]);
            activity.SetTag("moba.key_heads", (long)k[1]);
            activity.SetTag("moba.dim", (long)q[2]);
        }

        return activity;
    }

    /// <summary>Records a call that has ended well, or, without a time, one that has been enqueued.</summary>
    public static void Record(string name, Target target, long tokens, TimeSpan? elapsed)
    {
        if (!_tokens.Enabled && !_duration.Enabled)
            return;

        TagList tags = new() { { "moba.expert", name }, { "moba.target", target.ToString() } };
        _tokens.Add(tokens, tags);
        if (elapsed is { } time)
            _duration.Record(time.TotalSeconds, tags);
    }
}
