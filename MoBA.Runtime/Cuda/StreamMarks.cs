namespace MoBA.Runtime.Cuda;

/// <summary>
/// Marks between the work of a stream, and the device's own times from each to the next. The events are made ahead, so that a mark
/// costs the stream a fraction of a microsecond.
/// </summary>
internal sealed class StreamMarks : IDisposable
{
    private readonly CudaRuntime _runtime;
    private readonly CudaStream _stream;
    private readonly EventHandle[] _events;
    private int _count;

    /// <summary>Up to <paramref name="most"/> marks on a stream.</summary>
    /// <exception cref="CudaException">The driver refused.</exception>
    public StreamMarks(CudaRuntime runtime, CudaStream stream, int most)
    {
        (_runtime, _stream, _events) = (runtime, stream, new EventHandle[most]);
        using CurrentContext current = runtime.Context.Enter();
        for (int i = 0; i < most; i++)
            _events[i] = EventHandle.Create(runtime.Context, isTimed: true);
    }

    /// <summary>Marks the place after all that the stream has been given so far.</summary>
    public void Mark()
    {
        using CurrentContext current = _runtime.Context.Enter();
        _runtime.Context.Check(_runtime.Context.Driver.EventRecord(_events[_count].Value, _stream.Handle), "cuEventRecord");
        _count++;
    }

    /// <summary>Waits for the last mark.</summary>
    /// <returns>Milliseconds from each mark to the next: one fewer than there are marks.</returns>
    /// <exception cref="CudaDeviceLostException">A kernel or the device has failed.</exception>
    public double[] Milliseconds()
    {
        CudaDeviceContext context = _runtime.Context;
        using CurrentContext current = context.Enter();
        context.Check(context.Driver.EventSynchronize(_events[_count - 1].Value), "cuEventSynchronize");
        double[] times = new double[_count - 1];
        for (int i = 0; i < times.Length; i++)
        {
            context.Check(context.Driver.EventElapsedTime(out float milliseconds, _events[i].Value, _events[i + 1].Value), "cuEventElapsedTime");
            times[i] = milliseconds;
        }

        return times;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (EventHandle? mark in _events)
            mark?.Dispose();
    }
}
