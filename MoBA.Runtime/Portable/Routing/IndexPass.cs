using ILGPU;
using ILGPU.Runtime;

namespace MoBA.Runtime.Portable;

/// <summary>Pass "index": count, scan, stable scatter.</summary>
internal sealed class IndexPass(PortableCall call)
{
    private readonly DeviceScratch<int> _starts = new(call), _counts = new(call), _groups = new(call), _cells = new(call), _entries = new(call);

    /// <summary>Sorts the choices of units into cells.</summary>
    /// <param name="problem">The problem, its units set.</param>
    /// <param name="units">The units.</param>
    /// <param name="choices">Where the choices are, how many, and what their cells are.</param>
    /// <returns>The entries by cell, and where each cell starts, [cells + 1].</returns>
    public (ArrayView<int> Entries, ArrayView<int> Cells) Run(PortableProblem problem, UnitSet units, IndexParameters choices)
    {
        // As many counters as units, or one segment for each head.
        IndexParameters p = choices;
        int cellsPerHead = Math.Max(1, p.CellCount / units.Heads);
        p.Segments = Math.Clamp(units.Longest / cellsPerHead, 1, units.Longest);
        p.SegmentLength = (units.Longest + p.Segments - 1) / p.Segments;
        p.Starts = _starts.Take(units.Starts);
        p.Counts = _counts.Take((long)p.CellCount * p.Segments);
        p.Cells = _cells.Take(p.CellCount + 1L);
        p.Entries = _entries.Take((long)units.Length * p.Ranks);
        p.GroupLength = (int)Math.Ceiling(Math.Sqrt(p.Counts.Length));
        p.Groups = _groups.Take((p.Counts.Length + p.GroupLength - 1) / p.GroupLength);
        p.Counts.MemSetToZero();

        Index2D segments = new(p.Segments, units.Heads), groups = new((int)p.Groups.Length, 1);
        call.Device.Launcher<IndexParameters>(IndexKernel.Count)(segments, problem, p);
        call.Device.Launcher<IndexParameters>(IndexKernel.Sum)(groups, problem, p);
        call.Device.Launcher<IndexParameters>(IndexKernel.Scan)(new Index2D(1, 1), problem, p);
        call.Device.Launcher<IndexParameters>(IndexKernel.Place)(groups, problem, p);
        call.Device.Launcher<IndexParameters>(IndexKernel.Scatter)(segments, problem, p);
        return (p.Entries, p.Cells);
    }
}
