using MoBA.Runtime.Cpu;
using MoBA.Runtime.Cpu.Routing;
using Xunit;

namespace MoBA.Runtime.Tests;

/// <summary>Choosing and listing blocks, against the plainest way to do it.</summary>
public sealed unsafe class BlockChoiceTests
{
    [Fact]
    public void The_best_blocks_are_chosen_and_later_ones_win_ties()
    {
        Random random = new(1);
        BestBlocks best = new();
        for (int round = 0; round < 3000; round++)
        {
            int slots = random.Next(1, 24), count = slots + random.Next(1, 200), levels = random.Next(2, 400);
            float[] gates = [.. Enumerable.Range(0, (count + 63) / 64 * 64).Select(_ => Gate(random, levels))];
            int[] chosen = new int[slots];
            fixed (float* first = gates)
                best.Choose(first, 64, count, chosen);
            Assert.Equal(Enumerable.Range(0, count).OrderByDescending(i => Ranked(gates[i])).ThenByDescending(i => i).Take(slots).Order(), chosen);
        }

        // Few levels are many ties; numbers behind the last are any numbers.
        static float Gate(Random random, int levels) => random.Next(40) switch
        {
            0 => float.NaN,
            1 => float.NegativeInfinity,
            2 => float.PositiveInfinity,
            _ => random.Next(levels) - (levels / 2),
        };

        static float Ranked(float gate) => gate > float.MinValue ? gate : float.MinValue;
    }

    [Theory]
    [InlineData(16)]
    [InlineData(48)]
    [InlineData(64)]
    [InlineData(80)]
    [InlineData(128)]
    public void Every_row_is_listed_with_its_columns_once_and_ascending(int blockSize)
    {
        const int keys = 1000, rows = 150;
        Random random = new(blockSize);
        int blocks = (keys + blockSize - 1) / blockSize;
        BlockRoutes routes = new();
        routes.Reserve(rows, 5);
        int[][] chosen = [.. Enumerable.Range(0, rows).Select(_ => Enumerable.Range(0, blocks).OrderBy(_ => random.Next()).Take(random.Next(0, 6)).Order().ToArray())];
        for (int row = 0; row < rows; row++)
            chosen[row].CopyTo(routes.Write(row, chosen[row].Length));

        BlockLists lists = new();
        lists.Begin(blockSize, keys);
        int[] which = [.. Enumerable.Range(0, rows).Where(_ => random.Next(4) > 0)];
        lists.Build(which, routes);
        HashSet<(int Row, int Key)> listed = [];
        for (int span = 0; span < lists.Spans; span++)
        {
            int last = -1;
            foreach (int entry in lists[span])
            {
                Assert.True(entry >> 4 > last);
                last = entry >> 4;
                for (int i = 0; i < lists.SpanSize; i++)
                {
                    int key = (span * lists.SpanSize) + i;
                    if (key < keys && (lists.IsWhole || (entry >> (i / 16) & 1) != 0))
                        Assert.True(listed.Add((last, key)));
                }
            }
        }

        Assert.Equal(which.SelectMany(row => chosen[row].SelectMany(b => Enumerable.Range(b * blockSize, blockSize)).Where(k => k < keys).Select(k => (row, k))).ToHashSet(), listed);
    }

    [Fact]
    public void Rows_that_agree_overlap_and_rows_that_differ_do_not()
    {
        BlockRoutes routes = new();
        routes.Reserve(CpuTile.QueryTile, 4);
        BlockLists lists = new();
        lists.Begin(128, 128 * 600);
        int[] which = [.. Enumerable.Range(0, CpuTile.QueryTile)];
        foreach (int row in which)
            ((ReadOnlySpan<int>)[1, 2, 3, 9]).CopyTo(routes.Write(row, 4));
        (long computed, long routed) = lists.Overlap(which, routes);
        Assert.Equal(routed, computed);
        foreach (int row in which)
            ((ReadOnlySpan<int>)[row, row + 100, row + 200, row + 300]).CopyTo(routes.Write(row, 4));
        (computed, routed) = lists.Overlap(which, routes);
        Assert.Equal(6 * routed, computed);
    }
}
