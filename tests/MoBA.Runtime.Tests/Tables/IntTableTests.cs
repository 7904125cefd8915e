using System.Runtime.Intrinsics;
using MoBA.Runtime.Cpu;
using Xunit;

namespace MoBA.Runtime.Tests.Tables;

public sealed class IntTableTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(17)]
    [InlineData(64)]
    [InlineData(101)]
    public void Least_and_greatest_match_a_scan_for_every_run(int length)
    {
        int[] values = Random(length, seed: length);
        var table = new IntTable(values, monotone: false, "Values");
        for (int lo = 0; lo < length; lo++)
        {
            for (int hi = lo; hi < length; hi++)
            {
                Assert.Equal(values[lo..(hi + 1)].Min(), table.Min(lo, hi));
                Assert.Equal(values[lo..(hi + 1)].Max(), table.Max(lo, hi));
            }
        }
    }

    [Fact]
    public void A_monotone_table_answers_from_its_end_points()
    {
        int[] values = Random(77, seed: 3);
        Array.Sort(values);
        var table = new IntTable(values, monotone: true, "Document");
        Assert.Equal(values[5], table.Min(5, 40));
        Assert.Equal(values[40], table.Max(5, 40));
        Assert.Equal(values[0], table.Min(-9, 40));
        Assert.Equal(values[76], table.Max(5, 1000));
    }

    [Fact]
    public void A_run_outside_the_table_is_cut_to_it()
    {
        var table = new IntTable(new[] { 5, 1, 9 }, monotone: false, "Values");
        Assert.Equal(1, table.Min(-3, 7));
        Assert.Equal(9, table.Max(-3, 7));
        Assert.Equal(9, table.Min(5, 7));
        Assert.Equal(5, table.Max(-7, -5));
    }

    [Fact]
    public void Search_finds_the_first_value_at_least_and_the_last_at_most()
    {
        int[] values = [int.MinValue, -4, -4, 0, 0, 0, 7, int.MaxValue];
        var table = new IntTable(values, monotone: true, "Document");
        foreach (int value in new[] { int.MinValue, -5, -4, -3, 0, 1, 7, 8, int.MaxValue - 1, int.MaxValue })
        {
            int atLeast = Array.FindIndex(values, x => x >= value);
            Assert.Equal(atLeast < 0 ? values.Length : atLeast, table.FirstAtLeast(value));
            Assert.Equal(Array.FindLastIndex(values, x => x <= value), table.LastAtMost(value));
        }
    }

    [Fact]
    public void A_table_that_is_not_monotone_cannot_be_searched()
    {
        var table = new IntTable(new[] { 1, 2 }, monotone: false, "Values");
        Assert.Contains("Values", Assert.Throws<InvalidOperationException>(() => table.FirstAtLeast(1)).Message);
        Assert.Throws<InvalidOperationException>(() => table.LastAtMost(int.MaxValue));
    }

    [Fact]
    public void A_decrease_is_named_with_its_index_and_values()
    {
        var error = Assert.Throws<ArgumentException>(() => new IntTable(new[] { 5, 6, 5 }, monotone: true, "Document"));
        Assert.Contains("[Monotone] table 'Document' decreases at index 2 (5 after 6)", error.Message);
        Assert.Equal("Document", error.ParamName);
    }

    [Fact]
    public void A_null_table_is_named()
    {
        var error = Assert.Throws<ArgumentException>(() => new IntTable((int[]?)null, monotone: true, "Document"));
        Assert.Contains("'Document' is null", error.Message);
        Assert.Contains("'Bias' is null", Assert.Throws<ArgumentException>(() => new FloatTable((float[]?)null, "Bias")).Message);
    }

    [Fact]
    public void An_empty_table_has_length_zero_and_no_extremes()
    {
        var table = new IntTable(Array.Empty<int>(), monotone: true, "Document");
        Assert.Equal(0, table.Length);
        Assert.Equal(0, table.FirstAtLeast(0));
        Assert.Throws<InvalidOperationException>(() => table.Min(0, 0));
    }

    [Fact]
    public void Gather_reads_sixteen_positions_and_no_other()
    {
        int[] values = Random(50, seed: 8);
        float[] floats = Array.ConvertAll(values, x => x * 0.5f);
        var table = new IntTable(values, monotone: false, "Values");
        var floatTable = new FloatTable(floats, "Bias");
        int[] index = [0, 49, 3, 3, 17, 20, 21, 48, 1, 2, 3, 4, 40, 41, 42, 43];
        Vector512<int> lanes = Vector512.Create(index);
        for (int lane = 0; lane < index.Length; lane++)
        {
            Assert.Equal(values[index[lane]], table.Gather(lanes)[lane]);
            Assert.Equal(floats[index[lane]], floatTable.Gather(lanes)[lane]);
            Assert.Throws<IndexOutOfRangeException>(() => table.Gather(lanes.WithElement(lane, 50)));
            Assert.Throws<IndexOutOfRangeException>(() => floatTable.Gather(lanes.WithElement(lane, -1)));
        }
    }

    [Fact]
    public void Covering_names_the_table_and_what_is_missing()
    {
        var table = new IntTable(new int[10], monotone: true, "Document");
        Assert.Same(table, table.Covering(0, 9));
        Assert.Contains("10 values", Assert.Throws<ArgumentException>(() => table.Covering(0, 10)).Message);
        Assert.Contains("position -1", Assert.Throws<ArgumentException>(() => table.Covering(-1, 9)).Message);
        Assert.Contains("'Bias'", Assert.Throws<ArgumentException>(() => new FloatTable(new float[3], "Bias").Covering(0, 3)).Message);
    }

    private static int[] Random(int length, int seed)
    {
        var random = new Random(seed);
        return Enumerable.Range(0, length).Select(_ => random.Next(-1000, 1000)).ToArray();
    }
}
