using System.Numerics.Tensors;
using MoBA.Runtime;

namespace MoBA.Program;

/// <summary>What the routes of a gated expert come to.</summary>
/// <param name="Pairs">Attended pairs over all query heads, from every n-th query where there are many.</param>
/// <param name="Possible">All pairs, over all query heads.</param>
/// <param name="UnionRatio">How many blocks 128 neighbouring queries of a head take together, over how many one of them takes.</param>
internal readonly record struct GatedCount(long Pairs, long Possible, double UnionRatio)
{
    private const int Side = 128;
    private const long MostRows = 200_000;

    /// <summary>Part of all pairs that is attended, 0 to 1.</summary>
    public double Density => Possible == 0 ? 0 : (double)Pairs / Possible;

    /// <summary>Counts the routes of a call.</summary>
    /// <param name="expert">The expert, which has a gate.</param>
    /// <param name="routes">[query tokens, route heads, TopK].</param>
    /// <param name="sequences">The sequences.</param>
    /// <param name="heads">Query heads.</param>
    /// <param name="cancellationToken">Looked at between stripes.</param>
    public static GatedCount Of(ISparseExpert expert, Tensor<int> routes, SequenceRows[] sequences, int heads, CancellationToken cancellationToken)
    {
        long all = sequences.Sum(rows => (long)rows.Queries) * heads;

        // Odd, so that it meets every place of a block alike.
        int step = (int)(all / MostRows) | 1;
        double pairs = 0, together = 0, alone = 0;
        foreach (SequenceRows rows in sequences.Where(rows => rows.Queries > 0))
        {
            RoutedRows routed = new(expert, routes, rows, heads);
            int sampled = (rows.Queries + step - 1) / step, stripes = (rows.Queries + Side - 1) / Side;
            long[] keys = new long[sampled];
            Parallel.For(0, sampled, new ParallelOptions { CancellationToken = cancellationToken }, i =>
            {
                for (int head = 0; head < heads; head++)
                {
                    keys[i] += routed.Keys(i * step, head);
                }
            });
            pairs += keys.Sum() * ((double)rows.Queries / sampled);
            (double Together, double Alone)[] found = new (double, double)[stripes];
            Parallel.For(0, stripes, new ParallelOptions { CancellationToken = cancellationToken }, i => found[i] = Stripe(routed, i * Side, heads));
            together += found.Sum(stripe => stripe.Together);
            alone += found.Sum(stripe => stripe.Alone);
        }

        return new((long)pairs, sequences.Sum(rows => (long)rows.Queries * rows.Keys) * heads, alone == 0 ? 0 : together / alone);
    }

    // Blocks of neighbouring queries together, and those of one of them on average.
    private static (double Together, double Alone) Stripe(RoutedRows routed, int first, int heads)
    {
        HashSet<int> blocks = [];
        int end = Math.Min(first + Side, routed.Rows.Queries);
        long together = 0, taken = 0;
        for (int head = 0; head < heads; head++)
        {
            blocks.Clear();
            for (int query = first; query < end; query++)
            {
                foreach (int block in routed.Route(query, head))
                {
                    if (block >= 0)
                    {
                        blocks.Add(block);
                        taken++;
                    }
                }
            }

            together += blocks.Count;
        }

        return (together, (double)taken / (end - first));
    }
}
