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
        string.Create(CultureInfo.InvariantCulture, $"{(IsExact ? "" : "about ")}{100 * Share:0.##} %");

    /// <summary>Counts the pairs of one sequence; beyond 8,192 tokens those of one random row in each of up to 512 strata.</summary>
    public static Density Of(ISparseExpert expert, int tokens, int heads, CancellationToken cancellationToken)
    {
        int counted = expert.Info.DependsOnHead ? heads : 1;
        bool exact = tokens <= LongestExact;
        int rows = exact ? tokens : (int)Math.Min(MaxSampledRows, SampledPairs / tokens);
        var random = new Random(17);
        int[] queries = [.. Enumerable.Range(0, rows).Select(row => exact ? row : Sample(row, rows, tokens, random))];
        long pairs = 0;
        try
        {
            Parallel.ForEach(queries, new() { CancellationToken = cancellationToken }, q =>
                Interlocked.Add(ref pairs, CountRow(expert, q, tokens, counted, cancellationToken)));
        }
        catch (AggregateException error) when (error.InnerExceptions[0] is ArgumentException inner)
        {
            throw new UserErrorException(
                $"{expert.Info.Name} has no meaning with {ExpertSettings.Describe(expert)}: {inner.Message} Give other values with --set.", error);
        }

        double share = (double)pairs / rows / counted / tokens;
        return new(share * tokens * tokens, share, exact);
    }

    private static long CountRow(ISparseExpert expert, int q, int tokens, int heads, CancellationToken cancellationToken)
    {
        long attended = 0;
        for (int head = 0; head < heads; head++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            for (int k = 0; k < tokens; k++)
            {
                attended += expert.Attends(q, k, head) ? 1 : 0;
            }
        }

        return attended;
    }

    private static int Sample(int row, int rows, int tokens, Random random)
    {
        long start = (long)row * tokens / rows, end = (long)(row + 1) * tokens / rows;
        return (int)random.NextInt64(start, end);
    }
}
