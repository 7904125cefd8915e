using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace MoBA.Runtime.Cuda;

/// <summary>
/// A tensor map (CUtensorMap): how the tensor memory accelerator of compute capability 9.0 copies boxes of a tensor [tokens, heads,
/// dim] between global and shared memory. A kernel takes it by value as a grid constant, 64-byte aligned.
/// </summary>
[StructLayout(LayoutKind.Sequential, Size = Bytes)]
internal struct TensorMap
{
    /// <summary>Size in bytes.</summary>
    public const int Bytes = 128;

    /// <summary>Components of a box: 128 bytes, the width of the swizzle.</summary>
    public const int Columns = 64;

    private const int Alignment = 64;
    private const int Half = 6;
    private const int BFloat16 = 9;
    private const int Swizzle128Bytes = 3;
    private const int Promotion256Bytes = 3;

    /// <summary>A map of rank 3, innermost first: (dim, heads, tokens), with boxes of <paramref name="boxColumns"/> components of
    /// one head of <paramref name="boxRows"/> tokens, swizzled by 128 bytes; what is outside the tensor is read as zero and not
    /// written.</summary>
    /// <param name="context">The device's.</param>
    /// <param name="kind">Element type: Half or BFloat16.</param>
    /// <param name="rows">The tensor's rows.</param>
    /// <param name="tokens">Tokens of the tensor, at least 1.</param>
    /// <param name="heads">Heads of the tensor, at least 1.</param>
    /// <param name="dim">Components of a row.</param>
    /// <param name="boxColumns">Components of a box: at most 64, which are 128 bytes.</param>
    /// <param name="boxRows">Tokens of a box: at most 256.</param>
    /// <exception cref="CudaException">The driver refused; the message has the numbers.</exception>
    public static unsafe TensorMap Encode(
        CudaDeviceContext context, ElementKind kind, in CudaRows rows, int tokens, int heads, int dim, int boxColumns, int boxRows)
    {
        // The driver writes to an address of this alignment only; the stack has no more than 16.
        byte* room = stackalloc byte[Bytes + Alignment];
        TensorMap* map = (TensorMap*)(((nint)room + Alignment - 1) & -Alignment);
        ulong* lengths = stackalloc ulong[] { (ulong)dim, (ulong)heads, (ulong)tokens };
        ulong* strides = stackalloc ulong[] { (ulong)(rows.HeadStride * sizeof(ushort)), (ulong)(rows.TokenStride * sizeof(ushort)) };
        uint* box = stackalloc uint[] { (uint)boxColumns, 1, (uint)boxRows };
        uint* steps = stackalloc uint[] { 1, 1, 1 };
        CudaStatus status = context.Driver.TensorMapEncodeTiled(
            map, kind == ElementKind.Half ? Half : BFloat16, 3, rows.Pointer, lengths, strides, box, steps, 0, Swizzle128Bytes, Promotion256Bytes, 0);
        if (status != CudaStatus.Success)
            context.Throw(status, $"cuTensorMapEncodeTiled of [{tokens}, {heads}, {dim}] with strides [{rows.TokenStride}, {rows.HeadStride}, 1] and boxes of {boxRows} x {boxColumns}");
        return Unsafe.Read<TensorMap>(map);
    }
}
