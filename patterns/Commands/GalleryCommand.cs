using System.CommandLine;
using System.Globalization;
using System.Numerics.Tensors;
using MoBA.Patterns;
using MoBA.Runtime;
using Spectre.Console;

namespace MoBA.Program;

/// <summary><c>moba gallery</c>, and <c>moba</c> alone: every pattern on real data, timed against dense causal attention and
/// checked against the oracle.</summary>
internal static class GalleryCommand
{
    private const int Repeats = 5;

    private static readonly TimeSpan _budget = TimeSpan.FromMilliseconds(250);
    private static readonly Causal _dense = new();

    /// <summary>Tensors and engine of one run of the gallery.</summary>
    private sealed record Bench(AttentionEngine Engine, Tensor<float> Q, Tensor<float> K, Tensor<float> V, AttentionInput File, CancellationToken CancellationToken)
    {
        public int Tokens => File.LongestSequence;

        public AttentionResult<float> Attend(ISparseExpert expert) =>
            UserErrorException.Around(() => Engine.Attend(expert, Q, K, V, File.Options, CancellationToken));
    }

    /// <summary>What was seen of one pattern.</summary>
    private sealed record Row(GalleryEntry Entry, ISparseExpert Expert, Density Density, TimeSpan Time, TimeSpan Dense, ErrorStats Error)
    {
        public bool Agrees => Error.Max < CheckCommand.Tolerance;

        public string SpeedUp => string.Create(CultureInfo.InvariantCulture, $"{Dense / Time:0.0}x");
    }

    /// <summary>The command.</summary>
    public static Command Create(Terminal terminal)
    {
        var command = new Command("gallery", "Show, time and check every pattern on real data (the default).");
        SetAction(command, terminal);
        return command;
    }

    /// <summary>Makes the gallery what the program does when nothing is asked of it.</summary>
    public static void MakeDefaultOf(RootCommand root, Terminal terminal) => SetAction(root, terminal);

    private static void SetAction(Command command, Terminal terminal)
    {
        Option<string> input = Arguments.Input(required: false);
        Option<Target?> target = Arguments.Device();
        command.Add(input);
        command.Add(target);
        command.SetAction((parsed, cancellationToken) => Task.Run(() =>
        {
            using AttentionInput file = parsed.GetValue(input) is string path ? AttentionInput.Open(path) : AttentionInput.OpenShipped();
            using AttentionEngine engine = Arguments.Engine(parsed.GetValue(target));
            (Tensor<float> q, Tensor<float> k, Tensor<float> v) = file.ReadAsFloat();
            return Run(terminal, new Bench(engine, q, k, v, file, cancellationToken));
        }, CancellationToken.None));
    }

    private static int Run(Terminal terminal, Bench bench)
    {
        terminal.Line($"{Gallery.Entries.Count} patterns on {Path.GetFileName(bench.File.Path)}: {bench.File}, computed in float32");
        if (bench.File.Sequences > 1)
        {
            terminal.Line($"{bench.File.Sequences} packed sequences: pictures and densities are of one of {bench.Tokens} tokens, as long as the longest; times and errors are of all");
        }

        terminal.Line($"engine: {bench.Engine.Description}");
        terminal.Out.Write(TerminalPicture.Legend(terminal.IsColoured));
        terminal.Line("");
        terminal.Line("");
        List<Row> rows = terminal.Progress("Gallery", Gallery.Entries.Count, step =>
        {
            List<Row> seen = [];
            foreach (GalleryEntry entry in Gallery.Entries)
            {
                step(entry.Name);
                Row row = Visit(bench, entry);
                seen.Add(row);
                terminal.Out.Write(PatternCard.Draw(entry, row.Expert, bench.Tokens, row.Density, terminal.IsColoured, Measured(row)));
                terminal.Out.Write(new Text("\n"));
            }

            return seen;
        });
        terminal.Out.Write(Summary(rows));
        int wrong = rows.Count(row => !row.Agrees);
        string verdict = wrong == 0 ? "Every pattern agrees" : $"{wrong} of {rows.Count} patterns DIFFER";
        terminal.Line(string.Create(CultureInfo.InvariantCulture, $"{verdict} with the oracle (largest error under {CheckCommand.Tolerance:0e+00})."));
        return wrong == 0 ? Moba.Ok : Moba.CheckFailed;
    }

    private static Row Visit(Bench bench, GalleryEntry entry)
    {
        ISparseExpert expert = entry.Create(bench.Tokens);
        AttentionResult<float> actual = bench.Attend(expert);
        AttentionResult<float> expected = ReferenceAttention.Attend(expert, bench.Q, bench.K, bench.V, bench.File.Options, bench.CancellationToken);
        Density density = Density.Of(expert, bench.Tokens, (int)bench.Q.Lengths[1], bench.CancellationToken);
        (TimeSpan time, TimeSpan dense) = Stopwatches.Race(() => bench.Attend(expert), () => bench.Attend(_dense), Repeats, _budget);
        return new(entry, expert, density, time, dense, ErrorStats.Of(actual.Output, expected.Output));
    }

    private static IReadOnlyList<(string Name, string Text)> Measured(Row row) =>
    [
        ("time", $"{Stopwatches.Text(row.Time)}; dense causal {Stopwatches.Text(row.Dense)}; {row.SpeedUp}"),
        ("error", $"{row.Error}{(row.Agrees ? "" : "  TOO LARGE")}"),
    ];

    private static Table Summary(List<Row> rows)
    {
        Table table = new Table().Border(TableBorder.Simple).AddColumn(new TableColumn("pattern").NoWrap());
        foreach (string name in (string[])["density", "time", "dense", "speed-up", "max error", "mean error"])
        {
            table.AddColumn(new TableColumn(name).RightAligned().NoWrap().PadLeft(0));
        }

        foreach (Row row in rows)
        {
            table.AddRow(
                row.Entry.Name, row.Density.ToString(), Stopwatches.Text(row.Time), Stopwatches.Text(row.Dense), row.SpeedUp,
                row.Error.Max.ToString("0.0e+00", CultureInfo.InvariantCulture), row.Error.Mean.ToString("0.0e+00", CultureInfo.InvariantCulture));
        }

        return table;
    }
}
