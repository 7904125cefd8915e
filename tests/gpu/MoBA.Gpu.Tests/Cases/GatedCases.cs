using MoBA.Conformance.Tests;
using MoBA.Patterns;

namespace MoBA.Gpu.Tests;

/// <summary>Which calls of gated experts are judged.</summary>
internal static class GatedCases
{
    // Pairs are covered anew, by other rows, as often.
    private const int Covers = 4, FullCovers = 60;

    // The reference takes a number for every pair.
    private const int MostTokens = 4700;

    private static readonly int[] _blockSizes = [16, 48, 64, 128, 192, 512], _topK = [1, 2, 3, 8, 16, 64], _dims = [64, 128, 256, 40, 104];
    private static readonly int[] _shifts = [-1, 0, 1];
    private static readonly (int Query, int Key)[] _heads = [(2, 2), (4, 1), (8, 2)];

    /// <summary>Levels of every factor of <see cref="Rows"/>.</summary>
    public static int[] Levels =>
    [
        GatedCase.Patterns.Count, _blockSizes.Length, _topK.Length, 4, _shifts.Length, Enum.GetValues<Batch>().Length, _heads.Length, _dims.Length,
        GpuCases.Elements.Count,
    ];

    /// <summary>Rows of levels, in which any two of expert, block size, TopK, blocks of a sequence, tokens around a block's end, batch, group, dim and
    /// type meet several times.</summary>
    public static IEnumerable<int[]> Rows() =>
        Enumerable.Range(0, GpuCases.IsFull ? FullCovers : Covers).SelectMany(cover => Pairwise.Cover(Levels, _ => true, seed: 100 + cover));

    /// <summary>The cases of an expert.</summary>
    public static IEnumerable<GatedCase> Matrix(string pattern) => Rows().Select(At).Where(at => at.Pattern == pattern).Distinct();

    /// <summary>A handful, which take two kernels of every pass.</summary>
    public static IEnumerable<GatedCase> Smoke(string pattern) =>
    [
        new(pattern, 64, 3, Batch.One, 600, 4, 1, 128, Element.BFloat16),
        new(pattern, 16, 8, Batch.Ragged, 300, 2, 2, 104, Element.BFloat16),
        new(pattern, 128, 1, Batch.Ragged, 257, 2, 2, 128, Element.BFloat16),
        new(pattern, 16, 64, Batch.Chunk, 1300, 2, 1, 64, Element.Half),
        new(pattern, 48, 2, Batch.Tail, 500, 8, 2, 40, Element.Half),
        new(pattern, 512, 3, Batch.Decode, 2300, 1, 1, 64, Element.Half),
    ];

    /// <summary>Fewer, for checkers that slow everything down.</summary>
    public static IEnumerable<GatedCase> Tiny(string pattern) =>
    [
        new(pattern, 32, 3, Batch.One, 160, 2, 1, 128, Element.BFloat16),
        new(pattern, 16, 5, Batch.Ragged, 130, 2, 2, 128, Element.BFloat16),
        new(pattern, 16, 2, Batch.Tail, 130, 2, 2, 128, Element.BFloat16),
    ];

    /// <summary>Small cases that take every kernel there is for gates: through the passes, own blocks alone, and all blocks.</summary>
    public static IEnumerable<GatedCase> OnePerKernel() =>
        from topK in (int[])[3, 9, 17, 1, 64]
        from dim in (int[])[256, 128, 64]
        from element in GpuCases.Elements
        from pattern in GatedCase.Patterns
        select new GatedCase(pattern, 16, topK, Batch.One, topK == 64 ? 64 : 320, 2, 1, dim, element);

    private static GatedCase At(int[] row)
    {
        (int size, int topK, int shift) = (_blockSizes[row[1]], _topK[row[2]], _shifts[row[4]]);

        // One block, two, one that is not chosen, and several.
        int blocks = Math.Min(row[3] switch { 0 => 1, 1 => 2, 2 => topK + 1, _ => topK + 6 }, MostTokens / size);
        (int query, int key) = _heads[row[6]];
        return new(GatedCase.Patterns[row[0]], size, topK, (Batch)row[5], (blocks * size) + shift, query, key, _dims[row[7]], GpuCases.Elements[row[8]]);
    }
}
