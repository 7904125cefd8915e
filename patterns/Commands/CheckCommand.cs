using System.CommandLine;
using System.Globalization;
using System.Numerics.Tensors;
using MoBA.Patterns;
using MoBA.Runtime;

namespace MoBA.Program;

/// <summary><c>moba check</c>: a pattern's kernels against the O(N^2) oracle, on the same float32 numbers: routes apart from the attention
/// that follows them.</summary>
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
            return Check(terminal, checkedPattern, file, parsed.GetValue(target), cancellationToken);
        }, CancellationToken.None));
        return command;
    }

    private static int Check(Terminal terminal, Pattern pattern, AttentionInput file, Target? target, CancellationToken cancellationToken)
    {
        (Tensor<float> Q, Tensor<float> K, Tensor<float> V) tensors = file.ReadAsFloat();
        using AttentionEngine engine = Arguments.Engine(target);
        AttentionOptions options = file.Options with { ReturnLse = pattern.HasLse, ReturnRoutes = true };
        (AttentionResult<float> actual, Judgement judgement) = terminal.Progress("Checking", 2, step =>
        {
            step("kernel");
            AttentionResult<float> result = pattern.Attend(engine, tensors, options, cancellationToken);
            step("oracle");
            return (result, pattern.Judge(result, engine, tensors, options, cancellationToken));
        });
        terminal.Line(pattern.Title);
        terminal.Line($"  read    {file}");
        foreach ((string name, RouteGap gap) in judgement.Routes)
        {
            terminal.Line($"  {name,-7} {Judgement.Text(gap)}");
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
            CultureInfo.InvariantCulture, $"  {(judgement.Agrees ? "agrees with" : "DIFFERS from")} the oracle at a tolerance of {Judgement.Tolerance:0e+00}"));
        return judgement.Agrees ? Moba.Ok : Moba.CheckFailed;
    }
}
