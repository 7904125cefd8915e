using ILGPU;

namespace MoBA.Runtime.Portable;

/// <summary>Units of one sequence on the host: ascending by head and then by row.</summary>
/// <param name="Units">The units on the device.</param>
/// <param name="FirstHead">Head of the first one.</param>
/// <param name="Starts">Place of the first unit of each head from there on, and the end of the last.</param>
internal sealed record UnitSet(PortableUnits Units, int FirstHead, int[] Starts)
{
    /// <summary>Number of units.</summary>
    public int Length => Starts[^1];

    /// <summary>Number of heads.</summary>
    public int Heads => Starts.Length - 1;

    /// <summary>Units of the head that has most.</summary>
    public int Longest => Enumerable.Range(0, Heads).Max(h => Starts[h + 1] - Starts[h]);

    /// <summary>All rows of all heads.</summary>
    public static UnitSet All(int rows, int heads, ArrayView<int> none) => new(
        new() { Slots = none, Count = rows * heads, Rows = rows }, 0, [.. Enumerable.Range(0, heads + 1).Select(h => h * rows)]);

    /// <summary>The units in parts of at most <paramref name="most"/>: whole heads, or some rows of one head.</summary>
    public IEnumerable<UnitSet> Split(int most)
    {
        for (int head = 0; head < Heads;)
        {
            int next = head + 1;
            while (next < Heads && Starts[next + 1] - Starts[head] <= most)
                next++;
            for (int start = Starts[head]; start < Starts[next]; start += Math.Min(most, Starts[next] - start))
                yield return Part(head, next, start, Math.Min(Starts[next], start + Math.Min(most, Starts[next] - start)));
            head = next;
        }
    }

    private UnitSet Part(int head, int nextHead, int start, int end)
    {
        PortableUnits units = Units;
        if (units.IsList != 0)
            units.Slots = units.Slots.SubView(start, end - start);
        else
            (units.First, units.Count) = (units.First + start, end - start);
        return new(units, FirstHead + head, [.. Starts[head..(nextHead + 1)].Select(s => Math.Clamp(s, start, end) - start)]);
    }
}
