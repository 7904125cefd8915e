using System.Numerics;
using System.Runtime.InteropServices;

namespace MoBA.Runtime.Tests.Cuda.Emulation;

/// <summary>One wgmma of a warpgroup, D += A B with A 64 x 16 and B 16 x n, in flight until all warps of the group have waited for
/// it. It is computed when it is started, and its results are kept until then.</summary>
internal sealed class PtxProduct(PtxInstruction instruction, PtxShared shared)
{
    private const int Depth = 16, WarpRows = 16;

    private readonly List<ulong> _read = [];
    private int _waiting;

    public PtxInstruction Instruction => instruction;

    /// <summary>Where 16 bytes stand that would stand at an address without the swizzle of 128 bytes.</summary>
    public static ulong Swizzled(ulong address) => address ^ ((address >> 3) & 0x70);

    /// <summary>wgmma.mma_async: {D}, A or {A}, B, whether D is added to, then constants.</summary>
    public static bool Start(PtxWarp warp, PtxInstruction i, uint active) => warp.Block.MeetingOf(warp).Meet(warp, i, () =>
    {
        new PtxProduct(i, warp.Block.Shared).Start(warp.Block.WarpgroupOf(warp));
        return true;
    });

    /// <summary>A warp has waited for it.</summary>
    public void End()
    {
        if (--_waiting == 0)
            _read.ForEach(shared.EndReading);
    }

    private void Start(ReadOnlySpan<PtxWarp> warps)
    {
        _waiting = warps.Length;
        PtxOperand[] o = instruction.Operands;
        int columns = o[0].Registers.Length * 2;
        bool isHalf = instruction.Name.EndsWith(".f16", StringComparison.Ordinal), isInRegisters = o[1].Kind == PtxOperandKind.Vector;
        if (!instruction.Name.Contains($".m64n{columns}k16.f32.", StringComparison.Ordinal) || Uniform(warps, o[4]) != 1 || Uniform(warps, o[5]) != 1)
            throw new NotSupportedException($"{instruction.Text} is not emulated.");
        bool isTransposed = !isInRegisters && Uniform(warps, o[6]) != 0, isOtherTransposed = Uniform(warps, o[^1]) != 0;
        float[] a = isInRegisters ? [] : Transposed(Read(Uniform(warps, o[1]), warps.Length * WarpRows, isTransposed, isHalf));
        float[] b = Read(Uniform(warps, o[2]), columns, isOtherTransposed, isHalf);
        bool isAdded = Uniform(warps, o[3]) != 0;
        for (int w = 0; w < warps.Length; w++)
        {
            ReadOnlySpan<float> rows = isInRegisters ? Fragment(warps[w], o[1].Registers, isHalf) : a.AsSpan(w * WarpRows * Depth, WarpRows * Depth);
            Multiply(rows, b, warps[w].Products.Start(this, isAdded), columns);
        }
    }

    private ulong Uniform(ReadOnlySpan<PtxWarp> warps, PtxOperand operand)
    {
        ulong value = warps[0].Uniform(operand.Register, instruction);
        foreach (PtxWarp warp in warps)
        {
            if (warp.Uniform(operand.Register, instruction) != value)
                throw new PtxException($"an operand is not alike in all warps: {instruction.Text}");
        }

        return value;
    }

    // A matrix of shared memory by its descriptor: element (k, n) at k * count + n. It has eight rows of 128 bytes every stride; the
    // rows are those of n, or, transposed, of k, with 64 of n side by side and the next 64 a leading offset further.
    private float[] Read(ulong descriptor, int count, bool isTransposed, bool isHalf)
    {
        ulong start = (descriptor & 0x3FFF) << 4, leading = ((descriptor >> 16) & 0x3FFF) << 4, stride = ((descriptor >> 32) & 0x3FFF) << 4;
        if (descriptor >> 62 != 1 || ((descriptor >> 49) & 7) != 0)
            throw new NotSupportedException($"only the swizzle of 128 bytes is emulated: {instruction.Text}");
        float[] elements = new float[Depth * count];
        for (int across = 0; across < (isTransposed ? Depth : count); across++)
        {
            for (int along = 0; along < (isTransposed ? count : Depth); along += 8)
            {
                ulong piece = Swizzled(start + ((ulong)(across & 7) * 128) + ((ulong)(across >> 3) * stride) + ((ulong)(along & 63) * 2) + ((ulong)(along >> 6) * leading));
                _read.Add(piece);
                ReadOnlySpan<ushort> bits = MemoryMarshal.Cast<byte, ushort>(shared.StartReading(piece, instruction));
                for (int i = 0; i < bits.Length; i++)
                    elements[isTransposed ? (across * count) + along + i : ((along + i) * count) + across] = PtxMath.Element(bits[i], isHalf);
            }
        }

        return elements;
    }

    private static float[] Transposed(float[] a)
    {
        int rows = a.Length / Depth;
        float[] transposed = new float[a.Length];
        for (int row = 0; row < rows; row++)
        {
            for (int k = 0; k < Depth; k++)
                transposed[(row * Depth) + k] = a[(k * rows) + row];
        }

        return transposed;
    }

    // A warp's 16 rows of A, from its registers.
    private static float[] Fragment(PtxWarp warp, int[] registers, bool isHalf)
    {
        float[] a = new float[WarpRows * Depth];
        for (int i = 0; i < 2 * registers.Length; i++)
        {
            Span<ulong> values = warp[registers[i >> 1]];
            for (int lane = 0; lane < values.Length; lane++)
            {
                int row = (lane >> 2) + (i is 2 or 3 or 6 or 7 ? 8 : 0), k = ((lane & 3) * 2) + (i & 1) + (i >= 4 ? 8 : 0);
                a[(row * Depth) + k] = PtxMath.Element(values[lane] >> (16 * (i & 1)), isHalf);
            }
        }

        return a;
    }

    private static void Multiply(ReadOnlySpan<float> a, ReadOnlySpan<float> b, Span<float> sums, int columns)
    {
        for (int row = 0; row < WarpRows; row++)
        {
            Span<Vector<float>> to = MemoryMarshal.Cast<float, Vector<float>>(sums.Slice(row * columns, columns));
            for (int k = 0; k < Depth; k++)
            {
                Vector<float> factor = new(a[(row * Depth) + k]);
                ReadOnlySpan<Vector<float>> from = MemoryMarshal.Cast<float, Vector<float>>(b.Slice(k * columns, columns));
                for (int i = 0; i < to.Length; i++)
                    to[i] += factor * from[i];
            }
        }
    }
}
