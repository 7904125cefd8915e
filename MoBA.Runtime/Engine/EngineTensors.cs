using System.Buffers;
using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using MoBA.Runtime.Cpu;

namespace MoBA.Runtime;

/// <summary>Makes tensors, and views of pinned ones.</summary>
internal static class EngineTensors
{
    /// <summary>A dense tensor whose values are not cleared.</summary>
    /// <exception cref="InsufficientMemoryException">It cannot be had.</exception>
    public static Tensor<T> Create<T>(ReadOnlySpan<nint> lengths, string purpose)
    {
        Int128 count = 1;
        foreach (nint length in lengths)
            count *= length;
        long bytes = (long)Int128.Min(count * Unsafe.SizeOf<T>(), long.MaxValue);
        MemoryBudget.Require(bytes, purpose);
        if (count > Array.MaxLength)
            throw MemoryBudget.Shortage(bytes, purpose, null);
        try
        {
            return Tensor.CreateFromShapeUninitialized<T>(lengths);
        }
        catch (OutOfMemoryException e)
        {
            throw MemoryBudget.Shortage(bytes, purpose, e);
        }
    }

    /// <summary>The view of a tensor [tokens, heads, dim] that <paramref name="pin"/> holds in place.</summary>
    public static unsafe TensorView View<T>(Tensor<T> tensor, MemoryHandle pin, ElementKind kind) =>
        new(pin.Pointer, kind, tensor.Strides[0], tensor.Strides[1], tensor.Strides[2]);
}
