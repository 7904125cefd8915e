namespace MoBA.Runtime.Cuda;

/// <summary>What rows have chosen, as routes. Device code.</summary>
internal static class GateRoutes
{
    /// <summary>Writes the routes of the lane's row, for every head that shares them.</summary>
    public static void Write(CudaRouting routing, GateWork work)
    {
        if (Tile.SizeOfGate(GateSize.Listed) == 0)
        {
            Tile.SortBlocks(work.FirstBlock);
            for (int head = 0; head < (work.HasRow ? routing.HeadsPerGate : 0); head++)
            {
                long route = RouteOf(routing, work, head);
                Tile.StoreBlocks(0, route);
                if (routing.SlotStride > 4)
                    Tile.StoreBlocks(1, route + 16);
            }
        }
        else if (work.HasRow)
        {
            GateHeap.OrderByBlocks(routing, work);
            for (int slot = 0; slot < routing.SlotStride; slot++)
            {
                int block = slot < routing.Slots ? GateHeap.Pop(routing, work) : -1;
                SetSlot(routing, work, slot, block < 0 ? -1 : work.FirstBlock + block);
            }
        }
    }

    /// <summary>Writes all blocks that the lane's row may choose.</summary>
    public static void WriteAll(CudaRouting routing, GateWork work)
    {
        for (int slot = 0; slot < (work.HasRow ? routing.SlotStride : 0); slot++)
            SetSlot(routing, work, slot, slot < work.Past ? work.FirstBlock + slot : -1);
    }

    private static void SetSlot(CudaRouting routing, GateWork work, int slot, int block)
    {
        for (int head = 0; head < routing.HeadsPerGate; head++)
            Memory.SetInt(RouteOf(routing, work, head) + (slot * 4L), block);
    }

    private static long RouteOf(CudaRouting routing, GateWork work, int head) =>
        routing.Routes + (routing.SlotsOf(work.QueryToken + work.Row, work.FirstHead + head) * sizeof(int));
}
