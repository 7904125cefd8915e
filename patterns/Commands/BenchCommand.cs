using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Numerics.Tensors;
using MoBA.Patterns;
using MoBA.Runtime;
using Spectre.Console;

namespace MoBA.Program;

/// <summary><c>moba bench</c>: time, useful arithmetic and memory of a pattern on random numbers, beside dense causal attention.</summary>
internal static class BenchCommand
{
    /// <summary>What is measured.</summary>
    private sealed record Problem(int Tokens, int Heads, int KeyHeads, int Dim, int Repeats)
    {
        /// <summary>Bytes of q, k, v and o.</summary>
        public double TensorBytes => 2.0 * sizeof(float) * Tokens * Dim * (Heads + KeyHeads);

        /// <summary>Bytes of the keys and values that an engine keeps in the order in which it reads them; the rest of its memory is small.</summary>
        public double WorkspaceBytes => 2.0 * sizeof(float) * Tokens * Dim * KeyHeads;

        /// <summary>Numbers in the larger tensors.</summary>
        public long LargestTensor => (long)Tokens * Dim * Math.Max(Heads, KeyHeads);

        /// <summary>Multiplications and additions that the attended pairs call for: two products of dim each.</summary>
        public double Flops(Density density) => 4.0 * Dim * Heads * density.Pairs;
    }

    /// <summary>What was measured of one pattern.</summary>
    private readonly record struct Measurement(
        string Name, Density Density, TimeSpan Best, TimeSpan Median, double Flops, long Memory, IReadOnlyList<PassTiming> Passes, IReadOnlyList<ExpertLoad>? Loads);

    /// <summary>The command.</summary>
    public static Command Create(Terminal terminal)
    {
        Argument<GalleryEntry?> pattern = Arguments.OptionalPattern();
        Option<int> tokens = Arguments.Number("--tokens", "Length of the sequence", 8192, Arguments.MaxTokens);
        Option<int> heads = Arguments.Number("--heads", "Query heads", 8, 4096);
        Option<int?> keyHeads = Arguments.OptionalNumber("--key-heads", "Key heads, a divisor of the query heads; as many by default", 2, 4096);
        Option<int> dim = Arguments.Number("--dim", "Numbers in a head", 64, 256);
        Option<int> repeat = Arguments.Number("--repeat", "Runs to time", 5, 10_000);
        Option<bool> noDense = new("--no-dense") { Description = "Leave dense causal attention out" };
        Option<string?> router = Arguments.Router("a random one without it");
        Option<Target?> target = Arguments.Device();
        Option<string[]> set = Arguments.Set();
        var command = new Command("bench", "Time a pattern on random numbers, beside dense causal attention.")
        {
            pattern, tokens, heads, keyHeads, dim, repeat, noDense, router, target, set,
        };
        var device = new DeviceOptions();
        device.AddTo(command, pattern, target, [set, router], [tokens, heads, keyHeads, dim]);
        command.SetAction((parsed, cancellationToken) => Task.Run(() =>
        {
            if (parsed.GetValue(target) == Target.Cuda)
            {
                return OnDevice(parsed, cancellationToken);
            }

            var problem = new Problem(
                parsed.GetValue(tokens), parsed.GetValue(heads), parsed.GetValue(keyHeads) ?? parsed.GetValue(heads), parsed.GetValue(dim),
                parsed.GetValue(repeat));
            var routing = new Routing(parsed.GetValue(router), null, null, mixture => RouterSource.Random(mixture.Info, problem.Heads, problem.Dim));
            Pattern timed = Pattern.Of(parsed.GetValue(pattern)!, problem.Tokens, parsed.GetValue(set)!, routing);
            Pattern[] patterns = parsed.GetValue(noDense) || IsDense(timed) ? [timed] : [timed, new ExpertPattern(new Causal())];
            return Run(terminal, () => Arguments.Engine(parsed.GetValue(target)), patterns, problem, cancellationToken);
        }, CancellationToken.None));
        return command;

        int OnDevice(ParseResult parsed, CancellationToken cancellationToken)
        {
            DeviceRequest request = device.Of(parsed);
            int? repeats = parsed.GetResult(repeat) is { Implicit: false } ? parsed.GetValue(repeat) : null;
            return new DeviceBench(terminal, () => Arguments.Engine(Target.Cuda, request.WorkspaceBytes), request, repeats, parsed.GetValue(router), !parsed.GetValue(noDense), cancellationToken).Run(
                parsed.GetValue(pattern), parsed.GetValue(set)!, () => DeviceProblem.Of(
                    parsed.GetValue(tokens), request.Batch, parsed.GetValue(heads), parsed.GetValue(keyHeads) ?? parsed.GetValue(heads),
                    parsed.GetValue(dim), request.Dtype));
        }
    }

    private static int Run(
        Terminal terminal, Func<AttentionEngine> create, Pattern[] patterns, Problem problem, CancellationToken cancellationToken)
    {
        CheckMemory(problem);
        Tensor<float> q = RandomTensor(problem, problem.Heads, 1), o = RandomTensor(problem, problem.Heads, 2);
        Tensor<float> k = RandomTensor(problem, problem.KeyHeads, 3), v = RandomTensor(problem, problem.KeyHeads, 4);
        string description = WarmUp(create, problem);
        Measurement[] measured = terminal.Progress("Timing", patterns.Length * (problem.Repeats + 1), step =>
        {
            return Array.ConvertAll(patterns, pattern =>
            {
                // An engine of its own for each row, because an engine keeps its memory.
                var watch = new MemoryWatch();
                using AttentionEngine engine = create();
                Measurement row = Measure(pattern, problem, () => pattern.Attend(engine, (q, k, v), new(), cancellationToken, o), step);
                row = row with { Memory = watch.Added };
                AttentionOptions routed = new() { ReturnRoutes = true };
                Density density = pattern.Density(
                    pattern.Attend(engine, (q, k, v), routed, cancellationToken, o), engine, (q, k, v), routed, new(0, problem.Tokens, problem.Tokens), cancellationToken);
                return row with { Density = density, Flops = problem.Flops(density) };
            });
        });

        terminal.Line($"{problem.Tokens} tokens, {problem.Heads} query heads, {problem.KeyHeads} key heads, dim {problem.Dim}, float32, {problem.Repeats} runs");
        terminal.Line($"engine: {description}");
        terminal.Line($"pattern: {patterns[0].Title}");
        if (patterns[0] is MixturePattern mixture)
        {
            terminal.Line($"routed by {mixture.RoutedBy}");
        }

        terminal.Out.Write(Report(measured));
        terminal.Line($"passes of {patterns[0].Name}, last run: {string.Join(", ", measured[0].Passes.Select(pass => $"{pass.Pass} {Stopwatches.Text(pass.Elapsed)}"))}");
        LoadTable.Write(terminal, measured[0].Loads);
        terminal.Line(string.Create(
            CultureInfo.InvariantCulture,
            $"memory: what an engine of its own adds to the peak of the process while it runs, beside q, k, v and o, which are {problem.TensorBytes / 1e6:0.0} MB"));
        return Moba.Ok;
    }

    private static bool IsDense(Pattern pattern) => pattern is ExpertPattern { Expert: Causal };

    private static Measurement Measure(Pattern pattern, Problem problem, Func<AttentionResult<float>> attend, Action<string> step)
    {
        step($"{pattern.Name}, first run");
        AttentionResult<float> result = attend();
        TimeSpan[] times = new TimeSpan[problem.Repeats];
        for (int run = 0; run < times.Length; run++)
        {
            step($"{pattern.Name}, run {run + 1}");
            long start = Stopwatch.GetTimestamp();
            result = attend();
            times[run] = Stopwatch.GetElapsedTime(start);
        }

        Array.Sort(times);
        return new()
        {
            Name = IsDense(pattern) ? "dense causal" : pattern.Name,
            Best = times[0],
            Median = times[times.Length / 2],
            Passes = result.Timings,
            Loads = result.Loads,
        };
    }

    private static Table Report(Measurement[] measured)
    {
        Table table = new Table().Border(TableBorder.Simple).AddColumn(new TableColumn("pattern").NoWrap());
        foreach (string name in (string[])["density", "best", "median", "useful TFLOP/s", "speed-up", "memory"])
        {
            table.AddColumn(new TableColumn(name).RightAligned().NoWrap().PadLeft(0));
        }

        foreach (Measurement row in measured)
        {
            table.AddRow(
                row.Name, row.Density.ToString(), Stopwatches.Text(row.Best), Stopwatches.Text(row.Median),
                (row.Flops / row.Best.TotalSeconds / 1e12).ToString("0.000", CultureInfo.InvariantCulture),
                (measured[^1].Best / row.Best).ToString("0.0'x'", CultureInfo.InvariantCulture),
                string.Create(CultureInfo.InvariantCulture, $"{row.Memory / 1e6:0.0} MB"));
        }

        return table;
    }

    /// <summary>Asks once for all that will be taken, before any of it is.</summary>
    private static void CheckMemory(Problem problem)
    {
        double bytes = problem.TensorBytes + problem.WorkspaceBytes;
        double memory = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
        if (problem.LargestTensor > Array.MaxLength || bytes > memory)
        {
            throw new UserErrorException(string.Create(
                CultureInfo.InvariantCulture,
                $"--tokens {problem.Tokens} x {problem.Heads} heads x --dim {problem.Dim} is {problem.LargestTensor} numbers a tensor, and {bytes / 1e6:0} MB for q, k, v, o "
                + $"and the engine's workspace: at most {Array.MaxLength} numbers and {memory / 1e6:0} MB can be had; make one smaller."));
        }
    }

    /// <summary>Runs a few tokens, so that loading code counts for no row.</summary>
    /// <returns>The engine's description.</returns>
    private static string WarmUp(Func<AttentionEngine> create, Problem problem)
    {
        Problem few = problem with { Tokens = Math.Min(problem.Tokens, 64) };
        Tensor<float> q = RandomTensor(few, few.Heads, 1), kv = RandomTensor(few, few.KeyHeads, 2);
        using AttentionEngine engine = create();
        _ = UserErrorException.Around(() => engine.Attend(new Causal(), q, kv, kv));
        return engine.Description;
    }

    private static Tensor<float> RandomTensor(Problem problem, int heads, int seed)
    {
        float[] values = new float[(long)problem.Tokens * heads * problem.Dim];
        var random = new Random(seed);
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = (random.NextSingle() * 2) - 1;
        }

        return Tensor.Create(values, [problem.Tokens, heads, problem.Dim]);
    }
}
