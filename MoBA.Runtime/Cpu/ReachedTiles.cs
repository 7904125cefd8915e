using MoBA.Runtime.Cpu.Routing;

namespace MoBA.Runtime.Cpu;

/// <summary>The key tiles that some tile of queries can reach: a few queries over a long cache need not have it all packed.</summary>
internal static class ReachedTiles
{
    private const int KeyTile = CpuTile.KeyTile;

    /// <summary>The tiles that any of the experts reaches, ascending, or null where it is all of them. A gate looks at all keys.</summary>
    public static long[]? Of(BoundExpert[] experts, AttentionProblem problem)
    {
        if (experts.Any(static e => e.Gate is not null))
            return null;
        long[]?[] reached = [.. experts.Select(e => Of(e.Kernel, e.Expert.Info.DependsOnHead, problem))];
        return reached.Contains(null) ? null : [.. reached.SelectMany(static tiles => tiles!).Distinct().Order()];
    }

    /// <summary>The tiles as <see cref="PackedKeys.Pack"/> numbers them, or null where it is all of them.</summary>
    public static long[]? Of(CpuKernel? kernel, bool dependsOnHead, AttentionProblem problem)
    {
        if (kernel is null)
            return [];
        if (problem.Sequences.All(IsWhole))
            return null;

        List<long> reached = [];
        long first = 0;
        foreach (AttentionSequence sequence in problem.Sequences)
        {
            int tiles = (int)(((long)sequence.Keys + KeyTile - 1) / KeyTile);
            int[] marks = new int[tiles + 1];
            for (int head = 0; head < problem.KeyHeads; head++)
            {
                if (head == 0 || (dependsOnHead && !IsWhole(sequence)))
                    Mark(kernel, dependsOnHead, problem, sequence, head, marks);
                for (int tile = 0; tile < tiles; tile++)
                {
                    if (marks[tile] > 0)
                        reached.Add((first + tile) * problem.KeyHeads + head);
                }
            }

            first += tiles;
        }

        return [.. reached];
    }

    // With as many queries as keys nearly every key is reached, and asking would only take time.
    private static bool IsWhole(AttentionSequence sequence) => sequence.Queries >= sequence.Keys;

    // marks[tile] becomes the number of key ranges that touch the tile.
    private static void Mark(
        CpuKernel kernel, bool dependsOnHead, AttentionProblem problem, AttentionSequence sequence, int keyHead, int[] marks)
    {
        Array.Clear(marks);
        int group = problem.QueryHeads / problem.KeyHeads;
        int heads = dependsOnHead ? group : 1;
        if (IsWhole(sequence))
            marks[0]++;
        for (int i = 0; i < heads && !IsWhole(sequence); i++)
            MarkHead(kernel, sequence, (keyHead * group) + i, marks);
        for (int tile = 1; tile < marks.Length; tile++)
            marks[tile] += marks[tile - 1];
    }

    private static void MarkHead(CpuKernel kernel, AttentionSequence sequence, int head, int[] marks)
    {
        Span<KeyRange> ranges = new KeyRange[kernel.MaxKeyRanges];
        for (int first = 0; first < sequence.Queries; first += CpuTile.QueryTile)
        {
            int last = Math.Min(first + CpuTile.QueryTile, sequence.Queries) - 1;
            int count = kernel.KeyRanges(sequence.Position + first, sequence.Position + last, sequence.Keys, head, ranges);
            foreach (KeyRange range in ranges[..count])
            {
                int start = Math.Max(range.Start, 0), end = Math.Min(range.End, sequence.Keys);
                if (start >= end)
                    continue;
                marks[start / KeyTile]++;
                marks[((end - 1) / KeyTile) + 1]--;
            }
        }
    }
}
