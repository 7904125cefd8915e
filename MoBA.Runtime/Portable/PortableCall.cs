using ILGPU;
using ILGPU.Runtime;
using MoBA.Runtime.Cpu;

namespace MoBA.Runtime.Portable;

/// <summary>One call on one device: owns the device's copies of the tensors and tables until it is disposed.</summary>
internal sealed unsafe class PortableCall : IDisposable
{
    private readonly AttentionProblem _problem;
    private readonly List<MemoryBuffer> _buffers = [];
    private readonly DeviceRows _queries, _keys;
    private readonly MemoryBuffer1D<Float4, Stride1D.Dense> _q, _k, _v, _o;
    private readonly MemoryBuffer1D<float, Stride1D.Dense> _lse;
    private readonly MemoryBuffer1D<int, Stride1D.Dense> _none;      // for views that a launch does not read
    private readonly float _scale, _scaleRest = 1, _valueFactor = 1;
    private readonly bool _careful;

    /// <summary>Copies the tensors to the device.</summary>
    /// <exception cref="InsufficientMemoryException">They do not fit there.</exception>
    public PortableCall(PortableDevice device, AttentionProblem problem, CancellationToken cancellation)
    {
        (Device, _problem, Cancellation) = (device, problem, cancellation);

        // On a GPU queries and output are [head, piece, token], so that neighbouring threads touch neighbouring pieces.
        _queries = new(problem.Sequences.Max(s => s.FirstQueryToken + s.Queries), problem.QueryHeads, problem.Dim, device.Interleaves);
        _keys = new(problem.Sequences.Max(s => s.FirstKeyToken + s.Keys), problem.KeyHeads, problem.Dim, interleaved: false);
        try
        {
            Float4[] queries = _queries.Read(problem.Q, out float largestQuery);
            _k = Upload<Float4>(_keys.Read(problem.K, out float largestKey));
            Float4[] values = _keys.Read(problem.V, out float largestValue);

            // One power of two for all queries and one for all values, where a sum could leave the range of float.
            double score = (double)largestQuery * largestKey * problem.Dim, scale = Math.Abs((double)problem.Scale);
            int shrink = Magnitude.Excess(score), shrinkValues = Magnitude.Excess((double)largestValue * problem.Sequences.Max(s => s.Keys));
            _careful = Math.Max(score, score * scale) > Magnitude.Comfort || shrinkValues > 0;
            (_scale, _scaleRest) = SplitScale(problem.Scale, shrink);
            _valueFactor = (float)Math.ScaleB(1.0, shrinkValues);
            QueryFactor = SplitScale(1, shrink);
            Largest = (MathF.ScaleB(largestQuery, -shrink), largestKey);
            DeviceRows.Shrink(queries, shrink);
            DeviceRows.Shrink(values, shrinkValues);
            _q = Upload<Float4>(queries);
            _v = Upload<Float4>(values);
            _o = Allocate<Float4>(_queries.Length);
            _o.MemSetToZero();
            float[] nothing = new float[(long)_queries.Tokens * problem.QueryHeads];
            Array.Fill(nothing, float.NegativeInfinity);
            _lse = Upload<float>(nothing);
            _none = Allocate<int>(1);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>The device.</summary>
    public PortableDevice Device { get; }

    /// <summary>Ends the call early.</summary>
    public CancellationToken Cancellation { get; }

    /// <summary>The largest magnitudes of finite elements of the queries, as they lie on the device, and of the keys.</summary>
    public (float Query, float Key) Largest { get; }

    /// <summary>Two factors whose product gives back what the queries were divided by.</summary>
    public (float First, float Second) QueryFactor { get; }

    /// <summary>Waits for all that was launched.</summary>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public void Wait()
    {
        Device.Accelerator.Synchronize();
        Cancellation.ThrowIfCancellationRequested();
    }

    /// <summary>Copies the results to the problem's output and log-sum-exp.</summary>
    public void Download()
    {
        Float4[] output = new Float4[_queries.Length];
        _o.View.SubView(0, output.Length).CopyToCPU(output);
        _queries.Write(output, _problem.Output);
        if (_problem.Lse is null)
            return;

        float[] lse = new float[(long)_queries.Tokens * _problem.QueryHeads];
        _lse.View.SubView(0, lse.Length).CopyToCPU(lse);
        lse.CopyTo(new Span<float>(_problem.Lse, lse.Length));
    }

    /// <summary>Gives memory of <see cref="Allocate"/> back.</summary>
    public void Free(MemoryBuffer buffer)
    {
        _buffers.Remove(buffer);
        buffer.Dispose();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (MemoryBuffer buffer in _buffers)
            buffer.Dispose();
        _buffers.Clear();
    }

    /// <summary>One sequence with all of its rows.</summary>
    public PortableProblem Sequence(AttentionSequence sequence)
    {
        long firstKey = sequence.FirstKeyToken * _keys.TokenStride, keyPieces = sequence.Keys * _keys.TokenStride;
        long firstQuery = sequence.FirstQueryToken * _queries.TokenStride;
        return new()
        {
            Queries = _q.View.BaseView.SubView(firstQuery, _queries.Length - firstQuery),
            Output = _o.View.BaseView.SubView(firstQuery, _queries.Length - firstQuery),
            KeyRows = _k.View.BaseView.SubView(firstKey, keyPieces),
            ValueRows = _v.View.BaseView.SubView(firstKey, keyPieces),
            Lse = _lse.View.BaseView.SubView(
                (long)sequence.FirstQueryToken * _problem.QueryHeads, (long)sequence.Queries * _problem.QueryHeads),
            QueryStride = _queries.TokenStride,
            QueryHeadStride = _queries.HeadStride,
            QueryPieceStride = _queries.PieceStride,
            OutputPieceStride = _queries.PieceStride,
            KeyStride = _keys.TokenStride,
            KeyHeadStride = _keys.HeadStride,
            Pieces = _problem.Dim / 4,
            Rows = sequence.Queries,
            Keys = sequence.Keys,
            Heads = _problem.QueryHeads,
            HeadsPerKeyHead = _problem.QueryHeads / _problem.KeyHeads,
            QueryStart = sequence.Position,
            Scale = _scale,
            ScaleRest = _scaleRest,
            ValueFactor = _valueFactor,
            Careful = _careful ? 1 : 0,
            Gather = new() { Entries = _none.View.BaseView, Routes = _none.View.BaseView, Units = new() { Slots = _none.View.BaseView } },
        };
    }

    // scale * 2^exponent as two factors of which the second is at least 1, since one float may not hold it.
    private static (float First, float Second) SplitScale(float scale, int exponent)
    {
        int first = Math.Clamp(126 - Math.ILogB(Math.Max(1, Math.Abs(scale))), 0, exponent);
        return (MathF.ScaleB(scale, first), MathF.ScaleB(1, Math.Min(127, exponent - first)));
    }

    /// <summary>A copy of <paramref name="values"/> on the device, which lives as long as the call.</summary>
    public MemoryBuffer1D<T, Stride1D.Dense> Upload<T>(ReadOnlySpan<T> values)
        where T : unmanaged
    {
        MemoryBuffer1D<T, Stride1D.Dense> buffer = Allocate<T>(values.Length);
        buffer.View.BaseView.SubView(0, values.Length).CopyFromCPU(values);   // a span is pinned for the copy, a reference is not
        return buffer;
    }

    /// <summary>Memory on the device that lives as long as the call, or until <see cref="Free"/>.</summary>
    /// <exception cref="InsufficientMemoryException">It cannot be had.</exception>
    public MemoryBuffer1D<T, Stride1D.Dense> Allocate<T>(long length)
        where T : unmanaged
    {
        Cancellation.ThrowIfCancellationRequested();
        try
        {
            MemoryBuffer1D<T, Stride1D.Dense> buffer = Device.Accelerator.Allocate1D<T>(Math.Max(1, length));
            _buffers.Add(buffer);
            return buffer;
        }
        catch (Exception exception) when (exception is AcceleratorException or OutOfMemoryException)
        {
            throw MemoryBudget.Shortage(length * sizeof(T), $"tensors on {Device.Accelerator.Name}", exception);
        }
    }
}
