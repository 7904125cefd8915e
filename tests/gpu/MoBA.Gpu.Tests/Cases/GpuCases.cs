using System.Collections.Immutable;
using MoBA.Conformance.Tests;
using MoBA.Patterns;

namespace MoBA.Gpu.Tests;

/// <summary>Which calls are judged.</summary>
internal static class GpuCases
{
    private static readonly int[] _dims = [64, 128, 256, 80];
    private static readonly int[] _short = [1, 63, 64, 65, 127, 128, 129], _long = [1000, 4096];
    private static readonly (int Query, int Key)[] _heads = [(2, 2), (4, 1), (8, 1)];

    /// <summary>Whether everything is judged, and not a selection.</summary>
    public static bool IsFull { get; } = Environment.GetEnvironmentVariable("MOBA_GPU_FULL") == "1";

    /// <summary>The gallery's patterns without a gate.</summary>
    public static ImmutableArray<string> Patterns { get; } =
        [.. Gallery.Experts.Where(entry => entry.Info.Gate is null).Select(entry => entry.Info.Name)];

    /// <summary>The element types of tensor cores.</summary>
    public static IReadOnlyList<Element> Elements { get; } = [Element.BFloat16, Element.Half];

    /// <summary>Layouts in turn, the same one for the same case.</summary>
    public static Layout LayoutOf(AttentionCase at) =>
        (Layout)((at.Keys + (at.Dim / 8) + at.QueryHeads + (int)at.Placement + at.Variant + (at.Packed ? 1 : 0)) % 3);

    /// <summary>Short lengths, dims, groups, packings and placements of the queries: a third of their product in which any two meet, each
    /// pattern and element type its own, or everything. Parameter values take turns.</summary>
    public static IEnumerable<AttentionCase> Short(string pattern, Element element) =>
        IsFull ? ShortProduct(pattern, element) : Sample([.. ShortProduct(pattern, element)], SeedOf(pattern, element));

    /// <summary>What <see cref="Short"/> chooses from.</summary>
    public static IEnumerable<AttentionCase> ShortProduct(string pattern, Element element)
    {
        Placement[] placements = IsFull ? Enum.GetValues<Placement>() : [Placement.Prefill, Placement.Tail, Placement.Chunk];
        Random random = new(7);
        return Product(pattern, element, _short, placements).Select(at => at with { Variant = random.Next(Variants.Count) }).Where(IsAllowed);
    }

    /// <summary>Any two of a case's variant, length, group, packing, placement and dim, as <see cref="Pairwise.PairsOf"/> has them.</summary>
    public static IEnumerable<(int, int, int, int)> PairsOf(AttentionCase at) =>
        Pairwise.PairsOf([at.Variant, at.Keys, at.QueryHeads, at.Packed ? 1 : 0, (int)at.Placement, at.Dim]);

    /// <summary>Long lengths: any two of parameters, length, packing, placement, group, dim and element type meet, or everything.</summary>
    public static IEnumerable<AttentionCase> Long(string pattern)
    {
        if (IsFull)
        {
            return Elements.SelectMany(element => Product(pattern, element, _long, Enum.GetValues<Placement>()))
                .SelectMany(at => Enumerable.Range(0, Variants.Count).Select(variant => at with { Variant = variant })).Where(IsAllowed);
        }

        return LongRows().Select(At).Where(at => at.Pattern == pattern);
    }

    /// <summary>The rows of levels that <see cref="Long"/> chooses for all patterns.</summary>
    public static List<int[]> LongRows() => Pairwise.Cover(LongLevels, row => IsAllowed(At(row)), seed: 11);

    /// <summary>Levels of every factor of <see cref="LongRows"/>.</summary>
    public static int[] LongLevels =>
        [Patterns.Length, Variants.Count, _long.Length, 2, Enum.GetValues<Placement>().Length, _heads.Length, _dims.Length, Elements.Count];

    /// <summary>A handful of shapes, which take two kernels a pattern.</summary>
    public static IEnumerable<AttentionCase> Smoke(string pattern)
    {
        AttentionCase[] cases =
        [
            new(pattern, 0, 129, false, Placement.Prefill, 4, 1, 128, Element.BFloat16),
            new(pattern, 1, 200, true, Placement.Prefill, 2, 2, 128, Element.BFloat16),
            new(pattern, 2, 128, false, Placement.Chunk, 2, 2, 80, Element.BFloat16),
            new(pattern, 1, 129, true, Placement.Tail, 4, 1, 64, Element.Half),
            new(pattern, 0, 65, false, Placement.Beyond, 2, 2, 64, Element.Half),
            new(pattern, 0, 1, false, Placement.Decode, 1, 1, 64, Element.Half),
        ];
        return cases.Where(IsAllowed);
    }

    /// <summary>Fewer shapes still, for checkers that slow everything down: the first pattern takes three kernels, any other two.</summary>
    public static IEnumerable<AttentionCase> Tiny(string pattern)
    {
        foreach (int dim in (int[])[64, 128])
        {
            yield return new(pattern, 1, 130, false, Placement.Prefill, 2, 1, dim, Element.BFloat16);
            yield return new(pattern, 0, 130, true, Placement.Tail, 2, 2, dim, Element.BFloat16);
        }

        if (pattern == nameof(Causal))
            yield return new(pattern, 0, 130, true, Placement.Prefill, 2, 1, 128, Element.Half);
    }

    /// <summary>One small case for every kernel: pattern, element type, and dim up to 64, 128 and 256.</summary>
    public static IEnumerable<AttentionCase> OnePerKernel() =>
        from pattern in Patterns
        from element in Elements
        from dim in (int[])[64, 128, 256]
        select new AttentionCase(pattern, 0, 64, false, Placement.Prefill, 1, 1, dim, element);

    // The first third in a random order, and behind it whatever brings a new pair.
    private static IEnumerable<AttentionCase> Sample(AttentionCase[] all, int seed)
    {
        new Random(seed).Shuffle(all);
        HashSet<(int, int, int, int)> met = [];
        for (int i = 0; i < all.Length; i++)
        {
            (int before, AttentionCase at) = (met.Count, all[i]);
            met.UnionWith(PairsOf(at));
            if (i < all.Length / 3 || met.Count > before)
                yield return at;
        }
    }

    // Not a string's hash, which differs from run to run.
    private static int SeedOf(string pattern, Element element) => (2 * Patterns.IndexOf(pattern)) + (element == Element.Half ? 1 : 0);

    private static AttentionCase At(int[] row)
    {
        (int query, int key) = _heads[row[5]];
        return new(Patterns[row[0]], row[1], _long[row[2]], row[3] == 1, (Placement)row[4], query, key, _dims[row[6]], Elements[row[7]]);
    }

    private static IEnumerable<AttentionCase> Product(string pattern, Element element, int[] lengths, Placement[] placements) =>
        from dim in _dims
        from keys in lengths
        from heads in _heads
        from packed in (bool[])[false, true]
        from placement in placements
        select new AttentionCase(pattern, 0, keys, packed, placement, heads.Query, heads.Key, dim, element);

    // A table has no value at positions before the first key.
    private static bool IsAllowed(AttentionCase at) =>
        at.Placement != Placement.Before || Variants.TakesNegativePositions(at.Pattern);
}
