namespace MoBA.Runtime.Cuda;

/// <summary>One side of a copy: elements in memory, and how they stand there.</summary>
/// <param name="Pointer">The first element.</param>
/// <param name="Layout">How they stand.</param>
internal readonly record struct StagedSide(nint Pointer, StridedLayout Layout);

/// <summary>
/// Copies between tensors of the host and of the device through two pinned buffers: while the device copies one, the host fills or
/// empties the other. One copy at a time.
/// </summary>
internal sealed unsafe class PinnedStaging(CudaDeviceContext context) : IDisposable
{
    private const int BufferBytes = 4 << 20;

    private readonly Lock _gate = new();
    private readonly PinnedBuffer?[] _buffers = new PinnedBuffer?[2];

    /// <summary>Copies to the device. When it returns the source may be changed, and later work on <paramref name="stream"/> sees
    /// the values.</summary>
    /// <param name="host">The source.</param>
    /// <param name="device">The destination, of as many elements.</param>
    /// <param name="elementBytes">Bytes of an element.</param>
    /// <param name="stream">Where the copy stands in order.</param>
    /// <param name="cancellationToken">Ends the copy early.</param>
    public void Upload(StagedSide host, StagedSide device, int elementBytes, CudaStream stream, CancellationToken cancellationToken = default)
    {
        lock (_gate)
        {
            using CurrentContext current = context.Enter();
            long step = BufferBytes / elementBytes;
            for (long first = 0, chunk = 0; first < host.Layout.Count; first += step, chunk++)
            {
                cancellationToken.ThrowIfCancellationRequested();
                PinnedBuffer buffer = Buffer(chunk);
                long count = Math.Min(step, host.Layout.Count - first);
                CopyHost(host, first, count, elementBytes, buffer.Pointer, toHost: false);
                CopyDevice(device, first, count, elementBytes, buffer.Pointer, stream, toHost: false);
                buffer.Record(stream);
            }
        }
    }

    /// <summary>Copies from the device, after the work that <paramref name="stream"/> has; when it returns the values are
    /// there.</summary>
    /// <inheritdoc cref="Upload"/>
    public void Download(StagedSide device, StagedSide host, int elementBytes, CudaStream stream, CancellationToken cancellationToken = default)
    {
        lock (_gate)
        {
            using CurrentContext current = context.Enter();
            long step = BufferBytes / elementBytes, count = host.Layout.Count;
            for (long first = 0, chunk = 0; first < count; first += step, chunk++)
            {
                cancellationToken.ThrowIfCancellationRequested();
                PinnedBuffer buffer = Buffer(chunk);
                CopyDevice(device, first, Math.Min(step, count - first), elementBytes, buffer.Pointer, stream, toHost: true);
                buffer.Record(stream);
                if (chunk > 0)
                    Empty(chunk - 1);
            }

            if (count > 0)
                Empty((count - 1) / step);

            void Empty(long chunk) => CopyHost(host, chunk * step, Math.Min(step, count - chunk * step), elementBytes, Buffer(chunk).Pointer, toHost: true);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_gate)
        {
            foreach (PinnedBuffer? buffer in _buffers)
                buffer?.Dispose();
            Array.Clear(_buffers);
        }
    }

    // The buffer of a chunk, once the device is done with it.
    private PinnedBuffer Buffer(long chunk)
    {
        PinnedBuffer buffer = _buffers[chunk & 1] ??= new(context, BufferBytes);
        buffer.Wait();
        return buffer;
    }

    private static void CopyHost(StagedSide host, long first, long count, int elementBytes, nint pinned, bool toHost)
    {
        for (long done = 0; done < count;)
        {
            (nint offset, long side) = host.Layout.Run(first + done);
            long run = Math.Min(side, count - done);
            void* here = (void*)(host.Pointer + offset * elementBytes), there = (void*)(pinned + (nint)done * elementBytes);
            System.Buffer.MemoryCopy(toHost ? there : here, toHost ? here : there, run * elementBytes, run * elementBytes);
            done += run;
        }
    }

    private void CopyDevice(StagedSide device, long first, long count, int elementBytes, nint pinned, CudaStream stream, bool toHost)
    {
        for (long done = 0; done < count;)
        {
            (nint offset, long side) = device.Layout.Run(first + done);
            long run = Math.Min(side, count - done);
            nint here = device.Pointer + offset * elementBytes, there = pinned + (nint)done * elementBytes;
            nuint bytes = (nuint)(run * elementBytes);
            if (toHost)
                context.Check(context.Driver.MemcpyDtoHAsync(there, here, bytes, stream.Handle), "cuMemcpyDtoHAsync");
            else
                context.Check(context.Driver.MemcpyHtoDAsync(here, there, bytes, stream.Handle), "cuMemcpyHtoDAsync");
            done += run;
        }
    }
}
