using System.CommandLine;
using System.Globalization;
using System.Numerics.Tensors;
using MoBA.Patterns;
using MoBA.Runtime;
using Spectre.Console;

namespace MoBA.Program;

/// <summary><c>moba fit</c>: learns a mixture's router from q, k and v of a model, and says what it is worth on tokens held out.</summary>
internal static class FitCommand
{
    private static readonly (string Library, string Typed)[] _typed =
    [
        ("Target is CapturedMass", "--objective is mass"), ("use RouterTarget.OutputError", "give --objective error"),
        (nameof(RouterFitOptions.KeysPerToken), "--keys-per-token"), (nameof(RouterFitOptions.SpanTokens), "--span"),
    ];

    private sealed record Request(IExpertMixture Mixture, RouterFitOptions Options, Target? Target, string Output);

    /// <summary>The command.</summary>
    public static Command Create(Terminal terminal)
    {
        var standard = new RouterFitOptions();
        Argument<GalleryEntry> pattern = Arguments.Pattern();
        Option<string> input = Arguments.Input(required: true);
        Option<string> output = new("--output", "-o") { Description = "Safetensors file to write, replaced if it is there: the router", HelpName = "FILE", Required = true };
        Option<int?> keys = Arguments.OptionalNumber("--keys-per-token", "Keys that a token may attend on average; no limit by default", 128, Arguments.MaxTokens);
        Option<RouterTarget?> objective = Objective();
        Option<int> epochs = Arguments.Number("--epochs", "Passes over the training tokens", standard.Epochs, 100_000);
        Option<int?> seed = Arguments.OptionalIndex("--seed", "Seed of the order in which tokens are seen, 0 by default", 1, int.MaxValue);
        Option<int> span = Arguments.Number("--span", $"Tokens that are trained on or held out together; one of every {standard.HoldOutEvery} spans is held out", standard.SpanTokens, Arguments.MaxTokens);
        Option<Target?> target = Arguments.Device();
        Option<string[]> set = Arguments.Set();
        var command = new Command("fit", "Learn a mixture's router from q, k and v of a model.") { pattern, input, output, keys, objective, epochs, seed, span, target, set };
        Arguments.NameShippedInput(command, input);
        command.SetAction((parsed, cancellationToken) => Task.Run(() =>
        {
            MixtureEntry entry = Mixture(parsed.GetValue(pattern)!);
            Arguments.CheckPlace(parsed.GetValue(output)!);
            using AttentionInput file = AttentionInput.Open(parsed.GetValue(input)!);
            Arguments.CheckOutputIsNot(parsed.GetValue(input)!, parsed.GetValue(output)!);
            RouterFitOptions options = standard with
            {
                Target = parsed.GetValue(objective) ?? standard.Target,
                KeysPerToken = parsed.GetValue(keys),
                Epochs = parsed.GetValue(epochs),
                Seed = parsed.GetValue(seed) ?? 0,
                SpanTokens = parsed.GetValue(span),
                Attention = file.Options,
            };
            IExpertMixture mixture = ExpertSettings.Apply(entry.Create(file.LongestSequence), parsed.GetValue(set)!);
            return Run(terminal, file, new(mixture, options, parsed.GetValue(target), parsed.GetValue(output)!), cancellationToken);
        }, CancellationToken.None));
        return command;
    }

    private static MixtureEntry Mixture(GalleryEntry entry) => entry as MixtureEntry ?? throw new UserErrorException(
        $"{entry.Name} is no mixture, and only mixtures have a router; name one: {string.Join(", ", Gallery.Mixtures.Select(mixture => mixture.Name))}.");

    private static Option<RouterTarget?> Objective() => new("--objective")
    {
        Description = "What the router is to come close to: error, dense attention's output (the default), or mass, as much of its weight as can be",
        HelpName = "mass|error",
        CustomParser = result =>
        {
            string given = result.Tokens[0].Value;
            switch (given.ToUpperInvariant())
            {
                case "MASS": return RouterTarget.CapturedMass;
                case "ERROR": return RouterTarget.OutputError;
                default:
                    result.AddError($"--objective is {Arguments.Quoted(given)}: mass or error is wanted.");
                    return null;
            }
        },
    };

    private static int Run(Terminal terminal, AttentionInput file, Request request, CancellationToken cancellationToken)
    {
        (Tensor<float> q, Tensor<float> k, Tensor<float> v) = file.ReadAsFloat();
        using AttentionEngine engine = Arguments.Engine(request.Target);
        MixtureInfo info = request.Mixture.Info;
        RouterFit fit = terminal.Progress($"Fitting {info.Name}", info.Experts.Count + 1 + request.Options.Epochs, step =>
        {
            step("attending");
            return AsTyped(() => Router.Fit(
                engine, request.Mixture, new Causal(), q, k, v, request.Options, new StepProgress(step), cancellationToken));
        });
        fit.Router.Save(request.Output, cancellationToken);
        terminal.Line($"{info.Name} {ExpertSettings.Describe(request.Mixture.ParameterValues)}".TrimEnd());
        terminal.Line($"  read   {file}");
        terminal.Line(string.Create(CultureInfo.InvariantCulture, $"  trained on {fit.Tokens.Training} rows (tokens x heads) in {fit.TrainingLoss.Count} epochs, loss {fit.TrainingLoss[0]:0.000} to {fit.TrainingLoss[^1]:0.000}"));
        string goal = request.Options.Target == RouterTarget.CapturedMass ? "mass" : "error", budget = request.Options.KeysPerToken is { } most ? $"{most}" : "no limit";
        terminal.Line(string.Create(CultureInfo.InvariantCulture, $"  objective {goal}, keys/token: budget {budget}; the learned router's {fit.TrainingKeysPerToken:0.0} on trained rows, {fit.Learned.KeysPerToken:0.0} on held-out rows"));
        terminal.Line($"  held out {fit.Tokens.HeldOut} rows, of which the table speaks, beside dense causal attention");
        terminal.Out.Write(Report(fit, info));
        terminal.Line(string.Create(CultureInfo.InvariantCulture, $"the learned router sends {100 * fit.Accuracy:0.0} % of the rows where the oracle does, which sees dense attention's output; random has the learned router's shares"));
        terminal.Line($"wrote {request.Output}");
        return Moba.Ok;
    }

    /// <summary>Calls the library, whose errors name its options: here they have the names that were typed.</summary>
    private static RouterFit AsTyped(Func<RouterFit> fit)
    {
        try
        {
            return UserErrorException.Around(fit);
        }
        catch (UserErrorException error)
        {
            string message = _typed.Aggregate(error.Message, (text, name) => text.Replace(name.Library, name.Typed, StringComparison.Ordinal));
            throw new UserErrorException(message, error);
        }
    }

    private static Table Report(RouterFit fit, MixtureInfo info)
    {
        Table table = new Table().Border(TableBorder.Simple).AddColumn(new TableColumn("all tokens to").NoWrap());
        foreach (string name in (string[])["captured mass", "output error", "keys/token", $"shares: {string.Join(", ", info.Experts.Select(expert => expert.Name))}"])
        {
            table.AddColumn(new TableColumn(name).RightAligned().PadLeft(0));
        }

        foreach (RoutingQuality row in (RoutingQuality[])[.. fit.Experts, fit.Oracle, fit.Learned, fit.Random])
        {
            table.AddRow(
                row.Name, CapturedMass.Text(row.CapturedMass), row.OutputError.ToString("0.000", CultureInfo.InvariantCulture),
                row.KeysPerToken.ToString("0.0", CultureInfo.InvariantCulture), string.Join(" ", row.Shares.Select(LoadTable.Percent)));
        }

        return table;
    }

    /// <summary>Steps of the work, told at once and in order.</summary>
    private sealed class StepProgress(Action<string> step) : IProgress<RouterFitProgress>
    {
        public void Report(RouterFitProgress value) => step(value.Stage);
    }
}
