using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace MoBA.Runtime;

/// <summary>A pinned tensor [tokens, heads, dim] of any of the element types, with strides in elements.</summary>
internal readonly unsafe struct TensorView(void* data, ElementKind kind, nint tokenStride, nint headStride, nint dimStride)
{
    private const int PrefetchedTokens = 8;

    /// <summary>Element type.</summary>
    public ElementKind Kind => kind;

    /// <summary>First element; null when the tensor is empty.</summary>
    public void* Data => data;

    /// <summary>Elements from a token to the next.</summary>
    public nint TokenStride => tokenStride;

    /// <summary>Elements from a head to the next.</summary>
    public nint HeadStride => headStride;

    /// <summary>Elements from a component to the next.</summary>
    public nint DimStride => dimStride;

    /// <summary>Copies the row of one token and head to <paramref name="row"/> as float.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void ReadRow(int token, int head, Span<float> row)
    {
        nint start = token * tokenStride + head * headStride;
        Prefetch(start + PrefetchedTokens * tokenStride, row.Length);
        if (dimStride != 1)
        {
            for (int i = 0; i < row.Length; i++)
                row[i] = Read(start + i * dimStride);
            return;
        }

        switch (kind)
        {
            case ElementKind.Single:
                new ReadOnlySpan<float>((float*)data + start, row.Length).CopyTo(row);
                break;
            case ElementKind.Half:
                TensorPrimitives.ConvertToSingle(new ReadOnlySpan<Half>((Half*)data + start, row.Length), row);
                break;
            default:
                BFloat16Rows.ToSingle(new ReadOnlySpan<BFloat16>((BFloat16*)data + start, row.Length), row);
                break;
        }
    }

    /// <summary>Writes <paramref name="row"/> to the row of one token and head, rounded to nearest even.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void WriteRow(int token, int head, ReadOnlySpan<float> row)
    {
        nint start = token * tokenStride + head * headStride;
        if (dimStride != 1)
        {
            for (int i = 0; i < row.Length; i++)
                Write(start + i * dimStride, row[i]);
            return;
        }

        switch (kind)
        {
            case ElementKind.Single:
                row.CopyTo(new Span<float>((float*)data + start, row.Length));
                break;
            case ElementKind.Half:
                TensorPrimitives.ConvertToHalf(row, new Span<Half>((Half*)data + start, row.Length));
                break;
            default:
                BFloat16Rows.FromSingle(row, new Span<BFloat16>((BFloat16*)data + start, row.Length));
                break;
        }
    }

    // Rows are mostly read token after token, in steps that processors do not foresee. A hint does no harm at any address.
    private void Prefetch(nint start, int elements)
    {
        const int line = 64;
        nint size = kind == ElementKind.Single ? sizeof(float) : sizeof(ushort);
        byte* row = (byte*)data + start * size;
        for (nint offset = 0; offset < elements * size && Sse.IsSupported; offset += line)
            Sse.Prefetch0(row + offset);
    }

    /// <summary>Rounds a value to what an element can hold.</summary>
    public float Round(float value) => kind switch
    {
        ElementKind.Single => value,
        ElementKind.Half => (float)(Half)value,
        _ => (float)(BFloat16)value,
    };

    private float Read(nint index) => kind switch
    {
        ElementKind.Single => ((float*)data)[index],
        ElementKind.Half => (float)((Half*)data)[index],
        _ => (float)((BFloat16*)data)[index],
    };

    private void Write(nint index, float value)
    {
        switch (kind)
        {
            case ElementKind.Single:
                ((float*)data)[index] = value;
                break;
            case ElementKind.Half:
                ((Half*)data)[index] = (Half)value;
                break;
            default:
                ((BFloat16*)data)[index] = (BFloat16)value;
                break;
        }
    }
}
