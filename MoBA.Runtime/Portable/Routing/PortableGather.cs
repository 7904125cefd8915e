using ILGPU;

namespace MoBA.Runtime.Portable;

/// <summary>Which rows and keys the threads of one launch of an expert's kernel own.</summary>
public enum GatherKind
{
    /// <summary>Thread (row, head) owns that row and all keys.</summary>
    None,

    /// <summary>Thread u owns unit u and all keys.</summary>
    Units,

    /// <summary>Thread e owns entry e of the key-block-major lists: a unit and one of its routed blocks.</summary>
    Routed,

    /// <summary>Thread u owns unit u and the block that its position lies in.</summary>
    Own,

    /// <summary>Thread u owns unit u and all keys outside its own and its routed blocks.</summary>
    Beside,
}

/// <summary>
/// What a launch over gathered rows needs. An entry is rank * <see cref="Length"/> + unit, which is also the place of the
/// block in <see cref="Routes"/>.
/// </summary>
public struct PortableGather
{
    /// <summary>Who owns what.</summary>
    public GatherKind Kind;

    /// <summary>The units.</summary>
    public PortableUnits Units;

    /// <summary>Number of units.</summary>
    public int Length;

    /// <summary>Query heads of a unit: its routes are theirs.</summary>
    public int HeadsPerUnit;

    /// <summary>Entries in the order of heads, blocks, rows.</summary>
    public ArrayView<int> Entries;

    /// <summary>Routed past blocks [rank, unit], ascending by rank; -1 where there are fewer.</summary>
    public ArrayView<int> Routes;

    /// <summary>Ranks of <see cref="Routes"/>.</summary>
    public int Ranks;

    /// <summary>Rank of the partial result that the launch writes, where its entries do not say it.</summary>
    public int Rank;

    /// <summary>Keys in a block.</summary>
    public int BlockSize;

    /// <summary>1 where results of a unit go to its slot, 0 where they go to its row and head.</summary>
    public int ToSlots;

    /// <summary>Place of the partial result of one query head of a unit: partial results are [rank, head of the unit, unit].</summary>
    internal readonly long Partial(int rank, int head, int unit) => ((((long)rank * HeadsPerUnit) + head) * Length) + unit;

    /// <summary>Place of a route, and number of its entry.</summary>
    internal readonly long RouteAt(int rank, int unit) => ((long)rank * Length) + unit;

    /// <summary>Whether <paramref name="block"/> is one of the unit's routed blocks.</summary>
    internal readonly bool IsRouted(int unit, int block)
    {
        int lo = 0, hi = Ranks;
        while (lo < hi)
        {
            int middle = (int)(((uint)lo + (uint)hi) >> 1);
            int routed = Routes[RouteAt(middle, unit)];
            if (routed == block)
                return true;
            if (routed >= 0 && routed < block)
                lo = middle + 1;
            else
                hi = middle;
        }

        return false;
    }
}
