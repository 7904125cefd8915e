using System.CommandLine;
using System.Numerics.Tensors;
using MoBA.Patterns;
using MoBA.Runtime;

namespace MoBA.Program;

/// <summary><c>moba run</c>: a pattern on a file of q, k and v, into a file of o.</summary>
internal static class RunCommand
{
    private const int LabelWidth = 9;

    private sealed record Request(GalleryEntry Entry, string[] Settings, string? Router, Target? Target, string Output, bool Lse, bool Routes);

    /// <summary>The command.</summary>
    public static Command Create(Terminal terminal)
    {
        Argument<GalleryEntry> pattern = Arguments.Pattern();
        Option<string> input = Arguments.Input(required: true);
        Option<string> output = new("--output", "-o") { Description = "Safetensors file to write, replaced if it is there: o, of q's shape and type", HelpName = "FILE", Required = true };
        Option<string?> router = Arguments.Router("the input's logits without it");
        Option<Target?> target = Arguments.Device();
        Option<string[]> set = Arguments.Set();
        Option<bool> lse = new("--lse") { Description = "Write the log-sum-exp of every row too: lse [tokens, heads], F32" };
        Option<bool> routes = new("--routes")
        {
            Description = "Write what was routed too: routes (I32), of a block gate [tokens, route heads, TopK] block numbers, of a mixture [tokens, heads, TopK] expert ids and route_weights (F32)",
        };
        var command = new Command("run", "Run a pattern on a file of q, k and v.") { pattern, input, output, router, routes, lse, target, set };
        Arguments.NameShippedInput(command, input);
        command.SetAction((parsed, cancellationToken) => Task.Run(() =>
        {
            Arguments.CheckPlace(parsed.GetValue(output)!);
            using AttentionInput file = AttentionInput.Open(parsed.GetValue(input)!);
            Arguments.CheckOutputIsNot(parsed.GetValue(input)!, parsed.GetValue(output)!);
            var request = new Request(
                parsed.GetValue(pattern)!, parsed.GetValue(set)!, parsed.GetValue(router), parsed.GetValue(target), parsed.GetValue(output)!,
                parsed.GetValue(lse), parsed.GetValue(routes));
            return file.Dtype switch
            {
                SafetensorsDtype.F32 => Run<float>(terminal, file, request, (writer, o) => writer.Add("o", o), cancellationToken),
                SafetensorsDtype.F16 => Run<Half>(terminal, file, request, (writer, o) => writer.Add("o", o), cancellationToken),
                SafetensorsDtype.BF16 => Run<BFloat16>(terminal, file, request, (writer, o) => writer.Add("o", o), cancellationToken),
                _ => throw new UserErrorException($"{file.Path}: tensor 'q' is {file.Dtype}; F32, F16 or BF16 is wanted: convert it."),
            };
        }, CancellationToken.None));
        return command;
    }

    private static int Run<T>(
        Terminal terminal, AttentionInput file, Request request, Action<SafetensorsWriter, Tensor<T>> add, CancellationToken cancellationToken)
        where T : unmanaged
    {
        Pattern pattern = Pattern.Of(request.Entry, file.LongestSequence, request.Settings, Routing.Of(request.Router, file));
        (Tensor<T> Q, Tensor<T> K, Tensor<T> V) tensors = file.Read<T>();
        AttentionOptions options = file.Options with { ReturnLse = request.Lse, ReturnRoutes = request.Routes };
        CheckRoutes(request, pattern);
        using AttentionEngine engine = Arguments.Engine(request.Target);
        AttentionResult<T> result = terminal.Progress(pattern.Name, 0, _ => pattern.Attend(engine, tensors, options, cancellationToken));

        var writer = new SafetensorsWriter { Metadata = { ["pattern"] = pattern.Name, ["predicate"] = pattern.Predicate } };
        List<string> written = [Named("o", result.Output)];
        add(writer, result.Output);
        if (result.Lse is not null)
        {
            writer.Add("lse", result.Lse);
            written.Add(Named("lse", result.Lse));
        }

        if (result.Routes is not null)
        {
            writer.Add("routes", result.Routes);
            written.Add(Named("routes", result.Routes));
        }

        if (result.RouteWeights is not null)
        {
            writer.Add("route_weights", result.RouteWeights);
            written.Add(Named("route_weights", result.RouteWeights));
        }

        writer.Save(request.Output, cancellationToken);
        terminal.Line(pattern.Title);
        terminal.Line($"  {"read".PadRight(LabelWidth)} {file}");
        if (DeviceNote.Of(engine, result.Timings) is { } note)
        {
            terminal.Line($"  {"ran".PadRight(LabelWidth)} {note}");
        }

        foreach (PassTiming pass in result.Timings)
        {
            terminal.Line($"  {pass.Pass.PadRight(LabelWidth)} {Stopwatches.Text(pass.Elapsed)}");
        }

        terminal.Line($"  {"wrote".PadRight(LabelWidth)} {request.Output}: {string.Join(", ", written)}");
        LoadTable.Write(terminal, result.Loads);
        return Moba.Ok;
    }

    /// <summary>A tensor for people.</summary>
    private static string Named<T>(string name, Tensor<T> tensor) => $"{name} [{string.Join(", ", tensor.Lengths.ToArray())}]";

    private static void CheckRoutes(Request request, Pattern pattern)
    {
        if (request.Routes && pattern is ExpertPattern { Expert.Gate: null })
        {
            string[] routed = [.. Gallery.Experts.Where(entry => entry.Info.Gate is not null).Select(entry => entry.Name), .. Gallery.Mixtures.Select(entry => entry.Name)];
            throw new UserErrorException($"--routes: {pattern.Name} routes nothing; leave it out, or name a pattern that does: {string.Join(", ", routed)}.");
        }
    }
}
