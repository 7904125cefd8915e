using MoBA.Runtime.Cuda;

namespace MoBA.Runtime.Tests.Cuda.Emulation;

/// <summary>Calls that put every branch of a kernel to use.</summary>
internal static class AttentionProblems
{
    /// <summary>A band: a tile of queries from position 77 on and 21 more, whose keys end before they do, and one query of another
    /// sequence that sees none of its two keys.</summary>
    /// <param name="target">The machine.</param>
    /// <param name="dim">Components of a row.</param>
    /// <param name="isHalf">Half, or else BFloat16.</param>
    /// <param name="width">Width of the band.</param>
    /// <param name="scores">"scored" by the pattern, "plain", or "scale first".</param>
    public static IAttentionProblem Band(KernelTarget target, int dim, bool isHalf, int width, string scores)
    {
        int tile = TilePrinter.For(TileShape.For(target, dim, ElementKind.Half)).Queries, keys = tile + 68;
        BandPattern band = new() { Width = width };
        QueryTile[] records =
        [
            new() { QueryToken = 1, Queries = tile, Position = 77, KeyToken = 2, Keys = keys },
            new() { QueryToken = 1 + tile, Queries = 21, Position = 77 + tile, KeyToken = 2, Keys = keys },
            new() { QueryToken = 0, Queries = 1, Position = 3 + width, KeyToken = 2, Keys = 2 },
        ];
        return scores switch
        {
            "scored" => new AttentionProblem<BandPattern, int>(dim, isHalf, tile + 21, keys) { Pattern = band, Records = records },
            "capped" => new AttentionProblem<CappedBandPattern, int>(dim, isHalf, tile + 21, keys) { Pattern = new() { Band = band }, Records = records },
            _ => new AttentionProblem<PlainBandPattern, int>(dim, isHalf, tile + 21, keys)
            {
                Pattern = new() { Band = band },
                Records = records,
                ScaleFirst = scores == "scale first",
            },
        };
    }

    /// <summary>A wide band over the tiles of several rounds of the rings, then one tile, then none.</summary>
    public static IAttentionProblem LongBand() => new AttentionProblem<PlainBandPattern, int>(64, true, 149, 700)
    {
        Pattern = new() { Band = new() { Width = 330 } },
        Records =
        [
            new() { QueryToken = 1, Queries = 128, Position = 500, KeyToken = 2, Keys = 700 },
            new() { QueryToken = 129, Queries = 21, Position = 205, KeyToken = 2, Keys = 196 },
            new() { QueryToken = 0, Queries = 1, Position = 403, KeyToken = 2, Keys = 2 },
        ],
    };

    /// <summary>Queries that see themselves alone, with scores that saturate.</summary>
    public static IAttentionProblem OneKey(bool isHalf) => new AttentionProblem<CappedBandPattern, int>(64, isHalf, 100, 100)
    {
        Pattern = new() { Band = new() { Width = 0 } },
        Records = [new() { QueryToken = 1, Queries = 100, Position = 0, KeyToken = 2, Keys = 100 }],
    };

    /// <summary>Two runs of key tiles, further apart than a warp classifies at once, and four heads on two key heads.</summary>
    public static IAttentionProblem SinkBand(bool isHalf) => new AttentionProblem<SinkBandPattern, SinkBandRuns>(64, isHalf, 130, 4500, heads: 4, keyHeads: 2)
    {
        Pattern = new() { Sinks = 150, Width = 200 },
        Records =
        [
            new() { QueryToken = 2, Queries = 100, Position = 4230, KeyToken = 2, Keys = 4500 },
            new() { QueryToken = 102, Queries = 29, Position = 100, KeyToken = 2, Keys = 4500 },
            new() { QueryToken = 1, Queries = 1, Position = 140, KeyToken = 1000, Keys = 300 },
        ],
    };
}
