namespace MoBA.Runtime.Cuda;

/// <summary>The ends of the passes of one call on a stream, and the device's own times from each to the next.</summary>
internal sealed class PassMarks : IDisposable
{
    private readonly CudaDeviceContext _context;
    private readonly CudaStream _stream;
    private readonly List<(string Pass, EventHandle End)> _ends = [];

    /// <summary>The first pass starts here. The context is current.</summary>
    /// <exception cref="CudaException">The driver refused.</exception>
    public PassMarks(CudaDeviceContext context, CudaStream stream)
    {
        (_context, _stream) = (context, stream);
        End("");
    }

    /// <summary>Ends the pass that the stream has been given so far, and starts the next. The context is current.</summary>
    /// <exception cref="CudaException">The driver refused.</exception>
    public void End(string pass)
    {
        EventHandle end = EventHandle.Create(_context, isTimed: true);
        _ends.Add((pass, end));
        _context.Check(_context.Driver.EventRecord(end.Value, _stream.Handle), "cuEventRecord");
    }

    /// <summary>The passes and their nanoseconds, once the stream has come to its end. The context is current.</summary>
    /// <exception cref="CudaException">The driver refused.</exception>
    public IReadOnlyList<(string Pass, long Nanoseconds)> Times()
    {
        List<(string, long)> times = [];
        for (int i = 1; i < _ends.Count; i++)
        {
            _context.Check(_context.Driver.EventElapsedTime(out float milliseconds, _ends[i - 1].End.Value, _ends[i].End.Value), "cuEventElapsedTime");
            times.Add((_ends[i].Pass, (long)(milliseconds * 1e6)));
        }

        return times;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach ((_, EventHandle end) in _ends)
            end.Dispose();
    }
}
