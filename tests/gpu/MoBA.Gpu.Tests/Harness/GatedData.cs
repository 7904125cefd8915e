using MoBA.Conformance.Tests;

namespace MoBA.Gpu.Tests;

/// <summary>How gates are spread over the blocks of a sequence.</summary>
public enum Skew
{
    /// <summary>One block that nobody chooses while there are others.</summary>
    Unloved,

    /// <summary>One block that everybody chooses.</summary>
    Favourite,

    /// <summary>All queries of a head are the same.</summary>
    SameQueries,

    /// <summary>Every block beats all before it.</summary>
    Ascending,

    /// <summary>No block beats one before it.</summary>
    Descending,

    /// <summary>All blocks are equal.</summary>
    Equal,

    /// <summary>Every second block beats all before it, and the others none.</summary>
    Waves,
}

/// <summary>
/// Tensors of small integers, whose means, extremes and gates are exact in float in any order: routes have one right answer, ties included.
/// The keys of a block are its centroid plus noise, which is 0 in the sum of a key and its neighbour.
/// </summary>
internal static class GatedData
{
    /// <summary>A score of these tensors is at most about 8 with this scale.</summary>
    public static float ScaleOf(int dim) => 1f / (48 * dim);

    /// <summary>q, k and v whose gates are random integers, many of them equal.</summary>
    public static ushort[][] Integers(GatedCase at)
    {
        Random random = new(at.ToString().Length + at.Length);
        Dictionary<(int, int, int), int> centroids = [];
        return Build(at, random, (_, _, _) => random.Next(-3, 4), (block, head, d) =>
        {
            if (!centroids.TryGetValue((block, head, d), out int value))
                centroids.Add((block, head, d), value = random.Next(-3, 4));
            return value;
        });
    }

    /// <summary>q, k and v whose gates are spread like that over the blocks.</summary>
    public static ushort[][] Skewed(GatedCase at, Skew skew)
    {
        Random random = new((7 * (int)skew) + at.Length);
        int blocks = (at.KeyLengths.Max() + at.BlockSize - 1) / at.BlockSize;
        if (blocks > 126)
            throw new ArgumentException($"{at} has {blocks} blocks: 126 levels are exact elements.", nameof(at));
        int[] directions = [.. Enumerable.Range(0, at.KeyHeads * at.Dim).Select(_ => random.Next(2) == 0 ? -1 : 1)];
        int[] levels = [.. Enumerable.Range(0, blocks).Select(block => LevelOf(skew, block, blocks, random))];
        int group = at.QueryHeads / at.KeyHeads, last = -1, size = 1;
        return Build(at, random, Query, (block, head, d) => directions[(head * at.Dim) + d] * levels[block]);

        // Along the direction of the key head, or against it where that is what queries share.
        int Query(int token, int head, int d)
        {
            if (token != last && skew != Skew.SameQueries)
                (last, size) = (token, random.Next(1, 4));
            return directions[(head / group * at.Dim) + d] * size;
        }
    }

    private static int LevelOf(Skew skew, int block, int blocks, Random random) => skew switch
    {
        Skew.Unloved => block == blocks / 3 ? -9 : random.Next(1, 5),
        Skew.Favourite => block == blocks / 3 ? 9 : random.Next(1, 5),
        Skew.Ascending => block + 1,
        Skew.Descending => blocks - block,
        Skew.Equal => 2,
        Skew.Waves => block % 2 == 0 ? block + 1 : -block - 1,
        _ => random.Next(-4, 5),
    };

    // Blocks are numbered within their sequences.
    private static ushort[][] Build(GatedCase at, Random random, Func<int, int, int, int> query, Func<int, int, int, int> centroid)
    {
        ushort[][] bits = AttentionInputs.NormalBits(at.Shape, at.Length, at.QueryLengths.Sum(), at.KeyLengths.Sum());
        for (int i = 0; i < bits[0].Length; i++)
            bits[0][i] = Of(query(i / at.Dim / at.QueryHeads, i / at.Dim % at.QueryHeads, i % at.Dim));
        int first = 0, row = at.KeyHeads * at.Dim;
        foreach (int keys in at.KeyLengths)
        {
            for (int key = 0; key < keys; key++)
            {
                for (int i = 0; i < row; i++)
                {
                    int value = centroid(key / at.BlockSize, i / at.Dim, i % at.Dim), place = ((first + key) * row) + i;
                    if (key % 2 == 0)
                    {
                        bits[1][place] = Of(value + (key + 1 < keys ? random.Next(-1, 2) : 0));
                        continue;
                    }

                    // Its neighbour's noise, the other way.
                    bits[1][place] = Of((2 * value) - (int)Bits.ToFloat(bits[1][place - row], at.Element));
                }
            }

            first += keys;
        }

        return bits;

        ushort Of(int value) => Bits.Of(value, at.Element);
    }
}
