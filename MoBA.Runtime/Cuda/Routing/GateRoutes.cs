namespace MoBA.Runtime.Cuda;

/// <summary>What rows have chosen, as routes. Device code.</summary>
internal static class GateRoutes<TList>
    where TList : unmanaged, ITopList<TList>
{
    /// <summary>Writes the routes of the thread's row, blocks ascending, for every head that shares them.</summary>
    public static void Write(CudaProblem problem, CudaRouting routing, GateWork work, TList list)
    {
        if (work.HasRow & work.Row < work.Queries)
        {
            for (int head = 0; head < routing.HeadsPerGate; head++)
            {
                long route = routing.Routes + (((((long)(work.QueryToken + work.Row) * problem.Heads) + work.FirstHead + head) * routing.SlotStride) * sizeof(int));
                int chosen = 0;
                for (int i = 0; i < list.Room; i++)
                {
                    long key = list.At(i);
                    if (IsBlock(key))
                    {
                        Memory.SetInt(route + (Before(list, (int)key) * 4L), work.FirstBlock + (int)key);
                        chosen++;
                    }
                }

                for (int slot = chosen; slot < routing.SlotStride; slot++)
                    Memory.SetInt(route + (slot * 4L), -1);
            }
        }
    }

    private static int Before(TList list, int block)
    {
        int before = 0;
        for (int i = 0; i < list.Room; i++)
        {
            long key = list.At(i);
            before += IsBlock(key) & (int)key < block ? 1 : 0;
        }

        return before;
    }

    private static bool IsBlock(long key) => key != TopKey.None & key != TopKey.Unwanted;
}
