using MoBA.Runtime;

namespace MoBA.Program;

/// <summary>Which experts the tokens of one sequence took, head by head, in runs of tokens.</summary>
internal sealed class ExpertBands
{
    private readonly double[,,] _shares;

    /// <summary>Counts the routes of a mixture's result.</summary>
    /// <param name="mixture">The mixture.</param>
    /// <param name="result">A result with routes.</param>
    /// <param name="rows">The sequence.</param>
    /// <param name="most">The most runs.</param>
    public ExpertBands(MixtureInfo mixture, AttentionResult<float> result, SequenceRows rows, int most)
    {
        (Mixture, Loads, Tokens) = (mixture, result.Loads!, rows.Queries);
        var routes = new ExpertRoutes(result, mixture.Experts.Count);
        int heads = (int)result.Routes!.Lengths[1], topK = (int)result.Routes.Lengths[2], runs = Math.Min(most, rows.Queries);
        _shares = new double[heads, runs, mixture.Experts.Count];
        for (int run = 0; run < runs; run++)
        {
            int first = Start(run, runs), end = Start(run + 1, runs);
            for (int row = (rows.FirstQuery + first) * heads; row < (rows.FirstQuery + end) * heads; row++)
            {
                foreach (int id in routes[row])
                {
                    _shares[row % heads, run, id] += 1.0 / ((end - first) * topK);
                }
            }
        }
    }

    /// <summary>The mixture.</summary>
    public MixtureInfo Mixture { get; }

    /// <summary>What every expert got.</summary>
    public IReadOnlyList<ExpertLoad> Loads { get; }

    /// <summary>Tokens of the sequence.</summary>
    public int Tokens { get; }

    /// <summary>Query heads.</summary>
    public int Heads => _shares.GetLength(0);

    /// <summary>Runs of tokens, each about as long as another.</summary>
    public int Runs => _shares.GetLength(1);

    /// <summary>Share of a run's tokens that an expert got of a head, 0 to 1.</summary>
    public double Share(int head, int run, int expert) => _shares[head, run, expert];

    /// <summary>The expert that got most of a run.</summary>
    public int Most(int head, int run) => Enumerable.Range(0, Mixture.Experts.Count).MaxBy(expert => Share(head, run, expert));

    private int Start(int run, int runs) => (int)((long)run * Tokens / runs);
}
