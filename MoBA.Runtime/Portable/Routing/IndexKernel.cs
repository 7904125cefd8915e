using ILGPU;

namespace MoBA.Runtime.Portable;

/// <summary>
/// What pass "index" sorts: choices of units, into cells. A unit's choice of block (or expert) c is an entry of cell
/// head * <see cref="HeadCells"/> + c * <see cref="ChoiceCells"/>, the head counted from the first one of the units.
/// </summary>
public struct IndexParameters
{
    /// <summary>Choices, negative from where there are no more: [rank, unit], or by the strides below.</summary>
    public ArrayView<int> Choices;

    /// <summary>Choices from one rank to the next, where they are by head and row; else 0.</summary>
    public long RankStride;

    /// <summary>Choices from one head to the next, where they are by head and row.</summary>
    public long HeadStride;

    /// <summary>First unit of each head, and their number: [heads + 1].</summary>
    public ArrayView<int> Starts;

    /// <summary>Entries of a cell that come from a segment, and then where the segment's next one goes: [cell, segment].</summary>
    public ArrayView<int> Counts;

    /// <summary>Sums of <see cref="Counts"/> over groups of <see cref="GroupLength"/>, and then where each group starts.</summary>
    public ArrayView<int> Groups;

    /// <summary>First entry of each cell, and their number: [cells + 1].</summary>
    public ArrayView<int> Cells;

    /// <summary>The result: entries rank * units + unit, ascending within each cell by unit.</summary>
    public ArrayView<int> Entries;

    /// <summary>Segments of the units of each head.</summary>
    public int Segments;

    /// <summary>Units of a segment.</summary>
    public int SegmentLength;

    /// <summary>Counts that one thread sums up.</summary>
    public int GroupLength;

    /// <summary>Number of cells.</summary>
    public int CellCount;

    /// <summary>Cells from a head to the next.</summary>
    public int HeadCells;

    /// <summary>Cells from a choice to the next.</summary>
    public int ChoiceCells;

    /// <summary>Choices of a unit.</summary>
    public int Ranks;

    internal readonly int Choice(int unit, int rank, PortableGather gather)
    {
        if (RankStride == 0)
            return Choices[((long)rank * gather.Length) + unit];
        PortableUnit place = gather.Units.At(unit);
        return Choices[(rank * RankStride) + (place.Head * HeadStride) + place.Row];
    }

    internal readonly long CountAt(int head, int choice, int segment) =>
        ((((long)head * HeadCells) + ((long)choice * ChoiceCells)) * Segments) + segment;
}

/// <summary>Pass "index": a counting sort in which no two threads write to one place, so that its result is the same in every
/// run.</summary>
public static class IndexKernel
{
    /// <summary>One thread counts the entries of one segment of units. Launched over [segments, heads]; counts start at 0.</summary>
    public static void Count(Index2D index, PortableProblem problem, IndexParameters p)
    {
        int first = p.Starts[(long)index.Y] + (index.X * p.SegmentLength);
        int last = PortableMath.Min(first + p.SegmentLength, p.Starts[(long)index.Y + 1]);
        for (int unit = first; unit < last; unit++)
        {
            for (int rank = 0; rank < p.Ranks; rank++)
            {
                int choice = p.Choice(unit, rank, problem.Gather);
                if (choice >= 0)
                    p.Counts[p.CountAt(index.Y, choice, index.X)]++;
            }
        }
    }

    /// <summary>One thread sums up one group of counts. Launched over [groups, 1].</summary>
    public static void Sum(Index2D index, PortableProblem problem, IndexParameters p)
    {
        long first = (long)index.X * p.GroupLength, last = PortableMath.Min(first + p.GroupLength, p.Counts.Length);
        int sum = 0;
        for (long at = first; at < last; at++)
            sum += p.Counts[at];
        p.Groups[(long)index.X] = sum;
    }

    /// <summary>One thread sums up the groups. Launched over [1, 1].</summary>
    public static void Scan(Index2D index, PortableProblem problem, IndexParameters p)
    {
        int sum = 0;
        for (long group = 0; group < p.Groups.Length; group++)
        {
            int count = p.Groups[group];
            p.Groups[group] = sum;
            sum += count;
        }

        p.Cells[(long)p.CellCount] = sum;
    }

    /// <summary>One thread makes places of one group of counts. Launched over [groups, 1].</summary>
    public static void Place(Index2D index, PortableProblem problem, IndexParameters p)
    {
        long first = (long)index.X * p.GroupLength, last = PortableMath.Min(first + p.GroupLength, p.Counts.Length);
        int place = p.Groups[(long)index.X];
        for (long at = first; at < last; at++)
        {
            int count = p.Counts[at];
            p.Counts[at] = place;
            if ((ulong)at % (ulong)p.Segments == 0)
                p.Cells[(long)((ulong)at / (ulong)p.Segments)] = place;
            place += count;
        }
    }

    /// <summary>One thread writes the entries of one segment of units, in their order. Launched over [segments, heads].</summary>
    public static void Scatter(Index2D index, PortableProblem problem, IndexParameters p)
    {
        int first = p.Starts[(long)index.Y] + (index.X * p.SegmentLength);
        int last = PortableMath.Min(first + p.SegmentLength, p.Starts[(long)index.Y + 1]);
        for (int unit = first; unit < last; unit++)
        {
            for (int rank = 0; rank < p.Ranks; rank++)
            {
                int choice = p.Choice(unit, rank, problem.Gather);
                if (choice < 0)
                    continue;
                long at = p.CountAt(index.Y, choice, index.X);
                int place = p.Counts[at];
                p.Counts[at] = place + 1;
                p.Entries[(long)place] = (int)problem.Gather.RouteAt(rank, unit);
            }
        }
    }
}
