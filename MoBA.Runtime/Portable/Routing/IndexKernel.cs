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

    /// <summary>First entry of each cell, and their number: [cells + 1].</summary>
    public ArrayView<int> Cells;

    /// <summary>The result: entries rank * units + unit, ascending within each cell by unit.</summary>
    public ArrayView<int> Entries;

    /// <summary>Segments of the units of each head.</summary>
    public int Segments;

    /// <summary>Units of a segment.</summary>
    public int SegmentLength;

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

    /// <summary>One thread sums up one cell: counts become offsets within it. Launched over [cells, 1].</summary>
    public static void ScanSegments(Index2D index, PortableProblem problem, IndexParameters p)
    {
        int sum = 0;
        for (int segment = 0; segment < p.Segments; segment++)
        {
            long at = ((long)index.X * p.Segments) + segment;
            int count = p.Counts[at];
            p.Counts[at] = sum;
            sum += count;
        }

        p.Cells[(long)index.X] = sum;
    }

    /// <summary>One thread sums up all cells. Launched over [1, 1].</summary>
    public static void ScanCells(Index2D index, PortableProblem problem, IndexParameters p)
    {
        int sum = 0;
        for (int cell = 0; cell < p.CellCount; cell++)
        {
            int count = p.Cells[(long)cell];
            p.Cells[(long)cell] = sum;
            sum += count;
        }

        p.Cells[(long)p.CellCount] = sum;
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
                int start = p.Cells[((long)index.Y * p.HeadCells) + ((long)choice * p.ChoiceCells)];
                p.Entries[(long)start + place] = (int)problem.Gather.RouteAt(rank, unit);
            }
        }
    }
}
