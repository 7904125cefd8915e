using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace MoBA.Runtime.Tests.Cuda.Emulation;

/// <summary>A tensor map of the emulated machine, in the room of a real one: a tensor [tokens, heads, dim] of 16-bit elements, whose
/// boxes are columns of one head of some tokens, swizzled by 128 bytes.</summary>
[StructLayout(LayoutKind.Sequential, Size = Bytes)]
internal struct PtxTensorMap
{
    public const int Bytes = 128;

    /// <summary>Address and strides in bytes.</summary>
    public long Address, HeadStride, TokenStride;

    public int Dim, Heads, Tokens, BoxColumns, BoxRows;
}

/// <summary>A copy of a box by the tensor memory accelerator, on its way.</summary>
internal sealed class PtxTensorCopy
{
    private const int PieceBytes = 16;

    private readonly PtxTensorMap _map;
    private readonly ulong _to;
    private readonly int _column, _head, _token;
    private readonly PtxMBarrier _barrier;

    private PtxTensorCopy(PtxTensorMap map, ulong to, int column, int head, int token, PtxMBarrier barrier, PtxInstruction by)
    {
        (_map, _to, _column, _head, _token, _barrier, By) = (map, to, column, head, token, barrier, by);
        if (to % 1024 != 0 || map.BoxColumns * sizeof(ushort) != 128)
            throw new PtxException($"a swizzled box of {map.BoxColumns} columns at {to}: {by.Text}");
        if ((map.Address | map.HeadStride | map.TokenStride) % PieceBytes != 0)
            throw new PtxException($"a tensor is not aligned: {by.Text}");
    }

    public PtxInstruction By { get; }

    private int RowPieces => _map.BoxColumns * sizeof(ushort) / PieceBytes;

    /// <summary>cp.async.bulk.tensor.3d: [to], [map, {column, head, token}], [barrier].</summary>
    public static bool Start(PtxWarp warp, PtxInstruction i, uint active)
    {
        foreach (int lane in PtxInstructions.Each(active))
        {
            int[] source = i.Operands[1].Registers;
            PtxTensorMap map = Unsafe.ReadUnaligned<PtxTensorMap>(ref warp.Block.Grid.Parameters[(int)warp[source[0]][lane]]);
            PtxMBarrier barrier = warp.Block.Barrier(PtxInstructions.Address(warp, i.Operands[2], lane), i);
            PtxTensorCopy copy = new(
                map, PtxInstructions.Address(warp, i.Operands[0], lane), (int)warp[source[1]][lane], (int)warp[source[2]][lane], (int)warp[source[3]][lane], barrier, i);
            copy.EachPiece((_, _, to) => warp.Block.Shared.StartWriting(to, i));
            warp.Block.Send(copy);
        }

        return true;
    }

    /// <summary>All of it is there, zeros where the box leaves the tensor, and the barrier is told.</summary>
    public void Land(PtxBlock block)
    {
        EachPiece((row, piece, to) =>
        {
            Span<ushort> elements = stackalloc ushort[PieceBytes / sizeof(ushort)];
            int token = _token + row;
            for (int i = 0; i < elements.Length; i++)
            {
                int column = _column + (piece * elements.Length) + i;
                bool isInside = column >= 0 && column < _map.Dim && _head >= 0 && _head < _map.Heads && token >= 0 && token < _map.Tokens;
                long at = _map.Address + (token * _map.TokenStride) + (_head * _map.HeadStride) + (column * sizeof(ushort));
                elements[i] = isInside ? BitConverter.ToUInt16(block.Grid.Memory(at, sizeof(ushort), By)) : (ushort)0;
            }

            block.Shared.EndWriting(to, MemoryMarshal.AsBytes(elements), By);
        });
        _barrier.Complete(_map.BoxRows * RowPieces * PieceBytes);
    }

    // The pieces of a row stand at their number xor the row's, modulo 8.
    private void EachPiece(Action<int, int, ulong> action)
    {
        for (int row = 0; row < _map.BoxRows; row++)
        {
            for (int piece = 0; piece < RowPieces; piece++)
                action(row, piece, PtxProduct.Swizzled(_to + (ulong)((row * RowPieces + piece) * PieceBytes)));
        }
    }
}
