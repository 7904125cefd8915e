using System.CommandLine;
using System.Globalization;
using System.Numerics.Tensors;
using MoBA.Patterns;
using MoBA.Runtime;

namespace MoBA.Program;

/// <summary><c>moba check</c>: a pattern's kernel against the O(N^2) oracle, on the same float32 numbers.</summary>
internal static class CheckCommand
{
    /// <summary>Largest error of a healthy float32 kernel.</summary>
    public const double Tolerance = 1e-4;

    /// <summary>The command.</summary>
    public static Command Create(Terminal terminal)
    {
        Argument<GalleryEntry> pattern = Arguments.Pattern();
        Option<string> input = Arguments.Input(required: true);
        Option<Target?> target = Arguments.Device();
        Option<string[]> set = Arguments.Set();
        var command = new Command("check", "Check a pattern's kernel against the O(N^2) oracle.") { pattern, input, target, set };
        command.SetAction((parsed, cancellationToken) => Task.Run(() =>
        {
            using AttentionInput file = AttentionInput.Open(parsed.GetValue(input)!);
            GalleryEntry entry = parsed.GetValue(pattern)!;
            ISparseExpert expert = ExpertSettings.Apply(entry.Create(file.LongestSequence), parsed.GetValue(set)!);
            return Check(terminal, expert, file, parsed.GetValue(target), cancellationToken);
        }, CancellationToken.None));
        return command;
    }

    private static int Check(Terminal terminal, ISparseExpert expert, AttentionInput file, Target? target, CancellationToken cancellationToken)
    {
        (Tensor<float> q, Tensor<float> k, Tensor<float> v) = file.ReadAsFloat();
        using AttentionEngine engine = Arguments.Engine(target);
        AttentionOptions options = file.Options with { ReturnLse = true };
        (AttentionResult<float> actual, AttentionResult<float> expected) = terminal.Progress("Checking", 2, step =>
        {
            step("kernel");
            AttentionResult<float> result = UserErrorException.Around(() => engine.Attend(expert, q, k, v, options, cancellationToken));
            step("oracle");
            return (result, ReferenceAttention.Attend(expert, q, k, v, options, cancellationToken));
        });
        ErrorStats output = ErrorStats.Of(actual.Output, expected.Output), lse = ErrorStats.Of(actual.Lse!, expected.Lse!);
        bool agrees = output.Max < Tolerance && lse.Max < Tolerance;
        terminal.Line($"{expert.Info.Name} {ExpertSettings.Describe(expert)}".TrimEnd());
        terminal.Line($"  read    {file}");
        terminal.Line($"  output  {output}");
        terminal.Line($"  lse     {lse}");
        terminal.Line(string.Create(CultureInfo.InvariantCulture, $"  {(agrees ? "agrees with" : "DIFFERS from")} the oracle at a tolerance of {Tolerance:0e+00}"));
        return agrees ? Moba.Ok : Moba.CheckFailed;
    }
}
