using System.Runtime.InteropServices;
using MoBA.Runtime.Cpu;

namespace MoBA.Runtime.Portable;

/// <summary>How a tensor [token, head, dim] lies on the device: float, in pieces of four elements, all of them in one run.</summary>
internal sealed class DeviceRows(int tokens, int heads, int dim, bool interleaved)
{
    private readonly int _pieces = dim / 4;

    /// <summary>Tokens.</summary>
    public int Tokens => tokens;

    /// <summary>Pieces of the whole tensor.</summary>
    public long Length => (long)tokens * heads * _pieces;

    /// <summary>Pieces from a token to the next.</summary>
    public long TokenStride => interleaved ? 1 : (long)heads * _pieces;

    /// <summary>Pieces from a head to the next.</summary>
    public long HeadStride => interleaved ? (long)_pieces * tokens : _pieces;

    /// <summary>Pieces from a piece of a row to the next.</summary>
    public long PieceStride => interleaved ? tokens : 1;

    /// <summary>The tensor as it lies on the device, and the largest magnitude of its finite elements.</summary>
    public Float4[] Read(TensorView tensor, out float largest)
    {
        largest = 0;
        MemoryBudget.Require(Length * 16, "a copy of a tensor for the device");
        Float4[] result = new Float4[Length];
        Float4[] row = new Float4[_pieces];
        for (int token = 0; token < tokens; token++)
        {
            for (int head = 0; head < heads; head++)
            {
                Span<float> elements = MemoryMarshal.Cast<Float4, float>(row.AsSpan());
                tensor.ReadRow(token, head, elements);
                largest = Math.Max(largest, Magnitude.Largest(elements, out _));
                long start = (token * TokenStride) + (head * HeadStride);
                for (int piece = 0; piece < row.Length; piece++)
                    result[start + (piece * PieceStride)] = row[piece];
            }
        }

        return result;
    }

    /// <summary>Divides all elements by two to the power <paramref name="exponent"/>.</summary>
    public static void Shrink(Float4[] values, int exponent)
    {
        const int chunk = 1 << 20;
        for (int start = 0; exponent != 0 && start < values.Length; start += chunk)
        {
            Span<Float4> part = values.AsSpan(start, Math.Min(chunk, values.Length - start));
            Magnitude.Scale(MemoryMarshal.Cast<Float4, float>(part), -exponent);
        }
    }

    /// <summary>The way back.</summary>
    public void Write(Float4[] values, TensorView tensor)
    {
        Float4[] row = new Float4[_pieces];
        for (int token = 0; token < tokens; token++)
        {
            for (int head = 0; head < heads; head++)
            {
                long start = (token * TokenStride) + (head * HeadStride);
                for (int piece = 0; piece < row.Length; piece++)
                    row[piece] = values[start + (piece * PieceStride)];
                tensor.WriteRow(token, head, MemoryMarshal.Cast<Float4, float>(row.AsSpan()));
            }
        }
    }
}
