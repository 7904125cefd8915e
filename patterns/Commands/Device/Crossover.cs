using MoBA.Patterns;
using MoBA.Runtime;

namespace MoBA.Program;

/// <summary>A pattern beside dense causal attention at one length.</summary>
/// <param name="Tokens">Tokens of a sequence.</param>
/// <param name="Median">Milliseconds of the pattern.</param>
/// <param name="Dense">Milliseconds of dense causal attention.</param>
internal sealed record CrossoverRow(int Tokens, double Median, double Dense)
{
    /// <summary>How many times as fast the pattern is.</summary>
    public double SpeedUp => Dense / Median;
}

/// <summary>From which length on a pattern is worth it: its time beside that of dense causal attention, the length doubling up to the
/// one that was asked for. Its parameters stay as they are.</summary>
internal static class Crossover
{
    private const int Shortest = 1024;

    /// <summary>Times the lengths of random sequences; shorter ones are the first tokens of the longest.</summary>
    public static IReadOnlyList<CrossoverRow> Of<T>(
        AttentionEngine engine, ISparseExpert expert, DeviceInputs<T> inputs, DeviceProblem problem, Action<string> step, AttendPath path,
        CancellationToken cancellationToken)
        where T : unmanaged
    {
        DeviceClock clock = new(engine, cancellationToken);
        List<CrossoverRow> rows = [];
        foreach (int tokens in Lengths(problem.LongestSequence))
        {
            step($"{tokens} tokens");
            int sequences = problem.Sequences.Length;
            var part = inputs.First(tokens * sequences);
            DeviceAttentionOptions options = new() { Sequences = [.. Enumerable.Range(0, sequences + 1).Select(i => i * tokens)], AttendPath = path };
            rows.Add(new(tokens, Milliseconds(expert), Milliseconds(new Causal())));

            double Milliseconds(ISparseExpert timed) => UserErrorException.Around(
                () => clock.Brief(() => engine.Attend(timed, part.Q, part.K, part.V, options, part.Output)));
        }

        return rows;
    }

    /// <summary>1,024 tokens, twice as many, and so on, and the longest.</summary>
    public static IEnumerable<int> Lengths(int longest)
    {
        for (long tokens = Shortest; tokens < longest; tokens *= 2)
        {
            yield return (int)tokens;
        }

        yield return longest;
    }
}
