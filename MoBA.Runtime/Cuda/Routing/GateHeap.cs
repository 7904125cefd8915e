namespace MoBA.Runtime.Cuda;

/// <summary>
/// The list of the lane's row in shared memory: a heap of keys with the least at its root, node 1, and the children of node n at 2n and 2n + 1.
/// A node of all rows stands side by side. Behind the last one is one that is never less. Device code.
/// </summary>
internal static class GateHeap
{
    /// <summary>Empties it.</summary>
    public static void Clear(CudaRouting routing, GateWork work) => Fill(routing, work, TopKey.None);

    /// <summary>The least key.</summary>
    public static long Least(GateWork work) => work.HasRow ? Get(At(work, 1)) : TopKey.None;

    /// <summary>Takes a key in, in place of the least, if it is greater.</summary>
    public static void Insert(CudaRouting routing, GateWork work, long key)
    {
        if (key > Get(At(work, 1)))
            Sift(routing, work, 1, key);
    }

    /// <summary>Has the heap's order be that of the blocks.</summary>
    public static void OrderByBlocks(CudaRouting routing, GateWork work)
    {
        for (int node = routing.Slots; node > 0; node--)
        {
            long key = Get(At(work, node));
            Sift(routing, work, node, key == TopKey.None ? TopKey.Last : (long)(int)key << 32);
        }
    }

    /// <summary>Takes the first block out; -1 if there is none any more.</summary>
    public static int Pop(CudaRouting routing, GateWork work)
    {
        long key = Get(At(work, 1));
        Sift(routing, work, 1, TopKey.Last);
        return key == TopKey.Last ? -1 : (int)(key >> 32);
    }

    private static void Fill(CudaRouting routing, GateWork work, long key)
    {
        if (work.HasRow)
        {
            for (int node = 1; node <= routing.Slots + 1; node++)
                Set(At(work, node), node <= routing.Slots ? key : TopKey.Last);
        }
    }

    // Puts a key where a node is, or further down.
    private static void Sift(CudaRouting routing, GateWork work, int node, long key)
    {
        int last = At(work, routing.Slots), to = At(work, node), row = At(work, 0);
        int child = (2 * to) - row;
        while (child <= last)
        {
            long left = Get(child), right = Get(child + NodeBytes());
            child += right < left ? NodeBytes() : 0;
            long less = right < left ? right : left;
            if (less >= key)
                break;
            Set(to, less);
            to = child;
            child = (2 * to) - row;
        }

        Set(to, key);
    }

    private static int NodeBytes() => Tile.Queries() * sizeof(long);

    private static int At(GateWork work, int node) => Tile.SizeOfGate(GateSize.ListsAt) + ((node - 1) * NodeBytes()) + (work.Row * sizeof(long));

    private static long Get(int at) => ((long)Tile.LoadShared(at + 4) << 32) | (uint)Tile.LoadShared(at);

    private static void Set(int at, long key)
    {
        Tile.StoreShared(at, (int)key);
        Tile.StoreShared(at + 4, (int)(key >> 32));
    }
}

/// <summary>Keys of a heap: the gate's bits in their order above, the block below. Device code.</summary>
internal static class TopKey
{
    /// <summary>Where no block is yet.</summary>
    public const long None = long.MinValue;

    /// <summary>Greater than the key of any block.</summary>
    public const long Last = long.MaxValue;

    /// <summary>The key of a block; a NaN is as low as -infinity.</summary>
    public static long Of(float gate, int block)
    {
        float number = gate >= float.NegativeInfinity ? gate : float.NegativeInfinity;
        int bits = (int)ILGPU.Interop.FloatAsInt(number);

        // Of negative numbers those with greater bits are less; -0 is 0.
        int ordered = number == 0f ? 0 : bits ^ ((bits >> 31) & int.MaxValue);
        return ((long)ordered << 32) | (uint)block;
    }

    /// <summary>The gate of a key; NaN where there is no block.</summary>
    public static float Gate(long key)
    {
        int ordered = (int)(key >> 32);
        float gate = ILGPU.Interop.IntAsFloat((uint)(ordered ^ ((ordered >> 31) & int.MaxValue)));
        return key == None ? float.NaN : gate;
    }
}
