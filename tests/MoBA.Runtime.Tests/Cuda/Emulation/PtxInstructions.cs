using System.Buffers.Binary;
using System.Numerics;

namespace MoBA.Runtime.Tests.Cuda.Emulation;

/// <summary>What instructions do, by name.</summary>
internal static class PtxInstructions
{
    private static readonly PtxStep _nothing = static (_, _, _) => true;
    private static readonly ulong[] _zeros = new ulong[PtxWarp.Lanes];

    /// <summary>What an instruction does.</summary>
    /// <exception cref="NotSupportedException">There is no such, or not here.</exception>
    public static PtxStep Of(string name) => name.Split('.') switch
    {
        ["ld", ..] => Load,
        ["st", ..] => Store,
        ["atom", "global", "add", "u32"] => static (warp, i, active) => Replace(warp, i, active, static (old, by) => old + by),
        ["atom", "global", "inc", "u32"] => static (warp, i, active) => Replace(warp, i, active, static (old, limit) => old >= limit ? 0 : old + 1),
        ["red", "shared", "or", "b32"] => static (warp, i, active) => Or(warp, i, active),
        ["fence", ..] or ["bar", "warp", "sync"] => _nothing,
        ["bar", "sync"] => static (warp, i, _) => warp.Block.Meeting(warp.Uniform(i.Operands[0].Register, i), Count(warp, i)).Meet(warp, i),
        ["trap"] => static (warp, i, _) => throw new PtxException($"warp {warp.Number} is trapped: {i.Text}"),
        ["shfl", ..] => Shuffle,
        ["vote", ..] => Vote,
        ["setmaxnreg", ..] => SetRegisters,
        ["mbarrier", "init", ..] => static (warp, i, active) => AtBarriers(warp, i, active, 0, (a, lane) => warp.Block.AddBarrier(a, (int)warp[i.Operands[1].Register][lane], i)),
        ["mbarrier", "arrive", "expect_tx", ..] => static (warp, i, active) => AtBarriers(warp, i, active, 1, (a, lane) => warp.Block.Barrier(a, i).ExpectAndArrive((long)warp[i.Operands[2].Register][lane], i)),
        ["mbarrier", "arrive", ..] => static (warp, i, active) => AtBarriers(warp, i, active, 1, (a, _) => warp.Block.Barrier(a, i).Arrive(i)),
        ["mbarrier", "try_wait", "parity", ..] => TryWait,
        ["cp", "async", "mbarrier", "arrive", "noinc", ..] => static (warp, i, active) =>
            PtxMatrices.WaitCopies(warp, i, active) && AtBarriers(warp, i, active, 0, (a, _) => warp.Block.Barrier(a, i).Arrive(i)),
        ["cp", "async", "wait_all"] => PtxMatrices.WaitCopies,
        ["cp", "async", "cg", ..] => PtxMatrices.Copy,
        ["cp", "async", "bulk", "tensor", "3d", ..] => PtxTensorCopy.Start,
        ["cp", "async", "bulk", "global", "shared::cta", "bulk_group"] => PtxBulkStores.Start,
        ["cp", "async", "bulk", "commit_group"] => _nothing,
        ["cp", "async", "bulk", "wait_group", ..] => PtxBulkStores.Wait,
        ["ldmatrix", ..] => PtxMatrices.Load,
        ["mma", ..] => PtxMatrices.Multiply,
        ["wgmma", "mma_async", ..] => PtxProduct.Start,
        ["wgmma", "fence", ..] => static (warp, _, _) => Done(warp.Products.Fence),
        ["wgmma", "commit_group", ..] => static (warp, _, _) => Done(warp.Products.Commit),
        ["wgmma", "wait_group", ..] => static (warp, i, _) => Done(() => warp.Products.Wait((int)warp.Uniform(i.Operands[0].Register, i))),
        ["mov", _] => Move(PtxMath.Of(name), name.EndsWith("32", StringComparison.Ordinal) ? 16 : 32),
        _ => Compute(PtxMath.Of(name)),
    };

    /// <summary>The lanes of a mask.</summary>
    public static IEnumerable<int> Each(uint lanes)
    {
        for (; lanes != 0; lanes &= lanes - 1)
            yield return BitOperations.TrailingZeroCount(lanes);
    }

    /// <summary>The address in an operand.</summary>
    public static ulong Address(PtxWarp warp, PtxOperand operand, int lane) => warp[operand.Register][lane] + operand.Offset;

    private static bool Done(Action action)
    {
        action();
        return true;
    }

    private static PtxStep Compute(Func<ulong, ulong, ulong, ulong> compute) => (warp, i, active) =>
    {
        PtxOperand[] o = i.Operands;
        Span<ulong> to = warp[o[0].Register];
        ReadOnlySpan<ulong> a = warp[o[1].Register], b = o.Length > 2 ? warp[o[2].Register] : _zeros, c = o.Length > 3 ? warp[o[3].Register] : _zeros;
        for (int lane = 0; lane < to.Length; lane++)
        {
            if ((active >> lane & 1) != 0)
                to[lane] = compute(a[lane], b[lane], c[lane]);
        }

        return true;
    };

    // From two halves, to two halves, or of one value, which is a large part of all instructions.
    private static PtxStep Move(Func<ulong, ulong, ulong, ulong> cut, int bitsOfHalf)
    {
        PtxStep step = Compute(cut);
        return (warp, i, active) =>
        {
            ulong half = (1ul << bitsOfHalf) - 1;
            int[] from = i.Operands[1].Registers, to = i.Operands[0].Registers;
            if (i.Operands[0].Kind == PtxOperandKind.Vector)
            {
                foreach (int lane in Each(active))
                    (warp[to[0]][lane], warp[to[1]][lane]) = (warp[from[0]][lane] & half, (warp[from[0]][lane] >> bitsOfHalf) & half);
                return true;
            }

            if (i.Operands[1].Kind != PtxOperandKind.Vector)
            {
                if (active != PtxWarp.All)
                    return step(warp, i, active);
                warp[i.Operands[1].Register].CopyTo(warp[i.Operands[0].Register]);
                return true;
            }

            foreach (int lane in Each(active))
                warp[to[0]][lane] = (warp[from[0]][lane] & half) | ((warp[from[1]][lane] & half) << bitsOfHalf);
            return true;
        };
    }

    private static bool Load(PtxWarp warp, PtxInstruction i, uint active)
    {
        int[] to = i.Operands[0].Registers;
        int bytes = Bytes(i.Name);
        foreach (int lane in Each(active))
        {
            ReadOnlySpan<byte> from = Memory(warp, i, Address(warp, i.Operands[1], lane), bytes * to.Length);
            for (int part = 0; part < to.Length; part++)
            {
                warp[to[part]][lane] = bytes switch
                {
                    2 => BinaryPrimitives.ReadUInt16LittleEndian(from[(2 * part)..]),
                    4 => BinaryPrimitives.ReadUInt32LittleEndian(from[(4 * part)..]),
                    _ => BinaryPrimitives.ReadUInt64LittleEndian(from[(8 * part)..]),
                };
            }
        }

        return true;
    }

    private static bool Store(PtxWarp warp, PtxInstruction i, uint active)
    {
        int[] from = i.Operands[1].Registers;
        int bytes = Bytes(i.Name);
        foreach (int lane in Each(active))
        {
            Span<byte> to = Memory(warp, i, Address(warp, i.Operands[0], lane), bytes * from.Length);
            for (int part = 0; part < from.Length; part++)
            {
                if (bytes == 1)
                    to[0] = (byte)warp[from[part]][lane];
                else if (bytes == 2)
                    BinaryPrimitives.WriteUInt16LittleEndian(to, (ushort)warp[from[part]][lane]);
                else
                    BinaryPrimitives.WriteUInt32LittleEndian(to[(4 * part)..], (uint)warp[from[part]][lane]);
            }
        }

        return true;
    }

    private static bool Replace(PtxWarp warp, PtxInstruction i, uint active, Func<uint, uint, uint> by)
    {
        foreach (int lane in Each(active))
        {
            Span<byte> at = Memory(warp, i, Address(warp, i.Operands[1], lane), 4);
            uint old = BinaryPrimitives.ReadUInt32LittleEndian(at);
            BinaryPrimitives.WriteUInt32LittleEndian(at, by(old, (uint)warp[i.Operands[2].Register][lane]));
            warp[i.Operands[0].Register][lane] = old;
        }

        return true;
    }

    private static bool Or(PtxWarp warp, PtxInstruction i, uint active)
    {
        foreach (int lane in Each(active))
        {
            Span<byte> at = Memory(warp, i, Address(warp, i.Operands[0], lane), 4);
            BinaryPrimitives.WriteUInt32LittleEndian(at, BinaryPrimitives.ReadUInt32LittleEndian(at) | (uint)warp[i.Operands[1].Register][lane]);
        }

        return true;
    }

    private static Span<byte> Memory(PtxWarp warp, PtxInstruction i, ulong address, int bytes)
    {
        if (i.Name.Contains(".shared", StringComparison.Ordinal))
            return warp.Block.Shared.At(address, bytes, i);
        if (!i.Name.Contains(".param", StringComparison.Ordinal))
            return warp.Block.Grid.Memory((long)address, bytes, i);
        byte[] memory = warp.Block.Grid.Parameters;
        if (address + (ulong)bytes > (ulong)memory.Length || address % (ulong)bytes != 0)
            throw new PtxException($"{bytes} bytes at {address} of {memory.Length}: {i.Text}");
        return memory.AsSpan((int)address, bytes);
    }

    private static int Bytes(string name) => name[^2..] switch { "u8" => 1, "16" => 2, "32" => 4, "64" => 8, _ => throw new NotSupportedException($"{name} is not emulated.") };

    private static bool Shuffle(PtxWarp warp, PtxInstruction i, uint active)
    {
        ulong[] given = warp[i.Operands[1].Register].ToArray();
        Span<ulong> to = warp[i.Operands[0].Register], which = warp[i.Operands[2].Register];
        bool isIndex = i.Name.Contains(".idx.", StringComparison.Ordinal);
        if (!isIndex && !i.Name.Contains(".bfly.", StringComparison.Ordinal) || warp.Uniform(i.Operands[3].Register, i) != 31 || (uint)warp.Uniform(i.Operands[4].Register, i) != active)
            throw new NotSupportedException($"{i.Text} is not emulated.");
        for (int lane = 0; lane < to.Length; lane++)
            to[lane] = given[isIndex ? (int)which[lane] & 31 : lane ^ (int)which[lane]];
        return true;
    }

    private static bool Vote(PtxWarp warp, PtxInstruction i, uint active)
    {
        uint votes = warp.Where(i.Operands[1].Register);
        warp[i.Operands[0].Register].Fill(i.Name.Contains(".ballot.", StringComparison.Ordinal) ? votes : votes != 0 ? 1ul : 0);
        return true;
    }

    private static int Count(PtxWarp warp, PtxInstruction i) => i.Operands.Length > 1 ? (int)warp.Uniform(i.Operands[1].Register, i) : 0;

    // Whoever claims more than there is waits for others to release it.
    private static bool SetRegisters(PtxWarp warp, PtxInstruction i, uint active)
    {
        int wanted = (int)warp.Uniform(i.Operands[0].Register, i), more = (wanted - warp.ThreadRegisters) * PtxWarp.Lanes;
        if (wanted % 8 != 0 || wanted is < 24 or > 256 || more < 0 == i.Name.Contains(".inc.", StringComparison.Ordinal))
            throw new PtxException($"from {warp.ThreadRegisters} registers a thread: {i.Text}");
        if (more > warp.Block.FreeRegisters)
            return warp.Wait(() => $"{more} registers more than it has, and {warp.Block.FreeRegisters} are free");
        warp.Block.FreeRegisters -= more;
        warp.ThreadRegisters = wanted;
        warp.Block.Wake();
        return true;
    }

    private static bool AtBarriers(PtxWarp warp, PtxInstruction i, uint active, int operand, Action<ulong, int> action)
    {
        foreach (int lane in Each(active))
            action(Address(warp, i.Operands[operand], lane), lane);
        return true;
    }

    // May give up at any time.
    private static bool TryWait(PtxWarp warp, PtxInstruction i, uint active)
    {
        bool givesUp = warp.Block.GivesUp();
        bool[] ended = new bool[PtxWarp.Lanes];
        foreach (int lane in Each(active))
        {
            ulong address = Address(warp, i.Operands[1], lane), parity = warp[i.Operands[2].Register][lane];
            PtxMBarrier barrier = warp.Block.Barrier(address, i);
            ended[lane] = barrier.HasEnded(parity);
            if (!ended[lane] && !givesUp)
                return warp.Wait(() => $"the phase of parity {parity} of the barrier at {address - PtxShared.Address}; {barrier}");
        }

        foreach (int lane in Each(active))
            warp[i.Operands[0].Register][lane] = ended[lane] ? 1ul : 0;
        return true;
    }
}
