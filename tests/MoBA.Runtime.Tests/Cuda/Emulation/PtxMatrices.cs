using System.Buffers.Binary;

namespace MoBA.Runtime.Tests.Cuda.Emulation;

/// <summary>What the tensor cores of Ampere do for a warp: mma.sync, ldmatrix, and the copies that serve them.</summary>
internal static class PtxMatrices
{
    private const int CopyBytes = 16;

    /// <summary>cp.async of 16 bytes, of which some are read and the others are 0.</summary>
    public static bool Copy(PtxWarp warp, PtxInstruction i, uint active)
    {
        foreach (int lane in PtxInstructions.Each(active))
        {
            byte[] bytes = new byte[CopyBytes];
            int count = (int)warp[i.Operands[3].Register][lane];
            ulong to = PtxInstructions.Address(warp, i.Operands[0], lane), from = PtxInstructions.Address(warp, i.Operands[1], lane);
            if (count is not 0 and not CopyBytes || (count != 0 && from % CopyBytes != 0))
                throw new PtxException($"{count} bytes are copied from {from}: {i.Text}");
            if (count != 0)
                warp.Block.Grid.Memory((long)from, count, i).CopyTo(bytes);
            warp.Block.Shared.StartWriting(to, i);
            warp.Copies.Add((to, bytes, i));
        }

        return true;
    }

    /// <summary>cp.async.wait_all: the warp's copies are there.</summary>
    public static bool WaitCopies(PtxWarp warp, PtxInstruction i, uint active)
    {
        foreach ((ulong to, byte[] bytes, PtxInstruction by) in warp.Copies)
            warp.Block.Shared.EndWriting(to, bytes, by);
        warp.Copies.Clear();
        return true;
    }

    /// <summary>ldmatrix: lane l names row l % 8 of matrix l / 8, and gets two elements of row l / 4 of each: or, transposed, of
    /// column l / 4.</summary>
    public static bool Load(PtxWarp warp, PtxInstruction i, uint active)
    {
        bool isTransposed = i.Name.Contains(".trans", StringComparison.Ordinal);
        byte[][] rows = [.. Enumerable.Range(0, PtxWarp.Lanes).Select(lane => warp.Block.Shared.At(PtxInstructions.Address(warp, i.Operands[1], lane), 16, i).ToArray())];
        int[] to = i.Operands[0].Registers;
        for (int matrix = 0; matrix < to.Length; matrix++)
        {
            ulong banks = Enumerable.Range(8 * matrix, 8).Aggregate(0ul, (all, lane) => all | (1ul << (int)(PtxInstructions.Address(warp, i.Operands[1], lane) / 16 % 8)));
            if (banks != 0xFF)
                throw new PtxException($"banks conflict: {i.Text}");
            Span<ulong> values = warp[to[matrix]];
            for (int lane = 0; lane < values.Length; lane++)
                values[lane] = Half(matrix, lane >> 2, (lane & 3) * 2) | ((ulong)Half(matrix, lane >> 2, ((lane & 3) * 2) + 1) << 16);
        }

        return true;

        ushort Half(int matrix, int row, int column) =>
            BinaryPrimitives.ReadUInt16LittleEndian(rows[(8 * matrix) + (isTransposed ? column : row)].AsSpan(2 * (isTransposed ? row : column)));
    }

    /// <summary>mma.sync: D = A B + C, 16 x 16 by 16 x 8, with the places of elements that the PTX manual gives.</summary>
    public static bool Multiply(PtxWarp warp, PtxInstruction instruction, uint active)
    {
        PtxOperand[] o = instruction.Operands;
        bool isHalf = instruction.Name.Contains(".f16.", StringComparison.Ordinal);
        float[,] a = new float[16, 16], b = new float[16, 8];
        for (int lane = 0; lane < PtxWarp.Lanes; lane++)
        {
            int group = lane >> 2, quad = lane & 3;
            for (int i = 0; i < 8; i++)
                a[group + (i is 2 or 3 or 6 or 7 ? 8 : 0), (quad * 2) + (i & 1) + (i >= 4 ? 8 : 0)] = Part(o[1], i, lane);
            for (int i = 0; i < 4; i++)
                b[(quad * 2) + (i & 1) + (i >= 2 ? 8 : 0), group] = Part(o[2], i, lane);
        }

        for (int lane = 0; lane < PtxWarp.Lanes; lane++)
        {
            for (int i = 0; i < 4; i++)
            {
                int row = (lane >> 2) + (i >= 2 ? 8 : 0), column = ((lane & 3) * 2) + (i & 1);
                float sum = PtxMath.F(warp[o[3].Registers[i]][lane]);
                for (int k = 0; k < 16; k++)
                    sum += a[row, k] * b[k, column];
                warp[o[0].Registers[i]][lane] = PtxMath.F(sum);
            }
        }

        return true;

        float Part(PtxOperand of, int i, int lane) => PtxMath.Element(warp[of.Registers[i >> 1]][lane] >> (16 * (i & 1)), isHalf);
    }
}
