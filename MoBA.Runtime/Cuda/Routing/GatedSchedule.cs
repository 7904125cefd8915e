using System.Runtime.InteropServices;

namespace MoBA.Runtime.Cuda;

/// <summary>How an expert with a gate is attended with on a device.</summary>
internal enum GatedWay
{
    /// <summary>As without a gate: every query chooses all past blocks, and the pattern sees no later one.</summary>
    WithoutGate,

    /// <summary>Own blocks, and what <c>Always</c> adds: no query chooses a past block.</summary>
    OwnBlocks,

    /// <summary>Through the passes.</summary>
    Routed,
}

/// <summary>What the lengths of a call say of a block gate. Where a query stands decides how many past blocks it chooses, and only which
/// ones is up to the gate; so memory is sized, and kernels are launched, before a gate has been computed.</summary>
internal readonly ref struct GatedSchedule
{
    /// <summary>Most past blocks that a query can be sent to by the kernels.</summary>
    public const int MostSlots = 63;

    private readonly BlockGate _gate;
    private readonly ReadOnlySpan<AttentionSequence> _sequences;

    /// <summary>The schedule of some sequences.</summary>
    public GatedSchedule(BlockGate gate, ReadOnlySpan<AttentionSequence> sequences)
    {
        _gate = gate;
        _sequences = sequences;
        foreach (AttentionSequence sequence in sequences)
            MostPast = Math.Max(MostPast, Choosable(sequence));
    }

    /// <summary>Most past blocks of a query.</summary>
    public int MostPast { get; }

    /// <summary>Most past blocks that a query chooses.</summary>
    public int Slots => Math.Min(_gate.TopK - 1, MostPast);

    /// <summary>How an expert with this gate is attended with.</summary>
    public GatedWay WayOf(ISparseExpert expert) =>
        expert.Info.Causal == Proof.Always && MostPast < _gate.TopK ? GatedWay.WithoutGate
        : Slots == 0 ? GatedWay.OwnBlocks
        : GatedWay.Routed;

    /// <summary>Past blocks that the queries of one head choose, all together.</summary>
    public long Routes
    {
        get
        {
            long routes = 0;
            foreach (AttentionSequence sequence in _sequences)
                routes += RoutesOf(sequence);
            return routes;
        }
    }

    /// <summary>Most items of a list head. A block with n entries has at most (n + 127) / 128 of them, and not more blocks have some than
    /// can be chosen, nor than there are entries.</summary>
    /// <param name="headsPerList">Query heads of a list head.</param>
    public long MostItems(int headsPerList)
    {
        long items = 0;
        foreach (AttentionSequence sequence in _sequences)
        {
            long entries = RoutesOf(sequence) * headsPerList;
            items += (entries + ((CudaRouting.ItemRows - 1) * Math.Min(entries, Choosable(sequence)))) / CudaRouting.ItemRows;
        }

        return items;
    }

    /// <summary>The key blocks of all sequences.</summary>
    public static KeyBlock[] Blocks(ReadOnlySpan<AttentionSequence> sequences, int blockSize)
    {
        List<KeyBlock> blocks = [];
        foreach (AttentionSequence sequence in sequences)
        {
            for (long first = 0; first < sequence.Keys; first += blockSize)
            {
                blocks.Add(new()
                {
                    KeyToken = sequence.FirstKeyToken + (int)first,
                    Keys = (int)Math.Min(blockSize, sequence.Keys - first),
                    Position = (int)first,
                    QueryShift = sequence.Position - sequence.FirstQueryToken,
                });
            }
        }

        return [.. blocks];
    }

    /// <summary>The tiles of queries that a gate works on, those with the most past blocks first. They cover every query.</summary>
    public static QueryTile[] Tiles(ReadOnlySpan<AttentionSequence> sequences, int blockSize)
    {
        List<QueryTile> tiles = [];
        int firstBlock = 0;
        foreach (AttentionSequence sequence in sequences)
        {
            for (int first = 0; first < sequence.Queries; first += CudaRouting.GateRows)
            {
                tiles.Add(new()
                {
                    QueryToken = sequence.FirstQueryToken + first,
                    Queries = Math.Min(CudaRouting.GateRows, sequence.Queries - first),
                    Position = sequence.Position + first,
                    KeyToken = sequence.FirstKeyToken,
                    Keys = sequence.Keys,
                    FirstBlock = firstBlock,
                });
            }

            firstBlock += (int)(((long)sequence.Keys + blockSize - 1) / blockSize);
        }

        CollectionsMarshal.AsSpan(tiles).Sort(static (a, b) => LastKey(b).CompareTo(LastKey(a)) is var order and not 0 ? order : a.QueryToken.CompareTo(b.QueryToken));
        return [.. tiles];
    }

    private static int LastKey(QueryTile tile) => Math.Min(tile.Keys, tile.Position + tile.Queries);

    // Past blocks of a sequence's last query, which has the most.
    private int Choosable(AttentionSequence sequence) => sequence.Queries == 0 ? 0
        : Math.Min(Math.Max(0, sequence.Position + sequence.Queries - 1) / _gate.BlockSize, _gate.Blocks(sequence.Keys));

    private long RoutesOf(AttentionSequence sequence)
    {
        int most = Math.Min(_gate.TopK - 1, _gate.Blocks(sequence.Keys));
        return Before(Math.Max(0, sequence.Position + sequence.Queries), most) - Before(Math.Max(0, sequence.Position), most);
    }

    // The sum over the positions s below end of min(most, s / block size).
    private long Before(long end, long most)
    {
        long blocks = Math.Min(end / _gate.BlockSize, most);
        return (blocks * (blocks - 1) / 2 * _gate.BlockSize) + ((end - (blocks * _gate.BlockSize)) * blocks);
    }
}
