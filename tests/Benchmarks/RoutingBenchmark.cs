using System.Diagnostics;
using System.Globalization;
using System.Numerics.Tensors;
using MoBA.Patterns;
using MoBA.Runtime;

namespace MoBA.Benchmarks;

/// <summary>
/// Routed attention beside dense causal attention: useful work, what routing costs, memory, and a mixture beside its own experts. Takes
/// turns in one process; the best of several turns counts, because the machine may be shared.
/// </summary>
internal static class RoutingBenchmark
{
    private const int Heads = 8;
    private const int Dim = 64;
    private const int Tokens = 32768;
    private const int Turns = 5;

    private static readonly string[] _routing = ["centroids", "gate", "index"];

    /// <summary>Prints the tables; <paramref name="file"/> is a safetensors file of q, k and v, and null is random numbers.
    /// "memory" is the process that measures memory.</summary>
    public static void Run(string? file)
    {
        if (file == "memory")
        {
            Memory();
            return;
        }

        using AttentionEngine engine = AttentionEngine.Create(Target.Cpu);
        Inputs inputs = file is null ? Inputs.Random() : Inputs.Of(file);
        Line($"{engine.Description}. {inputs.Name}: {inputs.Tokens} tokens, {inputs.Heads} heads, dim {inputs.Q.Lengths[2]}, float32. Best of {Turns} turns.\n");
        Experts(engine, inputs);
        Mixture(engine, inputs);
        if (file is not null)
            return;

        string program = typeof(RoutingBenchmark).Assembly.Location;
        using Process child = Process.Start("dotnet", [program, "routing", "memory"]);
        child.WaitForExit();
    }

    private static void Experts(AttentionEngine engine, Inputs inputs)
    {
        Causal dense = new();
        ISparseExpert[] experts =
        [
            new MobaTopK(), new MobaTopK { BlockSize = 256, TopK = 4 }, new MobaTopK { BlockSize = 512, TopK = 3 },
            new MobaTopK { BlockSize = 64 }, new MobaSinks(), new QuestTopK(), new MobaGroup(),
        ];
        double best = double.MaxValue;
        Timed[] times = new Timed[experts.Length];
        for (int turn = 0; turn <= Turns; turn++)
        {
            double time = Time(engine, inputs, dense).Seconds;
            best = turn == 0 ? best : Math.Min(best, time);   // the first turn warms up
            for (int i = 0; i < experts.Length; i++)
            {
                Timed timed = Time(engine, inputs, experts[i]);
                times[i] = turn <= 1 || timed.Seconds < times[i].Seconds ? timed : times[i];
            }
        }

        double rate = inputs.DensePairs * inputs.FlopsPerPair / best;
        Line($"| pattern | keys a token | ms | useful GFLOP/s | of the dense rate | speed-up | routing |");
        Line($"|---|---:|---:|---:|---:|---:|---:|");
        Line($"| Causal | {inputs.DensePairs / inputs.Tokens:F0} | {best * 1e3:F1} | {rate / 1e9:F0} | 1.00 | 1.0x | |");
        for (int i = 0; i < experts.Length; i++)
        {
            double pairs = inputs.Pairs(engine, experts[i]), useful = pairs * inputs.FlopsPerPair / times[i].Seconds;
            Line($"| {Name(experts[i])} | {pairs / inputs.Tokens:F0} | {times[i].Seconds * 1e3:F1} | {useful / 1e9:F0} | {useful / rate:F2} | {best / times[i].Seconds:F1}x | {times[i].Routing:P1} |");
        }
    }

    // Every expert alone costs its time on all tokens; its tokens are spread evenly, so their share of it is what they would cost
    // side by side. Gathered from between other tokens they cost more where the pattern differs from token to token.
    private static void Mixture(AttentionEngine engine, Inputs inputs)
    {
        LongContext mixture = new();
        int count = LongContext.Info.Experts.Count;
        int[] runs = [1, 16, 256];
        Tensor<float>[] logits = [.. runs.Select(run => inputs.Logits(count, run))];
        double[] alone = new double[count], mixed = new double[runs.Length];
        AttentionResult<float>[] results = new AttentionResult<float>[runs.Length];
        for (int turn = 0; turn <= Turns; turn++)
        {
            for (int i = 0; i < count; i++)
                alone[i] = Best(turn, alone[i], Time(engine, inputs, LongContext.Info.Experts[i].Select(mixture)).Seconds);
            for (int i = 0; i < runs.Length; i++)
            {
                long start = Stopwatch.GetTimestamp();
                AttentionResult<float> result = engine.Attend(mixture, logits[i], inputs.Q, inputs.K, inputs.V, new(), inputs.Output);
                double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
                results[i] = turn <= 1 || seconds < mixed[i] ? result : results[i];
                mixed[i] = Best(turn, mixed[i], seconds);
            }
        }

        Line($"\nLongContext: {string.Join(", ", results[0].Loads!.Select((load, i) => string.Create(CultureInfo.InvariantCulture, $"{load.Name} {load.Share:P0} of the tokens, alone on all {alone[i] * 1e3:F1} ms")))}\n");
        Line($"| tokens of one expert lie | ms | sum of the experts' shares, ms | of the sum | route, index and combine |");
        Line($"|---|---:|---:|---:|---:|");
        for (int i = 0; i < runs.Length; i++)
        {
            double sum = results[i].Loads!.Sum(load => alone[load.Id] * load.Share);
            double whole = results[i].Timings.Sum(p => p.Elapsed.TotalSeconds);
            double routing = results[i].Timings.Where(p => p.Pass is "route" or "index" or "combine").Sum(p => p.Elapsed.TotalSeconds) / whole;
            Line($"| {(runs[i] == 1 ? "anywhere" : $"in runs of {runs[i]}")} | {mixed[i] * 1e3:F1} | {sum * 1e3:F1} | {mixed[i] / sum:F2} | {routing:P0} |");
        }

        static double Best(int turn, double best, double seconds) => turn <= 1 ? seconds : Math.Min(best, seconds);
    }

    // A process of its own: the peak is never given back.
    private static void Memory()
    {
        Inputs inputs = Inputs.Random();
        using Process self = Process.GetCurrentProcess();
        GC.Collect();
        inputs.Output.AsTensorSpan().Clear();   // its pages are the caller's
        self.Refresh();
        long before = self.WorkingSet64;
        using AttentionEngine engine = AttentionEngine.Create(Target.Cpu);
        Time(engine, inputs, new MobaTopK());
        self.Refresh();
        double extra = self.PeakWorkingSet64 - before, tensors = 3.0 * Tokens * Heads * Dim * sizeof(float);
        Line($"\nPeak memory of a MobaTopK call beside its tensors: {extra / 1048576:F0} MiB, {extra / tensors:F2} times q, k and v together ({tensors / 1048576:F0} MiB).");
    }

    private static Timed Time(AttentionEngine engine, Inputs inputs, ISparseExpert expert)
    {
        long start = Stopwatch.GetTimestamp();
        IReadOnlyList<PassTiming> passes = engine.Attend(expert, inputs.Q, inputs.K, inputs.V, new(), inputs.Output).Timings;
        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        return new(seconds, passes.Where(p => _routing.Contains(p.Pass)).Sum(p => p.Elapsed.TotalSeconds) / seconds);
    }

    private static string Name(ISparseExpert expert) =>
        expert.Gate is { } gate ? $"{expert.Info.Name} {gate.BlockSize}x{gate.TopK}" : expert.Info.Name;

    private static void Line(FormattableString text) => Console.WriteLine(text.ToString(CultureInfo.InvariantCulture));

    private readonly record struct Timed(double Seconds, double Routing);

    private sealed record Inputs(string Name, Tensor<float> Q, Tensor<float> K, Tensor<float> V)
    {
        public int Tokens => (int)Q.Lengths[0];

        public int Heads => (int)Q.Lengths[1];

        public Tensor<float> Output { get; } = Tensor.CreateFromShape<float>(Q.Lengths);

        public double DensePairs => (double)Tokens * (Tokens + 1) / 2;

        /// <summary>4 * dim for every attended pair of every head.</summary>
        public double FlopsPerPair => 4.0 * Q.Lengths[2] * Heads;

        public static Inputs Random()
        {
            Problem problem = new(RoutingBenchmark.Tokens, RoutingBenchmark.Heads, RoutingBenchmark.Dim);
            nint[] shape = [problem.Tokens, problem.Heads, problem.Dim];
            return new("random", Tensor.Create(problem.Q, shape), Tensor.Create(problem.K, shape), Tensor.Create(problem.V, shape));
        }

        public static Inputs Of(string path)
        {
            using SafetensorsFile file = SafetensorsFile.Read(path);
            return new(Path.GetFileName(path), file.GetAsFloat("q"), file.GetAsFloat("k"), file.GetAsFloat("v"));
        }

        /// <summary>Random logits, the same for a run of tokens: every expert gets its share of every long stretch.</summary>
        public Tensor<float> Logits(int experts, int run)
        {
            Random random = new(2);
            int row = Heads * experts;
            float[] logits = new float[Tokens * row];
            for (int i = 0; i < logits.Length; i++)
                logits[i] = i / row % run == 0 ? random.NextSingle() : logits[i - row];
            return Tensor.Create(logits, [Tokens, Heads, experts]);
        }

        /// <summary>Pairs that a head attends on average; those of a gate are counted from its routes.</summary>
        public double Pairs(AttentionEngine engine, ISparseExpert expert)
        {
            Tensor<int> routes = engine.Attend(expert, Q, K, V, new AttentionOptions { ReturnRoutes = true }).Routes!;
            int[] slots = new int[routes.FlattenedLength];
            routes.FlattenTo(slots);
            int heads = (int)routes.Lengths[1], topK = (int)routes.Lengths[2], size = expert.Gate!.BlockSize;
            double pairs = 0;
            for (int row = 0; row < slots.Length / topK; row++)
            {
                int position = row / heads;
                ReadOnlySpan<int> blocks = slots.AsSpan(row * topK, topK);
                pairs += (position % size) + 1 + ((double)size * (topK - 1 - blocks.Count(-1)));
                if (expert.Info.AlwaysPredicate is not null)
                    pairs += Beside(expert, position, blocks);
            }

            return pairs / heads;
        }

        private static int Beside(ISparseExpert expert, int position, ReadOnlySpan<int> blocks)
        {
            int count = 0;
            for (int key = 0; key <= position; key++)
                count += expert.Always(position, key, 0) && !blocks.Contains(key / expert.Gate!.BlockSize) ? 1 : 0;
            return count;
        }
    }
}
