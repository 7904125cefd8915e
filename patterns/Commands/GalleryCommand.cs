using System.CommandLine;
using System.Globalization;
using System.Numerics.Tensors;
using MoBA.Patterns;
using MoBA.Runtime;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace MoBA.Program;

/// <summary><c>moba gallery</c>, and <c>moba</c> alone: every pattern on real data, timed against dense causal attention and
/// checked against the oracle.</summary>
internal static class GalleryCommand
{
    private const int Repeats = 5;

    private static readonly TimeSpan _budget = TimeSpan.FromMilliseconds(250);
    private static readonly Pattern _dense = new ExpertPattern(new Causal());

    /// <summary>Tensors and engine of one run of the gallery.</summary>
    private sealed record Bench(
        AttentionEngine Engine, (Tensor<float> Q, Tensor<float> K, Tensor<float> V) Tensors, Tensor<float> DenseLse, AttentionInput File, CancellationToken CancellationToken)
    {
        public int Tokens => File.LongestSequence;

        public AttentionResult<float> Attend(Pattern pattern) => pattern.Attend(Engine, Tensors, File.Options, CancellationToken);
    }

    /// <summary>What was seen of one pattern.</summary>
    private sealed record Row(
        GalleryEntry Entry, Pattern Pattern, AttentionResult<float> Result, Density Density, double? Captured, TimeSpan Time, TimeSpan Dense, Judgement Judgement)
    {
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
        Option<string?> router = Arguments.Router("the input's logits without it, or, with the data that ships, the router that ships");
        Option<Target?> target = Arguments.Device();
        command.Add(input);
        command.Add(router);
        command.Add(target);
        command.SetAction((parsed, cancellationToken) => Task.Run(() =>
        {
            string? path = parsed.GetValue(input);
            using AttentionInput file = path is not null ? AttentionInput.Open(path) : AttentionInput.OpenShipped();
            Routing routing = Routing.Of(parsed.GetValue(router), file) with { Otherwise = mixture => path is null ? Routing.Shipped(mixture) : null };
            GalleryEntry[] entries = [.. Gallery.Entries.Where(entry => entry is not MixtureEntry mixture || routing.CanRoute(mixture))];
            (GalleryEntry, Pattern)[] patterns = [.. entries.Select(entry => (entry, Pattern.Of(entry, file.LongestSequence, [], entry is MixtureEntry ? routing : Routing.None)))];
            using AttentionEngine engine = Arguments.Engine(parsed.GetValue(target));
            (Tensor<float> Q, Tensor<float> K, Tensor<float> V) tensors = file.ReadAsFloat();
            Tensor<float> dense = CapturedMass.Dense(engine, tensors, file.Options, cancellationToken);
            return Run(terminal, new Bench(engine, tensors, dense, file, cancellationToken), patterns);
        }, CancellationToken.None));
    }

    private static int Run(Terminal terminal, Bench bench, (GalleryEntry Entry, Pattern Pattern)[] patterns)
    {
        terminal.Line($"{patterns.Length} patterns on {Path.GetFileName(bench.File.Path)}: {bench.File}, computed in float32");
        if (bench.File.Sequences > 1)
        {
            terminal.Line($"{bench.File.Sequences} packed sequences: pictures and densities are of one of {bench.Tokens} tokens, as long as the longest; times and errors are of all");
        }

        foreach (GalleryEntry left in Gallery.Entries.Except(patterns.Select(pattern => pattern.Entry)))
        {
            terminal.Line($"{left.Name} is left out, for nothing routes it: give --router FILE, which 'moba fit {left.Name}' writes");
        }

        terminal.Line($"engine: {bench.Engine.Description}");
        terminal.Out.Write(TerminalPicture.Legend(terminal.IsColoured));
        terminal.Line("");
        terminal.Out.Write(RoutePicture.Legend(terminal.IsColoured));
        terminal.Line("");
        terminal.Line("");
        List<Row> rows = terminal.Progress("Gallery", patterns.Length, step =>
        {
            List<Row> seen = [];
            foreach ((GalleryEntry entry, Pattern pattern) in patterns)
            {
                step(entry.Name);
                Row row = Visit(bench, entry, pattern);
                seen.Add(row);
                IRenderable picture = PatternPicture.Draw(pattern, row.Result, bench.File.Longest, 0, terminal.IsColoured);
                terminal.Out.Write(PatternCard.Draw(entry, pattern, picture, bench.Tokens, row.Density, Measured(row)));
                terminal.Out.Write(new Text("\n"));
            }

            return seen;
        });
        terminal.Out.Write(Summary(rows));
        terminal.Line("captured: the share of dense causal attention that lies on attended keys, mean over tokens and heads");
        int wrong = rows.Count(row => !row.Judgement.Agrees);
        string verdict = wrong == 0 ? "Every pattern agrees" : $"{wrong} of {rows.Count} patterns DIFFER";
        terminal.Line(string.Create(CultureInfo.InvariantCulture, $"{verdict} with the oracle (largest error under {Tolerances.Single.Output:0e+00})."));
        return wrong == 0 ? Moba.Ok : Moba.CheckFailed;
    }

    private static Row Visit(Bench bench, GalleryEntry entry, Pattern pattern)
    {
        AttentionOptions options = bench.File.Options with { ReturnLse = pattern.HasLse, ReturnRoutes = true };
        AttentionResult<float> actual = pattern.Attend(bench.Engine, bench.Tensors, options, bench.CancellationToken);
        Judgement judgement = pattern.Judge(actual, bench.Engine, bench.Tensors, options, bench.CancellationToken);
        Density density = pattern.Density(actual, bench.Engine, bench.Tensors, options, bench.File.Longest, bench.CancellationToken);
        double? captured = CapturedMass.Of(pattern, actual.Lse, bench.DenseLse, bench.File.Longest);
        (TimeSpan time, TimeSpan dense) = Stopwatches.Race(() => bench.Attend(pattern), () => bench.Attend(_dense), Repeats, _budget);
        return new(entry, pattern, actual, density, captured, time, dense, judgement);
    }

    private static IReadOnlyList<(string Name, string Text)> Measured(Row row)
    {
        List<(string Name, string Text)> measured = [("time", $"{Stopwatches.Text(row.Time)}; dense causal {Stopwatches.Text(row.Dense)}; {row.SpeedUp}")];
        if (row.Captured is not null)
        {
            measured.Add(("mass", $"{CapturedMass.Text(row.Captured)} of dense causal attention captured"));
        }

        if (row.Result.Loads is { } loads)
        {
            measured.Add(("loads", LoadTable.Line(loads)));
        }

        measured.AddRange(row.Judgement.Routes.Select(route => ("routes", $"{(route.Name == "routes" ? "" : $"{route.Name}: ")}{row.Judgement.Text(route.Gap)}")));
        measured.Add(("error", $"{row.Judgement.Output}{(row.Judgement.Agrees ? "" : "  TOO LARGE")}"));
        return measured;
    }

    private static Table Summary(List<Row> rows)
    {
        Table table = new Table().Border(TableBorder.Simple).AddColumn(new TableColumn("pattern").NoWrap());
        foreach (string name in (string[])["density", "captured", "time", "dense", "speed-up", "max error", "mean error", "routes off"])
        {
            table.AddColumn(new TableColumn(name).RightAligned().NoWrap().PadLeft(0));
        }

        foreach (Row row in rows)
        {
            ErrorStats error = row.Judgement.Output;
            table.AddRow(
                row.Entry.Name, row.Density.ToString(), CapturedMass.Text(row.Captured), Stopwatches.Text(row.Time), Stopwatches.Text(row.Dense), row.SpeedUp,
                error.Max.ToString("0.0e+00", CultureInfo.InvariantCulture), error.Mean.ToString("0.0e+00", CultureInfo.InvariantCulture),
                row.Judgement.Routes.Count == 0 ? "-" : row.Judgement.DifferentRoutes.ToString(CultureInfo.InvariantCulture));
        }

        return table;
    }
}
