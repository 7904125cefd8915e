using MoBA.Runtime;

namespace MoBA.Program;

/// <summary>What a pattern attends of one sequence, counted exactly, and how its tiles of 128 x 128 fall. Tiles that are proven full or
/// empty are counted whole and the others are halved until they are small, so that long sequences take no square of time.</summary>
/// <param name="Pairs">Attended pairs, over all query heads.</param>
/// <param name="Possible">All pairs, over all query heads.</param>
/// <param name="FullTiles">Tiles that are attended wholly, over all query heads.</param>
/// <param name="PartialTiles">Tiles where the predicate is asked score by score, over all query heads.</param>
internal readonly record struct PairCount(long Pairs, long Possible, long FullTiles, long PartialTiles)
{
    private const int Side = 128;

    /// <summary>Part of all pairs that is attended, 0 to 1.</summary>
    public double Density => Possible == 0 ? 0 : (double)Pairs / Possible;

    /// <summary>Part of the visited tiles that is partial, 0 to 1.</summary>
    public double PartialShare => FullTiles + PartialTiles == 0 ? 0 : (double)PartialTiles / (FullTiles + PartialTiles);

    public static PairCount operator +(PairCount a, PairCount b) =>
        new(a.Pairs + b.Pairs, a.Possible + b.Possible, a.FullTiles + b.FullTiles, a.PartialTiles + b.PartialTiles);

    public static PairCount operator *(PairCount a, int times) => new(a.Pairs * times, a.Possible * times, a.FullTiles * times, a.PartialTiles * times);

    /// <summary>Counts sequences; those of one length once.</summary>
    /// <exception cref="ArgumentException">The expert's parameters do not fit the sequences.</exception>
    public static PairCount Of(ISparseExpert expert, SequenceRows[] sequences, int heads, CancellationToken cancellationToken) => sequences
        .GroupBy(rows => (rows.Queries, rows.Keys))
        .Select(alike => Of(expert, alike.First(), heads, cancellationToken) * alike.Count())
        .Aggregate(default(PairCount), (a, b) => a + b);

    /// <summary>Counts one sequence.</summary>
    /// <exception cref="ArgumentException">The expert's parameters do not fit the sequence.</exception>
    public static PairCount Of(ISparseExpert expert, SequenceRows rows, int heads, CancellationToken cancellationToken)
    {
        if (rows.Queries == 0 || rows.Keys == 0)
        {
            return default;
        }

        PatternPairs pairs = PatternPairs.Of(expert, rows.Extent(heads));
        int counted = expert.Info.DependsOnHead ? heads : 1;
        int stripes = (rows.Queries + Side - 1) / Side;
        var found = new PairCount[stripes * counted];
        Parallel.For(0, found.Length, new ParallelOptions { CancellationToken = cancellationToken }, i =>
        {
            int first = i / counted * Side;
            found[i] = Stripe(pairs, i % counted, rows.Position(first), rows.Position(Math.Min(first + Side, rows.Queries) - 1), rows.Keys);
        });
        PairCount sum = found.Aggregate((a, b) => a + b);
        return (sum * (heads / counted)) with { Possible = (long)rows.Queries * rows.Keys * heads };
    }

    /// <summary>Counts what an expert with a gate attends by the routes that it took. It has no tiles.</summary>
    /// <exception cref="ArgumentException">The expert's parameters do not fit the sequences.</exception>
    public static PairCount Of(ISparseExpert expert, RouteTable routes, SequenceRows[] sequences, int heads, CancellationToken cancellationToken)
    {
        long pairs = 0;
        foreach (SequenceRows rows in sequences)
        {
            RoutedRows routed = new(expert, routes, rows, heads);
            Parallel.For(0, rows.Queries, new ParallelOptions { CancellationToken = cancellationToken }, query =>
            {
                long keys = 0;
                for (int head = 0; head < heads; head++)
                {
                    keys += routed.Keys(query, head);
                }

                Interlocked.Add(ref pairs, keys);
            });
        }

        return new(pairs, sequences.Sum(rows => (long)rows.Queries * rows.Keys) * heads, 0, 0);
    }

    /// <summary>The tiles of up to 128 queries that the pattern's runs of keys reach.</summary>
    private static PairCount Stripe(PatternPairs pairs, int head, int q0, int q1, int keys)
    {
        PairCount sum = default;
        int next = 0;
        foreach (KeyRange run in pairs.Kernel.KeyRanges(q0, q1, keys, head).OrderBy(run => run.Start))
        {
            for (next = Math.Max(next, run.Start / Side); (long)next * Side < run.End; next++)
            {
                int k0 = next * Side, k1 = Math.Min(k0 + Side, keys) - 1;
                TileKind kind = pairs.Kernel.Classify(q0, q1, k0, k1, head);
                sum += new PairCount(pairs.Count(q0, q1, k0, k1, head), 0, kind == TileKind.Full ? 1 : 0, kind == TileKind.Partial ? 1 : 0);
            }
        }

        return sum;
    }
}
