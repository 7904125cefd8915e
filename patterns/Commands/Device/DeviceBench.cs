using System.Globalization;
using System.Numerics.Tensors;
using System.Text;
using MoBA.Patterns;
using MoBA.Runtime;
using MoBA.Runtime.Cuda;

namespace MoBA.Program;

/// <summary><c>moba bench --target cuda</c>: experts and mixtures on device tensors.</summary>
/// <param name="terminal">Where the report goes.</param>
/// <param name="create">Makes the engine.</param>
/// <param name="request">What is asked for.</param>
/// <param name="repeats">Calls to time, or null for as many as suit.</param>
/// <param name="router">The file that routes a mixture; null is a random one.</param>
/// <param name="withDense">Whether dense causal attention is timed beside a pattern.</param>
/// <param name="cancellationToken">Looked at between measurements.</param>
internal sealed class DeviceBench(
    Terminal terminal, Func<AttentionEngine> create, DeviceRequest request, int? repeats, string? router, bool withDense, CancellationToken cancellationToken)
{
    private const int FewTokens = 64, ManyCalls = 1000;

    /// <summary>Times a pattern, or all of them.</summary>
    /// <param name="entry">The pattern; null is every static one.</param>
    /// <param name="settings">What <c>--set</c> gave.</param>
    /// <param name="problem">The shapes where there is no input file.</param>
    /// <returns>The exit code.</returns>
    public int Run(GalleryEntry? entry, string[] settings, Func<DeviceProblem> problem)
    {
        foreach (string path in ((string?[])[request.Output, request.Json]).OfType<string>())
        {
            Arguments.CheckPlace(path);
        }

        if (request.Input is null)
        {
            return Run(entry, settings, problem(), null);
        }

        using AttentionInput file = AttentionInput.Open(request.Input);
        if (request.Output is not null)
        {
            Arguments.CheckOutputIsNot(request.Input, request.Output);
        }

        return Run(entry, settings, DeviceProblem.Of(file), file);
    }

    private int Run(GalleryEntry? entry, string[] settings, DeviceProblem problem, AttentionInput? file)
    {
        if (entry is MixtureEntry mixture)
        {
            return problem.Dtype == SafetensorsDtype.BF16
                ? RunMixture(mixture, settings, problem, file, DeviceElement.BFloat16)
                : RunMixture(mixture, settings, problem, file, DeviceElement.Half);
        }

        if (entry is not null)
        {
            new Routing(router, null, null, _ => null).CheckUnused(entry.Name);
        }

        List<ISparseExpert> experts = entry is null
            ? [.. Gallery.Experts.Where(static e => e.Info.Gate is null).Select(e => e.Create(problem.LongestSequence))]
            : [ExpertSettings.Apply(((ExpertEntry)entry).Create(problem.LongestSequence), settings)];
        if (entry is not null && withDense && experts[0] is not Causal)
        {
            experts.Add(new Causal());
        }

        return problem.Dtype == SafetensorsDtype.BF16
            ? Run(experts, settings, problem, file, DeviceElement.BFloat16)
            : Run(experts, settings, problem, file, DeviceElement.Half);
    }

    private int RunMixture<T>(MixtureEntry entry, string[] settings, DeviceProblem problem, AttentionInput? file, DeviceElement<T> element)
        where T : unmanaged
    {
        if (request.MoreThanTimes is { } option)
        {
            throw new UserErrorException($"{option} is for experts, and {entry.Name} is a mixture: leave it out, or name an expert.");
        }

        IExpertMixture mixture = ExpertSettings.Apply(entry.Create(problem.LongestSequence), settings);
        RouterSource source = new Routing(router, null, null, other => RouterSource.Random(other.Info, problem.Heads, problem.Dim)).For(entry);
        using AttentionEngine engine = create();
        using DeviceInputs<T> inputs = UserErrorException.Around(() => DeviceInputs<T>.Of(engine, problem, file, request.Correlated, element));
        return new MixtureBench(terminal, engine, mixture, source, problem, repeats, cancellationToken).Run(inputs, withDense);
    }

    private int Run<T>(List<ISparseExpert> experts, string[] settings, DeviceProblem problem, AttentionInput? file, DeviceElement<T> element)
        where T : unmanaged
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (request.Here)
        {
            terminal.Line(FirstCall.Here(create, experts[0], problem, element).ToString("R", CultureInfo.InvariantCulture));
            return Moba.Ok;
        }

        using AttentionEngine engine = create();
        using DeviceInputs<T> inputs = UserErrorException.Around(() => DeviceInputs<T>.Of(engine, problem, file, request.Correlated, element));
        DeviceRow[] rows = terminal.Progress("Timing", experts.Count, step => experts.Select((expert, i) =>
        {
            step(expert.Info.Name);
            DeviceRow row = Measure(engine, expert, inputs, problem);
            if (i == 0 && request.Output is not null)
            {
                Save(expert, inputs.Output, element);
            }

            return request.First && (i == 0 || request.All) ? WithFirstCalls(row, settings, problem) : row;
        }).ToArray());
        DeviceReport report = Report(engine, problem, rows) with
        {
            Crossover = request.Crossover
                ? terminal.Progress(
                    "Comparing", Crossover.Lengths(problem.LongestSequence).Count(),
                    step => Crossover.Of(engine, experts[0], inputs, problem, step, request.Path, cancellationToken))
                : null,
            Data = file is null ? DeviceOptions.Data(request.Correlated) : null,
        };
        Write(report, experts[0], problem);
        return Moba.Ok;
    }

    private DeviceRow Measure<T>(AttentionEngine engine, ISparseExpert expert, DeviceInputs<T> inputs, DeviceProblem problem)
        where T : unmanaged
    {
        DeviceClock clock = new(engine, cancellationToken);
        DeviceAttentionOptions options = new() { Sequences = problem.Offsets, AttendPath = request.Path };
        long free = FreeBytes(engine);
        _ = UserErrorException.Around(() => engine.Attend(expert, inputs.Q, inputs.K, inputs.V, options, inputs.Output));
        clock.Synchronize();
        long taken = free - FreeBytes(engine);
        GatedBench<T>? gate = expert.Gate is null ? null : new(engine, expert, inputs, problem, request.Path, cancellationToken);
        RouteTable? routes = gate?.Routes();
        PairCount count = routes is null
            ? PairCount.Of(expert, problem.Sequences, problem.Heads, cancellationToken)
            : PairCount.Of(expert, routes, problem.Sequences, problem.Heads, cancellationToken);
        double[] times = clock.Rested(Enqueue, repeats);
        DeviceRow row = new()
        {
            Pattern = expert.Info.Name,
            Settings = ExpertSettings.Describe(expert.ParameterValues),
            Median = DeviceClock.Median(times),
            Min = times[0],
            Calls = times.Length,
            Pairs = count.Pairs,
            Density = count.Density,
            UsefulFlop = UsefulFlop(expert, problem, count),
            FullTiles = count.FullTiles,
            PartialTiles = count.PartialTiles,
            PartialShare = count.PartialShare,
            DeviceBytes = Math.Max(0, taken),
            Sustained = request.Sustained ? clock.Sustained(Enqueue) : null,
            HostMicroseconds = HostMicroseconds<T>(clock, engine, expert, problem.Dim),
        };
        return gate is null ? row : gate.AddTo(row, routes!);

        void Enqueue() => engine.Attend(expert, inputs.Q, inputs.K, inputs.V, options, inputs.Output);
    }

    /// <summary>Useful multiplications and additions, where a pattern that attends all of the past counts half a square.</summary>
    public static double UsefulFlop(ISparseExpert expert, DeviceProblem problem, PairCount count)
    {
        bool isSquare = problem.Sequences.All(sequence => sequence.Queries == sequence.Keys);
        double past = problem.Sequences.Sum(sequence => (double)sequence.Keys * (sequence.Keys + 1) / 2) * problem.Heads;
        bool isDenseCausal = isSquare && expert.Info.Causal == Proof.Always && count.Pairs == (long)past;
        double pairs = isDenseCausal ? problem.Sequences.Sum(sequence => (double)sequence.Keys * sequence.Keys / 2) * problem.Heads : count.Pairs;
        return 4.0 * problem.Dim * pairs;
    }

    // A call with a gate is several launches, and a stream takes a thousand or so before it lets the host wait.
    private static double HostMicroseconds<T>(DeviceClock clock, AttentionEngine engine, ISparseExpert expert, int dim)
        where T : unmanaged
    {
        int tokens = DeviceProblem.Few(expert, FewTokens);
        using DeviceTensor<T> few = engine.ToDevice(Tensor.Create(new T[tokens * dim], [tokens, 1, dim]));
        using DeviceTensor<T> output = engine.Allocate<T>(tokens, 1, dim);
        DeviceAttentionOptions options = new();
        return clock.HostMicroseconds(() => engine.Attend(expert, few, few, few, options, output), expert.Gate is null ? ManyCalls : ManyCalls / 10);
    }

    private static long FreeBytes(AttentionEngine engine)
    {
        CudaDeviceContext context = engine.Runtime().Context;
        using CurrentContext current = context.Enter();
        context.Check(context.Driver.MemGetInfo(out nuint free, out _), "cuMemGetInfo");
        return (long)free;
    }

    private void Save<T>(ISparseExpert expert, DeviceTensor<T> output, DeviceElement<T> element)
        where T : unmanaged
    {
        var writer = new SafetensorsWriter { Metadata = { ["pattern"] = expert.Info.Name, ["predicate"] = expert.Info.Predicate } };
        element.Add(writer, output.ToHost());
        writer.Save(request.Output!, cancellationToken);
    }

    private DeviceRow WithFirstCalls(DeviceRow row, string[] settings, DeviceProblem problem)
    {
        (double cold, double cached) = FirstCall.InProcesses(row.Pattern, settings, problem, cancellationToken);
        return row with { FirstCall = cold, FirstCallCached = cached };
    }

    private DeviceReport Report(AttentionEngine engine, DeviceProblem problem, DeviceRow[] rows) => new()
    {
        Engine = engine.Description,
        Tokens = problem.QueryTokens,
        Batch = problem.Sequences.Length,
        Heads = problem.Heads,
        KeyHeads = problem.KeyHeads,
        Dim = problem.Dim,
        Dtype = DeviceOptions.Spelling(problem.Dtype),
        TensorBytes = problem.TensorBytes,
        Peak = request.Peak,
        Rows = rows,
    };

    private void Write(DeviceReport report, ISparseExpert first, DeviceProblem problem)
    {
        if (request.Json is not null)
        {
            AtomicFile.Write(request.Json, stream => stream.Write(Encoding.UTF8.GetBytes(report.ToJson())), cancellationToken);
        }

        terminal.Line(problem.ToString());
        terminal.Line($"engine: {report.Engine}");
        if (!request.All)
        {
            terminal.Line($"pattern: {first.Info.Name} {report.Rows[0].Settings}".TrimEnd());
        }

        terminal.Out.Write(report.ToTable());
        foreach (string line in report.GateLines())
        {
            terminal.Line(line);
        }

        if (report.Crossover is not null)
        {
            terminal.Out.Write(report.CrossoverTable());
        }

        foreach (DeviceRow row in report.Rows.Where(row => row.FirstCall is not null))
        {
            terminal.Line(string.Create(
                CultureInfo.InvariantCulture,
                $"first call of {row.Pattern} in a new process: {row.FirstCall:0} ms, and {row.FirstCallCached:0} ms with compiled kernels on the disk"));
        }

        terminal.Line(string.Create(
            CultureInfo.InvariantCulture,
            $"ms: median of {report.Rows.Min(row => row.Calls)} to {report.Rows.Max(row => row.Calls)} calls by the device's clock, after {DeviceClock.Rest.TotalSeconds} s of rest"));
        terminal.Line("TFLOP/s: 4 x dim for every attended pair; where all of the past is attended, tokens^2 / 2 pairs a head");
        terminal.Line($"partial: part of the visited 128 x 128 tiles where the predicate is asked; host us: to enqueue a call, 1 head, {FewTokens} tokens, or as many as make a gate choose");
        terminal.Line(string.Create(
            CultureInfo.InvariantCulture, $"MB: what the first call took on the device beside q, k, v and o, which are {report.TensorBytes / 1e6:0.0} MB"));
    }
}
