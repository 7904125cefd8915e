using Xunit;

namespace MoBA.Conformance.Tests;

/// <summary>The chosen cases really meet every pair of levels.</summary>
public sealed class PairwiseTests
{
    [Fact]
    public void Every_pair_that_is_allowed_is_met()
    {
        List<int[]> rows = CaseTable.Rows(1_000_000_000, seed: 1);
        HashSet<(int, int, int, int)> missing = [.. Pairwise.Pairs(CaseTable.Levels)];
        foreach (int[] row in rows)
            missing.ExceptWith(Pairwise.PairsOf(row));

        // Only a table's pattern beside positions before the first key.
        (int factor, _, int other, int level) = Assert.Single(missing);
        Assert.Equal((0, 4, (int)Placement.Before), (factor, other, level));
    }

    [Fact]
    public void The_same_seed_chooses_the_same_rows() =>
        Assert.Equal(Pairwise.Cover([3, 4, 2], _ => true, 5), Pairwise.Cover([3, 4, 2], _ => true, 5));

    [Fact]
    public void Rows_are_far_fewer_than_all_combinations() =>
        Assert.InRange(Pairwise.Cover([4, 4, 4, 4, 4], _ => true, 1).Count, 16, 32);
}
