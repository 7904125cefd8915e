using MoBA.Patterns;

namespace MoBA.Conformance.Tests;

/// <summary>Chooses cases: any two of pattern, parameters, length, packing, query placement, heads, dim and element type meet.</summary>
internal static class CaseTable
{
    private static readonly string[] _patterns = [.. Gallery.Experts.Select(entry => entry.Name)];
    private static readonly int[] _keys = [1, 2, 63, 64, 65, 127, 129, 500, 1023];
    private static readonly (int Query, int Key)[] _heads = [(1, 1), (3, 3), (3, 1), (8, 8), (8, 1), (9, 3), (24, 8), (24, 3)];
    private static readonly int[] _dims = [8, 40, 64, 80, 128, 256];

    /// <summary>The number of levels of every factor.</summary>
    public static int[] Levels =>
        [_patterns.Length, Variants.Count, _keys.Length, 2, Enum.GetValues<Placement>().Length, _heads.Length, _dims.Length, Enum.GetValues<Element>().Length];

    /// <summary>The case of one row of levels.</summary>
    public static AttentionCase At(int[] row) => new(
        _patterns[row[0]], row[1], _keys[row[2]], row[3] == 1, (Placement)row[4], _heads[row[5]].Query, _heads[row[5]].Key, _dims[row[6]], (Element)row[7]);

    /// <summary>Rows of levels whose cases cost at most <paramref name="budget"/> each.</summary>
    public static List<int[]> Rows(long budget, int seed) => Pairwise.Cover(Levels, row => Allowed(At(row), budget), seed);

    /// <summary>The cases of one covering set of rows per seed.</summary>
    public static IEnumerable<AttentionCase> Choose(long budget, params int[] seeds) =>
        seeds.SelectMany(seed => Rows(budget, seed)).Select(At).Distinct();

    /// <summary>Whether a case makes sense and is cheap enough.</summary>
    public static bool Allowed(AttentionCase at, long budget) =>
        at.Cost <= budget && (at.Placement != Placement.Before || Variants.TakesNegativePositions(at.Pattern));
}
