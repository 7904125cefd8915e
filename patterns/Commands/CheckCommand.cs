using System.CommandLine;
using System.Globalization;
using System.Numerics.Tensors;
using MoBA.Patterns;
using MoBA.Runtime;

namespace MoBA.Program;

/// <summary><c>moba check</c>: a pattern's kernels against the O(N^2) oracle, on the same numbers: routes apart from the attention that
/// follows them. Numbers are float32, and on tensor cores, which take nothing else, the 16-bit ones of the file.</summary>
internal static class CheckCommand
{
    /// <summary>The command.</summary>
    public static Command Create(Terminal terminal)
    {
        Argument<GalleryEntry> pattern = Arguments.Pattern();
        Option<string> input = Arguments.Input(required: true);
        Option<string?> router = Arguments.Router("the input's logits without it");
        Option<Target?> target = Arguments.Device();
        Option<string[]> set = Arguments.Set();
        var command = new Command("check", "Check a pattern's kernel against the O(N^2) oracle.") { pattern, input, router, target, set };
        Arguments.NameShippedInput(command, input);
        command.SetAction((parsed, cancellationToken) => Task.Run(() =>
        {
            using AttentionInput file = AttentionInput.Open(parsed.GetValue(input)!);
            Pattern checkedPattern = Pattern.Of(
                parsed.GetValue(pattern)!, file.LongestSequence, parsed.GetValue(set)!, Routing.Of(parsed.GetValue(router), file));
            return Check(terminal, checkedPattern, file, () => Arguments.Engine(parsed.GetValue(target)), cancellationToken);
        }, CancellationToken.None));
        return command;
    }

    /// <summary>Checks a pattern on a file.</summary>
    /// <returns>The exit code.</returns>
    public static int Check(Terminal terminal, Pattern pattern, AttentionInput file, Func<AttentionEngine> create, CancellationToken cancellationToken)
    {
        using AttentionEngine engine = create();
        AttentionOptions options = file.Options with { ReturnLse = pattern.HasLse, ReturnRoutes = true };
        Run run = new(engine, file, options, cancellationToken);
        (AttentionResult<float> actual, Judgement judgement) = terminal.Progress("Checking", 2, step => (engine.Target, file.Dtype) switch
        {
            (Target.Cuda, SafetensorsDtype.BF16) => run.Short(pattern, DeviceElement.BFloat16, step),
            (Target.Cuda, SafetensorsDtype.F16) => run.Short(pattern, DeviceElement.Half, step),
            _ => run.Single(pattern, step),
        });
        terminal.Line(pattern.Title);
        terminal.Line($"  read    {file}");
        if (DeviceNote.Of(engine, actual.Timings) is { } note)
        {
            terminal.Line($"  ran     {note}");
        }

        foreach ((string name, RouteGap gap) in judgement.Routes)
        {
            terminal.Line($"  {name,-7} {judgement.Text(gap)}");
        }

        terminal.Line($"  output  {judgement.Output}");
        if (judgement.Lse is { } lse)
        {
            terminal.Line($"  lse     {lse}");
        }

        if (judgement.NearTies > 0)
        {
            terminal.Line($"  left out of output and lse: {judgement.NearTies} rows whose blocks are near ties");
        }

        LoadTable.Write(terminal, actual.Loads);
        terminal.Line(string.Create(
            CultureInfo.InvariantCulture, $"  {(judgement.Agrees ? "agrees with" : "DIFFERS from")} the oracle at a tolerance of {judgement.Within.Output:0.#e+00}"));
        return judgement.Agrees ? Moba.Ok : Moba.CheckFailed;
    }

    /// <summary>A kernel, and then the oracle.</summary>
    private sealed record Run(AttentionEngine Engine, AttentionInput File, AttentionOptions Options, CancellationToken CancellationToken)
    {
        /// <summary>On the file's numbers as float32.</summary>
        public (AttentionResult<float> Actual, Judgement Judgement) Single(Pattern pattern, Action<string> step)
        {
            (Tensor<float> Q, Tensor<float> K, Tensor<float> V) tensors = File.ReadAsFloat();
            step("kernel");
            AttentionResult<float> result = pattern.Attend(Engine, tensors, Options, CancellationToken);
            step("oracle");
            return (result, pattern.Judge(result, Engine, tensors, Options, CancellationToken));
        }

        /// <summary>On the file's own 16-bit numbers.</summary>
        public (AttentionResult<float> Actual, Judgement Judgement) Short<T>(Pattern pattern, DeviceElement<T> element, Action<string> step)
            where T : unmanaged
        {
            (Tensor<T> Q, Tensor<T> K, Tensor<T> V) tensors = File.Read<T>();
            step("kernel");
            AttentionResult<T> made = pattern.Attend(Engine, tensors, Options, CancellationToken);
            AttentionResult<float> result = new()
            {
                Output = element.Values(made.Output),
                Lse = made.Lse,
                Routes = made.Routes,
                RouteWeights = made.RouteWeights,
                Loads = made.Loads,
                Timings = made.Timings,
            };
            step("oracle");
            float largest = element.Values(tensors.V).ToFlat().Where(float.IsFinite).Select(Math.Abs).DefaultIfEmpty().Max();
            Judgement judgement = pattern.Judge(result, Engine, tensors, Options, CancellationToken);
            return (result, judgement with { Within = Tolerances.Short(element.Rounding, largest) });
        }
    }
}
