using System.Runtime.CompilerServices;
using MoBA.Runtime.Cpu;
using Xunit;

namespace MoBA.Runtime.Tests.Tables;

public sealed class TableContentTests
{
    [Fact]
    public void A_table_that_stays_as_it_is_is_copied_once()
    {
        int[] table = [3, 1, 2];
        TableContent<int> content = TableContent<int>.Of(table);
        Assert.Same(content, TableContent<int>.Of(table));
        Assert.Same(RangeTree.Of(content), RangeTree.Of(TableContent<int>.Of(table)));
    }

    [Fact]
    public void A_change_is_seen_and_what_was_looked_at_before_stays()
    {
        int[] table = [1, 2, 3];
        IntTable before = new(table, monotone: true, "Document");
        table[2] = 7;
        IntTable between = new(table, monotone: true, "Document");
        table[1] = -5;
        Assert.Contains("decreases at index 1 (-5 after 1)", Assert.Throws<ArgumentException>(() => new IntTable(table, monotone: true, "Document")).Message);
        IntTable after = new(table, monotone: false, "Document");
        Assert.Equal((3, 7, 7), (before.Max(0, 2), between.Max(0, 2), after.Max(0, 2)));
        Assert.Equal((1, 1, -5), (before.Min(0, 2), between.Min(0, 2), after.Min(0, 2)));
    }

    [Fact]
    public void Slices_of_one_array_are_tables_of_their_own()
    {
        int[] array = [1, 2, 3, 2, 3, 4];
        for (int i = 0; i < 2; i++)
        {
            Assert.Equal([1, 2, 3], TableContent<int>.Of(array.AsMemory(0, 3)).Values);
            Assert.Equal([2, 3, 4], TableContent<int>.Of(array.AsMemory(3, 3)).Values);
            Assert.Equal(array, TableContent<int>.Of(array).Values);
        }
    }

    [Fact]
    public void Equal_tables_hash_alike_and_values_are_compared_by_their_bits()
    {
        float[] table = [0f, float.NaN, 1f];
        TableContent<float> content = TableContent<float>.Of(table);
        Assert.Same(content, TableContent<float>.Of(table));
        Assert.Equal(content.Hash, TableContent<float>.Of(new[] { 0f, float.NaN, 1f }).Hash);
        table[0] = -0f;
        Assert.True(float.IsNegative(TableContent<float>.Of(table).Values[0]));
        Assert.False(float.IsNegative(content.Values[0]));
    }

    [Theory]
    [InlineData(-1, new int[0])]
    [InlineData(-1, new[] { 4 })]
    [InlineData(-1, new[] { int.MinValue, -1, -1, int.MaxValue })]
    [InlineData(1, new[] { int.MaxValue, int.MinValue })]
    [InlineData(3, new[] { 1, 1, 2, 1, 0 })]
    public void The_first_decrease_is_found(int wanted, int[] table) => Assert.Equal(wanted, TableContent<int>.Of(table).FirstDecrease);

    [Fact]
    public void A_table_that_nobody_holds_is_forgotten()
    {
        WeakReference content = Forgotten();
        GC.Collect();
        GC.WaitForPendingFinalizers();
        GC.Collect();
        Assert.False(content.IsAlive);

        [MethodImpl(MethodImplOptions.NoInlining)]
        static WeakReference Forgotten()
        {
            TableContent<int> content = TableContent<int>.Of(new int[100]);
            _ = RangeTree.Of(content);
            return new(content);
        }
    }
}
