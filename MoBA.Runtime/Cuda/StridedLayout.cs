namespace MoBA.Runtime.Cuda;

/// <summary>How the elements of a tensor, counted in row-major order, stand in its memory: as runs side by side.</summary>
internal sealed class StridedLayout
{
    private readonly nint[] _lengths;
    private readonly nint[] _strides;

    /// <summary>The layout of a tensor.</summary>
    /// <param name="lengths">Its shape.</param>
    /// <param name="strides">Its strides in elements.</param>
    public StridedLayout(ReadOnlySpan<nint> lengths, ReadOnlySpan<nint> strides)
    {
        Count = 1;
        List<(nint Length, nint Stride)> merged = [(1, 1)];
        for (int i = lengths.Length - 1; i >= 0; i--)
        {
            Count *= lengths[i];
            (nint length, nint stride) = merged[^1];
            if (lengths[i] == 1)
                continue;
            if (length == 1)
                merged[^1] = (lengths[i], strides[i]);
            else if (strides[i] == length * stride)
                merged[^1] = (length * lengths[i], stride);
            else
                merged.Add((lengths[i], strides[i]));
        }

        // Innermost first.
        _lengths = [.. merged.Select(static m => m.Length)];
        _strides = [.. merged.Select(static m => m.Stride)];
    }

    /// <summary>Elements.</summary>
    public long Count { get; }

    /// <summary>Strides of a dense tensor of this shape.</summary>
    public static nint[] DenseStrides(ReadOnlySpan<nint> lengths)
    {
        nint[] strides = new nint[lengths.Length];
        nint stride = 1;
        for (int i = lengths.Length - 1; i >= 0; i--)
        {
            strides[i] = stride;
            stride *= Math.Max(1, lengths[i]);
        }

        return strides;
    }

    /// <summary>Where element <paramref name="index"/> stands, and how many stand side by side from there on.</summary>
    public (nint Offset, long Length) Run(long index)
    {
        long side = _strides[0] == 1 ? _lengths[0] - index % _lengths[0] : 1;
        nint offset = 0;
        for (int i = 0; i < _lengths.Length; i++)
        {
            (index, long at) = Math.DivRem(index, _lengths[i]);
            offset += (nint)at * _strides[i];
        }

        return (offset, side);
    }
}
