using MoBA.Generators.Model;

namespace MoBA.Generators.Analyze;

/// <summary>Estimates what a pattern costs: keys that a token visits on average, from a few tiles of queries spread over a
/// sequence.</summary>
internal static class KeysEstimate
{
    /// <summary>Tokens of the sequence; as ExpertInfo.CostTokens says.</summary>
    public const int Tokens = 32768;

    private const int Samples = 16;
    private const int TileRows = 64;

    /// <summary>The estimate at the default parameters; null where what the pattern reads has no default.</summary>
    public static double? Of(PatternSpec spec)
    {
        Expr? besides = spec.Besides?.Attends;
        if (!IsKnown(spec, besides ?? spec.Attends))
        {
            return null;
        }

        ParameterRanges defaults = new(spec, useDefaults: true);
        double sum = 0;
        for (int i = 0; i < Samples; i++)
        {
            int first = (int)((i + 0.5) * Tokens / Samples);
            Box box = defaults.Box(Interval.Of(first, first + TileRows - 1), Interval.Of(0, Tokens - 1));
            long seen = Visited(spec.Attends, box), always = besides is null ? 0 : Visited(besides, box), past = first + TileRows;
            sum += spec.Gate is { } gate ? Math.Min(seen, Math.Min((long)gate.TopK * gate.BlockSize, past) + always) : seen;
        }

        return sum / Samples;
    }

    private static bool IsKnown(PatternSpec spec, Expr e)
    {
        HashSet<string> known = [.. spec.Parameters.Where(static p => p.Default is not null).Select(static p => p.Path)];
        return !ExprWalk.Any(e, n => n is Lookup || (n is ParameterRef p && !known.Contains(p.Path)));
    }

    /// <summary>Keys of the runs that a tile of queries can see, each once.</summary>
    private static long Visited(Expr attends, Box box)
    {
        long keys = 0, next = 0;
        foreach ((long low, long high) in KeyRanges.Of(attends, box).Select(static r => (Low: Number(r.Low, 0), High: Number(r.High, Tokens - 1))).OrderBy(static r => r.Low))
        {
            keys += Math.Max(0, high - Math.Max(low, next) + 1);
            next = Math.Max(next, high + 1);
        }

        return keys;
    }

    private static long Number(Expr end, long otherwise) => Math.Max(0, Math.Min(Tokens - 1, end is IntLiteral number ? number.Value : otherwise));
}
