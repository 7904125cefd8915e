using System.Runtime.InteropServices;
using ILGPU;
using ILGPU.Runtime;

namespace MoBA.Runtime.Portable;

/// <summary>Shape of one call.</summary>
/// <param name="Heads">Query heads.</param>
/// <param name="KeyHeads">Key heads; divides <paramref name="Heads"/>.</param>
/// <param name="Dim">Elements of a row of a head, a multiple of 8.</param>
/// <param name="Scale">Factor of the raw scores.</param>
/// <param name="Sequences">Offsets of the query tokens, [batch + 1].</param>
/// <param name="KeySequences">Offsets of the key tokens, [batch + 1].</param>
/// <param name="QueryStart">Position of every sequence's first query, or null to align its last query with its last key.</param>
internal sealed record PortableShape(
    int Heads, int KeyHeads, int Dim, float Scale, int[] Sequences, int[] KeySequences, int? QueryStart)
{
    /// <summary>Query rows of a sequence.</summary>
    public int Rows(int sequence) => Sequences[sequence + 1] - Sequences[sequence];

    /// <summary>Keys of a sequence.</summary>
    public int Keys(int sequence) => KeySequences[sequence + 1] - KeySequences[sequence];

    /// <summary>Position of the first query of a sequence.</summary>
    public int FirstQuery(int sequence) => QueryStart ?? (Keys(sequence) - Rows(sequence));

    /// <summary>The positions of all sequences that have a query.</summary>
    public AttentionExtent Extent()
    {
        int first = int.MaxValue, last = int.MinValue, keys = 0;
        for (int sequence = 0; sequence < Sequences.Length - 1; sequence++)
        {
            if (Rows(sequence) == 0)
                continue;
            first = Math.Min(first, FirstQuery(sequence));
            last = Math.Max(last, FirstQuery(sequence) + Rows(sequence) - 1);
            keys = Math.Max(keys, Keys(sequence));
        }

        return first > last ? new(0, -1, 0, Heads) : new(first, last, keys, Heads);
    }
}

/// <summary>One call on one device: owns the device's copies of the tensors and tables until it is disposed.</summary>
internal sealed class PortableCall : PortableLaunch, IDisposable
{
    private readonly PortableDevice _device;
    private readonly PortableShape _shape;
    private readonly CancellationToken _cancellation;
    private readonly List<MemoryBuffer> _buffers = [];
    private readonly MemoryBuffer1D<Float4, Stride1D.Dense> _q, _k, _v, _o;
    private readonly MemoryBuffer1D<float, Stride1D.Dense> _lse;

    /// <summary>Copies the tensors to the device.</summary>
    /// <param name="device">The device.</param>
    /// <param name="shape">Shape of the call.</param>
    /// <param name="q">[query tokens, heads, dim].</param>
    /// <param name="k">[key tokens, key heads, dim].</param>
    /// <param name="v">As <paramref name="k"/>.</param>
    /// <param name="cancellation">Looked at before every sequence.</param>
    public PortableCall(
        PortableDevice device,
        PortableShape shape,
        ReadOnlySpan<float> q,
        ReadOnlySpan<float> k,
        ReadOnlySpan<float> v,
        CancellationToken cancellation = default)
    {
        (_device, _shape, _cancellation) = (device, shape, cancellation);
        Extent = shape.Extent();
        try
        {
            _q = Upload<Float4>(Interleave(MemoryMarshal.Cast<float, Float4>(q)));
            _k = Upload(MemoryMarshal.Cast<float, Float4>(k));
            _v = Upload(MemoryMarshal.Cast<float, Float4>(v));
            _o = Allocate<Float4>(q.Length / 4);
            _o.MemSetToZero();
            _lse = Allocate<float>(Tokens * shape.Heads);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public override AttentionExtent Extent { get; }

    private int Tokens => _shape.Sequences[^1];

    private int Pieces => _shape.Dim / 4;

    /// <inheritdoc/>
    public override PortableTable Table(ReadOnlyMemory<int> values, bool monotone)
    {
        PortableTable table = default;
        table.Length = values.Length;
        table.IsMonotone = monotone ? 1 : 0;
        table.Values = Upload(values.Span).View.BaseView;
        var tree = monotone ? null : new Cpu.RangeTree(values.Span);
        table.Minima = tree is null ? table.Values : Upload<int>(tree.Minima).View.BaseView;
        table.Maxima = tree is null ? table.Values : Upload<int>(tree.Maxima).View.BaseView;
        return table;
    }

    /// <inheritdoc/>
    public override PortableFloatTable Table(ReadOnlyMemory<float> values)
    {
        PortableFloatTable table = default;
        table.Values = Upload(values.Span).View.BaseView;
        return table;
    }

    /// <inheritdoc/>
    public override void Run<TParameters>(Action<Index2D, PortableProblem, TParameters> kernel, TParameters parameters)
    {
        Action<Index2D, PortableProblem, TParameters> launch = _device.Launcher(kernel);
        for (int sequence = 0; sequence < _shape.Sequences.Length - 1; sequence++)
        {
            _cancellation.ThrowIfCancellationRequested();
            if (_shape.Rows(sequence) > 0)
                launch(new Index2D(_shape.Rows(sequence), _shape.Heads), Problem(sequence), parameters);
        }

        _device.Accelerator.Synchronize();
    }

    /// <summary>Copies the results back.</summary>
    /// <param name="o">[query tokens, heads, dim].</param>
    /// <param name="lse">[query tokens, heads], or empty where nobody wants it.</param>
    public void Download(Span<float> o, Span<float> lse)
    {
        Float4[] pieces = _o.GetAsArray1D().AsSpan(0, o.Length / 4).ToArray();
        Separate(pieces, MemoryMarshal.Cast<float, Float4>(o));
        if (!lse.IsEmpty)
            _lse.GetAsArray1D().AsSpan(0, lse.Length).CopyTo(lse);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (MemoryBuffer buffer in _buffers)
            buffer.Dispose();
        _buffers.Clear();
    }

    private PortableProblem Problem(int sequence)
    {
        long row = _shape.Sequences[sequence], rows = _shape.Rows(sequence);
        long key = _shape.KeySequences[sequence], keys = _shape.Keys(sequence);
        long rowPieces = (long)_shape.Heads * Pieces, keyPieces = (long)_shape.KeyHeads * Pieces;

        // On a GPU queries are [head, piece, token], so that neighbouring threads read neighbouring pieces.
        bool gpu = _device.IsGpu;
        long first = gpu ? row : row * rowPieces, length = gpu ? (Tokens * rowPieces) - row : rows * rowPieces;
        return new()
        {
            Queries = _q.View.BaseView.SubView(first, length),
            Output = _o.View.BaseView.SubView(first, length),
            KeyRows = _k.View.BaseView.SubView(key * keyPieces, keys * keyPieces),
            ValueRows = _v.View.BaseView.SubView(key * keyPieces, keys * keyPieces),
            Lse = _lse.View.BaseView.SubView(row * _shape.Heads, rows * _shape.Heads),
            QueryStride = gpu ? 1 : rowPieces,
            QueryHeadStride = gpu ? (long)Pieces * Tokens : Pieces,
            QueryPieceStride = gpu ? Tokens : 1,
            KeyStride = keyPieces,
            KeyHeadStride = Pieces,
            Pieces = Pieces,
            Rows = (int)rows,
            Keys = (int)keys,
            Heads = _shape.Heads,
            HeadsPerKeyHead = _shape.Heads / _shape.KeyHeads,
            QueryStart = _shape.FirstQuery(sequence),
            Scale = _shape.Scale,
        };
    }

    // [token, head, piece] to [head, piece, token] where the device is a GPU.
    private ReadOnlySpan<Float4> Interleave(ReadOnlySpan<Float4> rows)
    {
        if (!_device.IsGpu)
            return rows;
        var result = new Float4[rows.Length];
        int columns = _shape.Heads * Pieces;
        for (int token = 0; token < Tokens; token++)
        {
            for (int column = 0; column < columns; column++)
                result[((long)column * Tokens) + token] = rows[(token * columns) + column];
        }

        return result;
    }

    // The way back from Interleave.
    private void Separate(ReadOnlySpan<Float4> pieces, Span<Float4> rows)
    {
        if (!_device.IsGpu)
        {
            pieces.CopyTo(rows);
            return;
        }

        int columns = _shape.Heads * Pieces;
        for (int token = 0; token < Tokens; token++)
        {
            for (int column = 0; column < columns; column++)
                rows[(token * columns) + column] = pieces[(column * Tokens) + token];
        }
    }

    private MemoryBuffer1D<T, Stride1D.Dense> Upload<T>(ReadOnlySpan<T> values)
        where T : unmanaged
    {
        MemoryBuffer1D<T, Stride1D.Dense> buffer = Allocate<T>(values.Length);
        if (!values.IsEmpty)
            buffer.View.SubView(0, values.Length).CopyFromCPU(values.ToArray());
        return buffer;
    }

    private MemoryBuffer1D<T, Stride1D.Dense> Allocate<T>(long length)
        where T : unmanaged
    {
        MemoryBuffer1D<T, Stride1D.Dense> buffer = _device.Accelerator.Allocate1D<T>(Math.Max(1, length));
        _buffers.Add(buffer);
        return buffer;
    }
}
