using MoBA.Runtime.Cuda;

namespace MoBA.Runtime.Tests.Cuda;

// Streams and events.
internal sealed unsafe partial class FakeCudaDriver
{
    private readonly Dictionary<nint, Queue<Action>> _streams = new() { [0] = [] };   // the default stream is always there
    private readonly Dictionary<nint, Point?> _events = [];
    private nint _next = 0x1000;
    private int _clock;

    /// <summary>What every function returns from now on; success is none.</summary>
    public CudaStatus Lost { get; set; }

    /// <summary>Does what <paramref name="stream"/> was given.</summary>
    public void Run(nint stream)
    {
        while (_streams.TryGetValue(stream, out Queue<Action>? work) && work.TryDequeue(out Action? action))
            Do(action);
    }

    /// <summary>A stream as another library would make it.</summary>
    public nint ForeignStream()
    {
        _streams.Add(++_next, []);
        return _next;
    }

    /// <summary>Gives a stream something to do.</summary>
    public CudaStatus Enqueue(nint stream, Action action)
    {
        if (!_streams.TryGetValue(stream, out Queue<Action>? work))
            return CudaStatus.InvalidValue;
        work.Enqueue(action);
        return 0;
    }

    public override CudaStatus StreamCreate(out nint stream, uint flags)
    {
        stream = 0;
        if (Does("StreamCreate") is var status && status != 0)
            return status;
        stream = ForeignStream();
        return 0;
    }

    public override CudaStatus StreamDestroy(nint stream)
    {
        Run(stream);
        return _streams.Remove(stream) ? Does("StreamDestroy") : CudaStatus.InvalidValue;
    }

    public override CudaStatus StreamSynchronize(nint stream)
    {
        if (Does("StreamSynchronize") is var status && status != 0)
            return status;
        Run(stream);
        return _streams.ContainsKey(stream) ? Lost : CudaStatus.InvalidValue;
    }

    public override CudaStatus StreamWaitEvent(nint stream, nint @event, uint flags)
    {
        if (Does("StreamWaitEvent") is var status && status != 0)
            return status;
        Point? point = _events[@event];
        return Enqueue(stream, () => Reach(point));
    }

    public override CudaStatus EventCreate(out nint @event, uint flags)
    {
        @event = 0;
        if (Does("EventCreate") is var status && status != 0)
            return status;
        _events.Add(@event = ++_next, null);
        return 0;
    }

    public override CudaStatus EventDestroy(nint @event) => _events.Remove(@event) ? Does("EventDestroy") : CudaStatus.InvalidValue;

    public override CudaStatus EventRecord(nint @event, nint stream)
    {
        if (Does("EventRecord") is var status && status != 0)
            return status;
        Point point = new(stream);
        _events[@event] = point;
        return Enqueue(stream, () => (point.IsReached, point.Time) = (true, _clock));
    }

    public override CudaStatus EventQuery(nint @event) =>
        Does("EventQuery") is var status && status != 0 ? status
        : _events[@event] is null or { IsReached: true } ? 0 : CudaStatus.NotReady;

    public override CudaStatus EventSynchronize(nint @event)
    {
        if (Does("EventSynchronize", context: false) is var status && status != 0)
            return status;
        Reach(_events[@event]);
        return Lost;
    }

    /// <summary>The time is the number of things that were done on streams between the events, the later one included.</summary>
    public override CudaStatus EventElapsedTime(out float milliseconds, nint start, nint end)
    {
        milliseconds = 0;
        if (Does("EventElapsedTime") is var status && status != 0)
            return status;
        if (_events[start] is not { } first || _events[end] is not { } last)
            return CudaStatus.InvalidValue;
        milliseconds = last.Time - first.Time;
        return first.IsReached && last.IsReached ? 0 : CudaStatus.NotReady;
    }

    private void Do(Action action)
    {
        _clock++;
        action();
    }

    private void Reach(Point? point)
    {
        while (point is { IsReached: false } && _streams[point.Stream].TryDequeue(out Action? action))
            Do(action);
    }

    private void RunAll()
    {
        foreach (nint stream in _streams.Keys.ToArray())
            Run(stream);
    }

    private sealed class Point(nint stream)
    {
        public nint Stream => stream;

        public bool IsReached { get; set; }

        public int Time { get; set; }
    }
}
