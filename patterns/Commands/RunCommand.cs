using System.CommandLine;
using System.Numerics.Tensors;
using MoBA.Patterns;
using MoBA.Runtime;

namespace MoBA.Program;

/// <summary><c>moba run</c>: a pattern on a file of q, k and v, into a file of o.</summary>
internal static class RunCommand
{
    private sealed record Request(GalleryEntry Entry, string[] Settings, Target? Target, string Output, bool Lse);

    /// <summary>The command.</summary>
    public static Command Create(Terminal terminal)
    {
        Argument<GalleryEntry> pattern = Arguments.Pattern();
        Option<string> input = Arguments.Input(required: true);
        Option<string> output = new("--output", "-o") { Description = "Safetensors file to write, replaced if it is there: o, of q's shape and type", HelpName = "FILE", Required = true };
        Option<Target?> target = Arguments.Device();
        Option<string[]> set = Arguments.Set();
        Option<bool> lse = new("--lse") { Description = "Write the log-sum-exp of every row too: lse [tokens, heads], F32" };
        var command = new Command("run", "Run a pattern on a file of q, k and v.") { pattern, input, output, target, set, lse };
        command.SetAction((parsed, cancellationToken) => Task.Run(() =>
        {
            Arguments.CheckPlace(parsed.GetValue(output)!);
            using AttentionInput file = AttentionInput.Open(parsed.GetValue(input)!);
            CheckOutputIsNot(parsed.GetValue(input)!, parsed.GetValue(output)!);
            var request = new Request(
                parsed.GetValue(pattern)!, parsed.GetValue(set)!, parsed.GetValue(target), parsed.GetValue(output)!, parsed.GetValue(lse));
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

    /// <summary>The output would take the place of q, k and v.</summary>
    private static void CheckOutputIsNot(string input, string output)
    {
        if (RealPath(input) == RealPath(output))
        {
            throw new UserErrorException($"--output is the input file {Arguments.Quoted(output)}, whose q, k and v would be lost; name another file.");
        }

        static string RealPath(string path) => File.Exists(path)
            ? File.ResolveLinkTarget(path, returnFinalTarget: true)?.FullName ?? Path.GetFullPath(path)
            : Path.GetFullPath(path);
    }

    private static int Run<T>(
        Terminal terminal, AttentionInput file, Request request, Action<SafetensorsWriter, Tensor<T>> add, CancellationToken cancellationToken)
        where T : unmanaged
    {
        ISparseExpert expert = ExpertSettings.Apply(request.Entry.Create(file.LongestSequence), request.Settings);
        (Tensor<T> q, Tensor<T> k, Tensor<T> v) = file.Read<T>();
        using AttentionEngine engine = Arguments.Engine(request.Target);
        AttentionResult<T> result = terminal.Progress(request.Entry.Name, 0, _ =>
            UserErrorException.Around(() => engine.Attend(expert, q, k, v, file.Options with { ReturnLse = request.Lse }, cancellationToken)));

        var writer = new SafetensorsWriter { Metadata = { ["pattern"] = request.Entry.Name, ["predicate"] = expert.Info.Predicate } };
        add(writer, result.Output);
        if (result.Lse is not null)
        {
            writer.Add("lse", result.Lse);
        }

        writer.Save(request.Output, cancellationToken);
        terminal.Line($"{request.Entry.Name} {ExpertSettings.Describe(expert)}".TrimEnd());
        terminal.Line($"  read   {file}");
        foreach (PassTiming pass in result.Timings)
        {
            terminal.Line($"  {pass.Pass,-6} {Stopwatches.Text(pass.Elapsed)}");
        }

        terminal.Line($"  wrote  {request.Output}");
        return Moba.Ok;
    }
}
