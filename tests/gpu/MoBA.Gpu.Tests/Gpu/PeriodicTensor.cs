using MoBA.Conformance.Tests;
using MoBA.Runtime;

namespace MoBA.Gpu.Tests.Gpu;

/// <summary>Normal elements that repeat, [tokens, heads, dim] on the device: filled there, and known on the host wherever one looks.</summary>
internal sealed class PeriodicTensor : IDisposable
{
    // Prime, so that rows, heads and blocks fall on other elements every time.
    private const int Period = 1_000_003;

    private readonly float[] _values;
    private readonly ForeignMemory _memory;
    private readonly (int Tokens, int Heads, int Dim) _shape;

    /// <summary>Takes memory and fills it.</summary>
    public PeriodicTensor(int seed, int tokens, int heads, int dim)
    {
        _shape = (tokens, heads, dim);
        Count = (long)tokens * heads * dim;
        ushort[] bits = NormalPool.Take(Element.BFloat16, seed, Period);
        _values = Bits.ToFloats(bits, Element.BFloat16);
        _memory = new(Count * sizeof(ushort));
        _memory.Upload(0, bits);
        _memory.Repeat(Period, Count);
    }

    /// <summary>Elements.</summary>
    public long Count { get; }

    /// <summary>The tensor.</summary>
    public DeviceTensor<BFloat16> View =>
        DeviceTensor.FromPointer<BFloat16>(_memory.Pointer, [_shape.Tokens, _shape.Heads, _shape.Dim], [_shape.Heads * _shape.Dim, _shape.Dim, 1]);

    /// <summary>The row of a token and head.</summary>
    public void Read(int token, int head, Span<float> row)
    {
        int at = (int)((((long)token * _shape.Heads) + head) * _shape.Dim % Period), run = Math.Min(row.Length, Period - at);
        _values.AsSpan(at, run).CopyTo(row);
        _values.AsSpan(0, row.Length - run).CopyTo(row[run..]);
    }

    /// <inheritdoc/>
    public void Dispose() => _memory.Dispose();
}
