namespace MoBA.Runtime.Tests.Cuda.Emulation;

/// <summary>Bulk copies of a thread from shared to device memory, as late as can be: what is read is what is there when they are awaited.</summary>
internal static class PtxBulkStores
{
    /// <summary>cp.async.bulk.global.shared::cta.bulk_group: [to], [from], bytes.</summary>
    public static bool Start(PtxWarp warp, PtxInstruction i, uint active)
    {
        foreach (int lane in PtxInstructions.Each(active))
        {
            ulong to = PtxInstructions.Address(warp, i.Operands[0], lane), from = PtxInstructions.Address(warp, i.Operands[1], lane);
            int bytes = (int)warp[i.Operands[2].Register][lane];
            if (to % 16 != 0 || from % 16 != 0 || bytes % 16 != 0 || bytes <= 0)
                throw new PtxException($"{bytes} bytes from {from} to {to}: {i.Text}");
            warp.BulkStores.Add((lane, (long)to, from, bytes, i));
        }

        return true;
    }

    /// <summary>Waits for all copies of the active lanes; none is left out of a group.</summary>
    public static bool Wait(PtxWarp warp, PtxInstruction i, uint active)
    {
        if (warp.Uniform(i.Operands[0].Register, i) != 0)
            throw new NotSupportedException($"{i.Text} is not emulated.");
        foreach ((int lane, long to, ulong from, int bytes, PtxInstruction by) in warp.BulkStores)
        {
            if ((active >> lane & 1) != 0)
                warp.Block.Shared.At(from, bytes, by).CopyTo(warp.Block.Grid.Memory(to, bytes, by));
        }

        warp.BulkStores.RemoveAll(store => (active >> store.Lane & 1) != 0);
        return true;
    }
}
