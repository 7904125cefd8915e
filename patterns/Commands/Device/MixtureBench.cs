using System.Globalization;
using MoBA.Patterns;
using MoBA.Runtime;
using MoBA.Runtime.Cuda;
using Spectre.Console;

namespace MoBA.Program;

/// <summary><c>moba bench --target cuda</c> of a mixture: its calls, and beside them those of its experts, each with all rows.</summary>
/// <param name="terminal">Where the report goes.</param>
/// <param name="engine">The engine.</param>
/// <param name="mixture">The mixture.</param>
/// <param name="source">Its router.</param>
/// <param name="problem">Shapes.</param>
/// <param name="repeats">Calls to time, or null for as many as suit.</param>
/// <param name="cancellationToken">Looked at between measurements.</param>
internal sealed class MixtureBench(
    Terminal terminal, AttentionEngine engine, IExpertMixture mixture, RouterSource source, DeviceProblem problem, int? repeats,
    CancellationToken cancellationToken)
{
    private const int Calls = 5;

    private readonly DeviceClock _clock = new(engine, cancellationToken);

    /// <summary>Times the mixture, and writes what was measured.</summary>
    public int Run<T>(DeviceInputs<T> inputs, bool withDense)
        where T : unmanaged
    {
        List<ISparseExpert> experts = [.. mixture.Info.Experts.Select(e => e.Select(mixture))];
        if (withDense && !experts.Any(static expert => expert is Causal))
        {
            experts.Add(new Causal());
        }

        DeviceAttentionOptions options = new() { Sequences = problem.Offsets };
        DeviceAttentionResult<T> last = UserErrorException.Around(() => Attend(inputs, options));
        List<(string Name, double[] Times)> rows = [];
        terminal.Progress("Timing", experts.Count + 1, step =>
        {
            step(mixture.Info.Name);
            rows.Add((mixture.Info.Name, _clock.Rested(() => Attend(inputs, options), repeats)));
            foreach (ISparseExpert expert in experts)
            {
                step(expert.Info.Name);
                _ = UserErrorException.Around(() => engine.Attend(expert, inputs.Q, inputs.K, inputs.V, options, inputs.Output));
                rows.Add(($"{expert.Info.Name} alone", _clock.Rested(() => engine.Attend(expert, inputs.Q, inputs.K, inputs.V, options, inputs.Output), repeats)));
            }

            return rows.Count;
        });

        terminal.Line(problem.ToString());
        terminal.Line($"engine: {engine.Description}");
        terminal.Line($"pattern: {mixture.Info.Name} {ExpertSettings.Describe(mixture.ParameterValues)}".TrimEnd());
        terminal.Line($"routed by {source.Name}");
        terminal.Out.Write(Times(rows));
        terminal.Line($"passes of {mixture.Info.Name}, ms: {string.Join(", ", Passes(inputs).Select(pass => $"{pass.Pass} {Text(pass.Milliseconds)}"))}");
        terminal.Line(string.Create(CultureInfo.InvariantCulture, $"workspace: {last.WorkspaceBytes / 1e6:0.0} MB, and what the gates of its experts take"));
        LoadTable.Write(terminal, Loads(inputs));
        terminal.Line(string.Create(
            CultureInfo.InvariantCulture, $"ms: medians of calls by the device's clock, after {DeviceClock.Rest.TotalSeconds} s of rest; an expert alone attends all rows"));
        return Moba.Ok;
    }

    private static Table Times(List<(string Name, double[] Times)> rows)
    {
        Table table = new Table().Border(TableBorder.Simple).AddColumn(new TableColumn("pattern").NoWrap());
        foreach (string name in (string[])["ms", "min", "calls", "mixture is"])
        {
            table.AddColumn(new TableColumn(name).RightAligned().NoWrap().PadLeft(0));
        }

        foreach ((string name, double[] times) in rows)
        {
            string faster = (DeviceClock.Median(times) / DeviceClock.Median(rows[0].Times)).ToString("0.0'x as fast'", CultureInfo.InvariantCulture);
            table.AddRow(name, Text(DeviceClock.Median(times)), Text(times[0]), times.Length.ToString(CultureInfo.InvariantCulture), faster);
        }

        return table;
    }

    // Medians of a few calls; the call before each keeps the device busy, so that no pass waits for the host.
    private IEnumerable<(string Pass, double Milliseconds)> Passes<T>(DeviceInputs<T> inputs)
        where T : unmanaged
    {
        CudaRuntime runtime = engine.Runtime();
        using CurrentContext current = runtime.Context.Enter();
        List<IReadOnlyList<(string Pass, long Nanoseconds)>> calls = [];
        for (int call = 0; call < Calls; call++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            Attend(inputs, new() { Sequences = problem.Offsets });
            using PassMarks marks = new(runtime.Context, engine.DefaultStream);
            Attend(inputs, new() { Sequences = problem.Offsets, Marks = marks });
            engine.DefaultStream.Synchronize();
            calls.Add(marks.Times());
        }

        return calls[0].Select(static timed => timed.Pass).Distinct().ToArray().Select(pass => (
            pass, DeviceClock.Median([.. calls.Select(call => call.Where(timed => timed.Pass == pass).Sum(static timed => timed.Nanoseconds) / 1e6).Order()])));
    }

    private IReadOnlyList<ExpertLoad> Loads<T>(DeviceInputs<T> inputs)
        where T : unmanaged
    {
        DeviceAttentionResult<T> result = Attend(inputs, new() { Sequences = problem.Offsets, ReturnRoutes = true });
        using DeviceTensor<int> routes = result.Routes!;
        using DeviceTensor<float> weights = result.RouteWeights!, entropy = result.RouterEntropy!;
        return result.ReadLoads()!;
    }

    private DeviceAttentionResult<T> Attend<T>(DeviceInputs<T> inputs, DeviceAttentionOptions options)
        where T : unmanaged => engine.Attend(mixture, source.Router!, inputs.Q, inputs.K, inputs.V, options, inputs.Output);

    private static string Text(double milliseconds) => milliseconds.ToString("0.000", CultureInfo.InvariantCulture);
}
