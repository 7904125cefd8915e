using ILGPU;

namespace MoBA.Runtime.Portable;

/// <summary>Units of one sequence on the host: ascending by head and then by row.</summary>
/// <param name="Units">The units on the device.</param>
/// <param name="Starts">Place of the first unit of each of their heads, which are neighbours, and the end of the last.</param>
internal sealed record UnitSet(PortableUnits Units, int[] Starts)
{
    /// <summary>Number of units.</summary>
    public int Length => Starts[^1];

    /// <summary>Number of heads.</summary>
    public int Heads => Starts.Length - 1;

    /// <summary>Units of the head that has most.</summary>
    public int Longest => Enumerable.Range(0, Heads).Max(h => Starts[h + 1] - Starts[h]);

    /// <summary>All rows of all heads.</summary>
    public static UnitSet All(int rows, int heads, ArrayView<int> none) => new(
        new() { Slots = none, Count = rows * heads, Rows = rows }, [.. Enumerable.Range(0, heads + 1).Select(h => h * rows)]);

    /// <summary>The units in parts of at most <paramref name="most"/>: at most <paramref name="mostHeads"/> whole heads, or some rows
    /// of one head.</summary>
    public IEnumerable<UnitSet> Split(int most, int mostHeads)
    {
        for (int head = 0; head < Heads;)
        {
            int next = head + 1;
            while (next < Heads && next - head < mostHeads && Starts[next + 1] - Starts[head] <= most)
                next++;
            for (int start = Starts[head]; start < Starts[next]; start += Math.Min(most, Starts[next] - start))
                yield return Part(head, next, start, Math.Min(Starts[next], start + Math.Min(most, Starts[next] - start)));
            head = next;
        }
    }

    /// <summary>Some of these units, which are a run.</summary>
    /// <param name="entries">Entries rank * units + unit.</param>
    /// <param name="starts">Where the entries of each head start, and the end of the last.</param>
    public UnitSet Listed(ArrayView<int> entries, int[] starts)
    {
        PortableUnits units = Units;
        (units.Slots, units.IsList) = (entries.SubView(starts[0], starts[^1] - starts[0]), 1);
        return new(units, [.. starts.Select(s => s - starts[0])]);
    }

    private UnitSet Part(int head, int nextHead, int start, int end)
    {
        PortableUnits units = Units;
        if (units.IsList != 0)
            units.Slots = units.Slots.SubView(start, end - start);
        else
            (units.First, units.Count) = (units.First + start, end - start);
        return new(units, [.. Starts[head..(nextHead + 1)].Select(s => Math.Clamp(s, start, end) - start)]);
    }
}
