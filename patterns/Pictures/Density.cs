using System.Globalization;
using MoBA.Runtime;

namespace MoBA.Program;

/// <summary>How many pairs a pattern attends, counted with the author's predicate.</summary>
/// <param name="Pairs">Attended pairs of one head; the mean over heads where the pattern differs by head.</param>
/// <param name="Share">Part of all pairs, 0 to 1.</param>
/// <param name="IsExact">Whether every row was counted, and not a sample of them.</param>
internal readonly record struct Density(double Pairs, double Share, bool IsExact)
{
    private const int LongestExact = 8192;
    private const int MaxSampledRows = 512;
    private const long SampledPairs = 1L << 31;

    /// <summary>Per cent, with a sign where it is a sample.</summary>
    public override string ToString() =>
        string.Create(CultureInfo.InvariantCulture, $"{(IsExact ? "" : "about ")}{100 * Share:0.00} %");

    /// <summary>Counts the pairs of one sequence by what each of its rows attends, in all heads; beyond 8,192 queries by a sample of
    /// rows.</summary>
    /// <param name="rows">The sequence.</param>
    /// <param name="heads">Query heads.</param>
    /// <param name="keys">Keys that a query of a head attends.</param>
    /// <param name="cancellationToken">Looked at once a row.</param>
    public static Density Of(SequenceRows rows, int heads, Func<int, int, long> keys, CancellationToken cancellationToken) =>
        Of((rows.Queries, rows.Keys), heads, keys, cancellationToken);

    /// <summary>Counts the pairs of one sequence; beyond 8,192 tokens those of one random row in each of up to 512 strata.</summary>
    public static Density Of(ISparseExpert expert, int tokens, int heads, CancellationToken cancellationToken)
    {
        try
        {
            int counted = expert.Info.DependsOnHead ? heads : 1;
            return Of((tokens, tokens), counted, new RoutedRows(expert, null, new(0, tokens, tokens), heads).Keys, cancellationToken);
        }
        catch (AggregateException error) when (error.InnerExceptions[0] is ArgumentException inner)
        {
            throw new UserErrorException(
                $"{expert.Info.Name} has no meaning with {ExpertSettings.Describe(expert.ParameterValues)}: {inner.Message} Give other values with --set.", error);
        }
    }

    private static Density Of((int Queries, int Keys) size, int heads, Func<int, int, long> keys, CancellationToken cancellationToken)
    {
        (int tokens, int width) = size;
        bool exact = tokens <= LongestExact;
        int rows = exact ? tokens : (int)Math.Min(MaxSampledRows, SampledPairs / width);
        var random = new Random(17);
        int[] queries = [.. Enumerable.Range(0, rows).Select(row => exact ? row : Stratum(row, rows, tokens, random))];
        long pairs = 0;
        Parallel.ForEach(queries, new() { CancellationToken = cancellationToken }, q =>
        {
            for (int head = 0; head < heads; head++)
            {
                cancellationToken.ThrowIfCancellationRequested();
                Interlocked.Add(ref pairs, keys(q, head));
            }
        });
        double share = rows == 0 || width == 0 ? 0 : (double)pairs / rows / heads / width;
        return new(share * width * width, share, exact);
    }

    private static int Stratum(int row, int rows, int tokens, Random random)
    {
        long start = (long)row * tokens / rows, end = (long)(row + 1) * tokens / rows;
        return (int)random.NextInt64(start, end);
    }
}
