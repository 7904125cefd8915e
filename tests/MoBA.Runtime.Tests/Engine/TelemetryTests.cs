using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Numerics.Tensors;
using Microsoft.Extensions.Logging;
using Xunit;

namespace MoBA.Runtime.Tests;

/// <summary>The meter, the activity source and the logger.</summary>
public class TelemetryTests
{
    [Fact]
    public void ACallIsMeasuredTracedAndLogged()
    {
        using MeterListener meter = new();
        List<string> instruments = [];
        meter.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Meter.Name == "MoBA")
                listener.EnableMeasurementEvents(instrument);
        };
        meter.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Note(instrument, value, tags));
        meter.SetMeasurementEventCallback<double>((instrument, value, tags, _) => Note(instrument, value, tags));
        meter.Start();
        using ActivityListener activities = new()
        {
            ShouldListenTo = source => source.Name == "MoBA",
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllData,
            ActivityStopped = activity => Add($"{activity.OperationName} {activity.GetTagItem("moba.expert")} {activity.GetTagItem("moba.query_tokens")}"),
        };
        ActivitySource.AddActivityListener(activities);
        Lines logger = new();
        using AttentionEngine engine = AttentionEngine.Create(Target.Cpu, logger);
        Tensor<float> q = Inputs.Normal<float>(1, 77, 1, 8);
        engine.Attend(new EveryThirdQuery(), q, q, q);

        lock (instruments)
        {
            Assert.Contains("moba.attend.tokens 77 EveryThirdQuery", instruments);
            Assert.Contains(instruments, text => text.StartsWith("moba.attend.duration", StringComparison.Ordinal));
            Assert.Contains("attend EveryThirdQuery 77", instruments);
        }

        Assert.Contains(logger.Texts, text => text.StartsWith("Information: Attention runs on CPU", StringComparison.Ordinal));
        Assert.Contains(logger.Texts, text => text.StartsWith("Debug: EveryThirdQuery attended 77 query tokens to 77 key tokens", StringComparison.Ordinal));

        void Note<T>(Instrument instrument, T value, ReadOnlySpan<KeyValuePair<string, object?>> tags) =>
            Add($"{instrument.Name} {value} {tags.ToArray().First(tag => tag.Key == "moba.expert").Value}");

        // Listeners hear the calls of all threads, those of other tests among them.
        void Add(string text)
        {
            lock (instruments)
                instruments.Add(text);
        }
    }

    private sealed class Lines : ILogger
    {
        public List<string> Texts { get; } = [];

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            Texts.Add($"{logLevel}: {formatter(state, exception)}");
    }
}
