using MoBA.Runtime;
using MoBA.Runtime.Cpu;

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

    /// <summary>Pairs that are asked one by one rather than halved.</summary>
    private const long FewPairs = 64;

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

        CpuKernel kernel = expert.Bind(new(rows.Position(0), rows.Position(rows.Queries - 1), rows.Keys, heads));
        int counted = expert.Info.DependsOnHead ? heads : 1;
        int stripes = (rows.Queries + Side - 1) / Side;
        var found = new PairCount[stripes * counted];
        Parallel.For(0, found.Length, new ParallelOptions { CancellationToken = cancellationToken }, i =>
        {
            int first = i / counted * Side;
            found[i] = Stripe(
                new(expert, kernel, i % counted), rows.Position(first), rows.Position(Math.Min(first + Side, rows.Queries) - 1), rows.Keys);
        });
        PairCount sum = found.Aggregate((a, b) => a + b);
        return (sum * (heads / counted)) with { Possible = (long)rows.Queries * rows.Keys * heads };
    }

    /// <summary>The tiles of up to 128 queries that the pattern's runs of keys reach.</summary>
    private static PairCount Stripe(HeadOfPattern head, int q0, int q1, int keys)
    {
        PairCount sum = default;
        int next = 0;
        foreach (KeyRange run in head.Kernel.KeyRanges(q0, q1, keys, head.Head).OrderBy(run => run.Start))
        {
            for (next = Math.Max(next, run.Start / Side); (long)next * Side < run.End; next++)
            {
                int k0 = next * Side, k1 = Math.Min(k0 + Side, keys) - 1;
                TileKind kind = head.Kernel.Classify(q0, q1, k0, k1, head.Head);
                sum += new PairCount(head.Count(q0, q1, k0, k1), 0, kind == TileKind.Full ? 1 : 0, kind == TileKind.Partial ? 1 : 0);
            }
        }

        return sum;
    }

    private readonly record struct HeadOfPattern(ISparseExpert Expert, CpuKernel Kernel, int Head)
    {
        public long Count(int q0, int q1, int k0, int k1)
        {
            long queries = q1 - q0 + 1L, keys = k1 - k0 + 1L;
            switch (Kernel.Classify(q0, q1, k0, k1, Head))
            {
                case TileKind.Empty:
                    return 0;
                case TileKind.Full:
                    return queries * keys;
            }

            if (queries * keys <= FewPairs)
            {
                return Asked(q0, q1, k0, k1);
            }

            int q = q0 + (int)(queries / 2), k = k0 + (int)(keys / 2);
            return queries >= keys
                ? Count(q0, q - 1, k0, k1) + Count(q, q1, k0, k1)
                : Count(q0, q1, k0, k - 1) + Count(q0, q1, k, k1);
        }

        private long Asked(int q0, int q1, int k0, int k1)
        {
            long pairs = 0;
            for (int q = q0; q <= q1; q++)
            {
                for (int k = k0; k <= k1; k++)
                {
                    pairs += Expert.Attends(q, k, Head) ? 1 : 0;
                }
            }

            return pairs;
        }
    }
}
