namespace MoBA.Conformance.Tests;

/// <summary>
/// Chooses few combinations of several factors so that every pair of levels of every two factors is met at least once.
/// Greedy: each new row starts from a pair not met yet and is the best of some random completions.
/// </summary>
internal static class Pairwise
{
    private const int Completions = 40;
    private const int Attempts = 400;

    /// <summary>Rows of one level per factor.</summary>
    /// <param name="levels">Number of levels of every factor.</param>
    /// <param name="allowed">Whether a row may be chosen; a pair that no allowed row was found for is left out.</param>
    /// <param name="seed">The same seed chooses the same rows.</param>
    public static List<int[]> Cover(int[] levels, Func<int[], bool> allowed, int seed)
    {
        Random random = new(seed);
        List<(int A, int LevelA, int B, int LevelB)> open = [.. Pairs(levels)];
        HashSet<(int, int, int, int)> uncovered = [.. open];
        List<int[]> rows = [];
        foreach ((int A, int LevelA, int B, int LevelB) pair in open)
        {
            if (uncovered.Contains(pair) && Best(levels, pair, allowed, uncovered, random) is { } row)
            {
                rows.Add(row);
                uncovered.ExceptWith(PairsOf(row));
            }
        }

        return rows;
    }

    /// <summary>The pairs of levels that a row meets.</summary>
    public static IEnumerable<(int, int, int, int)> PairsOf(int[] row)
    {
        for (int a = 0; a < row.Length; a++)
        {
            for (int b = a + 1; b < row.Length; b++)
                yield return (a, row[a], b, row[b]);
        }
    }

    /// <summary>Every pair of levels.</summary>
    public static IEnumerable<(int, int, int, int)> Pairs(int[] levels) =>
        from a in Enumerable.Range(0, levels.Length)
        from b in Enumerable.Range(a + 1, levels.Length - a - 1)
        from levelA in Enumerable.Range(0, levels[a])
        from levelB in Enumerable.Range(0, levels[b])
        select (a, levelA, b, levelB);

    private static int[]? Best(
        int[] levels, (int A, int LevelA, int B, int LevelB) pair, Func<int[], bool> allowed, HashSet<(int, int, int, int)> uncovered, Random random)
    {
        int[]? best = null;
        int most = 0;
        for (int attempt = 0, found = 0; attempt < Attempts && found < Completions; attempt++)
        {
            int[] row = [.. levels.Select(count => random.Next(count))];
            (row[pair.A], row[pair.B]) = (pair.LevelA, pair.LevelB);
            if (!allowed(row))
                continue;

            found++;
            int met = PairsOf(row).Count(uncovered.Contains);
            if (met > most)
                (best, most) = (row, met);
        }

        return best;
    }
}
