using System.Globalization;
using System.Numerics.Tensors;
using MoBA.Patterns;
using MoBA.Runtime;

namespace MoBA.Benchmarks;

/// <summary>
/// What learned routers are worth on tokens that they were not trained on, beside their experts, the oracle choice and chance: among
/// experts of equal density, and under a budget of keys.
/// </summary>
internal sealed class FitBenchmark : IDisposable
{
    // The lengths of windows and blocks below are for so many tokens; those of another length are in proportion.
    private const int FullTokens = 8192;

    private readonly AttentionEngine _engine = AttentionEngine.Create(Target.Cpu);
    private readonly Tensor<float> _q, _k, _v;

    private FitBenchmark(string path)
    {
        using SafetensorsFile file = SafetensorsFile.Read(path);
        (_q, _k, _v) = (file.GetAsFloat("q"), file.GetAsFloat("k"), file.GetAsFloat("v"));
    }

    private int Tokens => (int)_q.Lengths[0];

    /// <summary>Prints the tables for a safetensors file of q, k and v; without one, for the gallery's own.</summary>
    public static void Run(string? path, string? label)
    {
        path ??= Path.Combine(AppContext.BaseDirectory, "data", "qkv_layer4_2048.safetensors");
        using FitBenchmark benchmark = new(path);
        Line($"### {label ?? Path.GetFileName(path)}: {benchmark.Tokens:N0} tokens, {benchmark._q.Lengths[1]} heads, dim {benchmark._q.Lengths[2]}");
        Setup[] setups =
        [
            new("Equal density", benchmark.Equal(), null),
            new("Budget", benchmark.Priced(), benchmark.Scaled(600)),
            new("Budget", benchmark.Priced(), benchmark.Scaled(900)),
        ];
        foreach (Setup setup in setups)
        {
            benchmark.Report(setup);
        }

        benchmark.Losses(setups);
    }

    public void Dispose() => _engine.Dispose();

    private EqualDensity Equal(int topK = 8) => new()
    {
        SinkWindow = new() { Window = Scaled(944), Sinks = Scaled(16) },
        GlobalWindow = new() { Window = Scaled(496), Global = Scaled(463), Causal = true },
        NearStrided = new() { Window = Scaled(448) },
        MobaTopK = new() { BlockSize = BlockSize, TopK = topK },
    };

    private CheapAndDear Priced() => new()
    {
        SinkWindow = new() { Window = Scaled(256), Sinks = Scaled(16) },
        FewBlocks = new() { BlockSize = BlockSize },
        ManyBlocks = new() { BlockSize = BlockSize },
    };

    // A block gate wants a multiple of 16.
    private int BlockSize => Math.Max(16, Scaled(128) / 16 * 16);

    private int Scaled(int length) => Math.Max(1, (int)Math.Round((double)length * Tokens / FullTokens));

    private RouterFit Fit(Setup setup, RouterFitOptions options) =>
        Router.Fit(_engine, setup.Mixture, new Causal(), _q, _k, _v, options with { KeysPerToken = setup.Keys });

    private void Report(Setup setup)
    {
        RouterFit fit = Fit(setup, new());
        string[] names = [.. setup.Info.Experts.Select(e => Name(e.Select(setup.Mixture)))];
        Line($"\n{setup.Name}: {fit.Tokens.Training:N0} rows (a token of a head) trained on, {fit.Tokens.HeldOut:N0} held out.\n");
        Line($"| routing | attention mass | output error | keys a token | rows to {string.Join(", ", names)} |");
        Line($"|---|---:|---:|---:|---|");
        for (int e = 0; e < names.Length; e++)
        {
            Row(names[e], fit.Experts[e]);
        }

        RowWithShares("oracle", fit.Oracle);
        RowWithShares("learned", fit.Learned);
        RowWithShares("random", fit.Random);
        string drift = "";
        if (setup.Keys is { } budget)
        {
            RowWithShares("oracle, keys of the learned", OracleAt(setup, fit.Learned.KeysPerToken));
            Gates(fit.Learned.KeysPerToken);
            drift = string.Create(CultureInfo.InvariantCulture, $" It attends {100 * ((fit.Learned.KeysPerToken / budget) - 1):+0.0;-0.0;0.0} % keys against the budget, and {100 * ((fit.TrainingKeysPerToken / budget) - 1):+0.0;-0.0;0.0} % on the rows trained on.");
        }

        Line($"\nOf the held-out rows, the router sends {100 * fit.Accuracy:F1} % where the oracle does.{drift}");
    }

    /// <summary>What one block gate makes of as many keys: the two whose keys are next below and above.</summary>
    private void Gates(double keys)
    {
        RoutingQuality below = Gate(1);
        for (int topK = 2; topK <= Tokens / BlockSize; topK++)
        {
            RoutingQuality above = Gate(topK);
            if (above.KeysPerToken > keys)
            {
                Row($"MobaTopK {BlockSize}x{topK - 1}", below);
                Row($"MobaTopK {BlockSize}x{topK}", above);
                return;
            }

            below = above;
        }
    }

    private RoutingQuality Gate(int topK) =>
        Fit(new("", Equal(topK), null), new() { Epochs = 1 }).Experts.Single(e => e.Name == nameof(MobaTopK));

    /// <summary>The oracle choice when the held-out rows may attend as many keys; it has nothing to do with training.</summary>
    private RoutingQuality OracleAt(Setup setup, double keys) =>
        Fit(setup.Keys is null ? setup : setup with { Keys = keys }, new() { Epochs = 1 }).Oracle;

    /// <summary>All losses of training, at the default step size and at a smaller one. Routers that attend more keys err less, so each is
    /// measured by the oracle choice of as many.</summary>
    private void Losses(Setup[] setups)
    {
        Line($"\nOutput error of the learned router as a multiple of the oracle's with as many keys (in brackets: keys a token), by loss and step size:\n");
        Line($"| loss | step size | {string.Join(" | ", setups.Select(setup => setup.Name))} |");
        Line($"|---|---:|{string.Concat(setups.Select(_ => "---:|"))}");
        foreach (RouterLoss loss in Enum.GetValues<RouterLoss>())
        {
            foreach (double rate in (double[])[0.03, new RouterFitOptions().LearningRate])
            {
                IEnumerable<string> cells = setups.Select(setup => Excess(setup, new() { Loss = loss, LearningRate = rate }));
                Line($"| {loss} | {rate} | {string.Join(" | ", cells)} |");
            }
        }
    }

    private string Excess(Setup setup, RouterFitOptions options)
    {
        RoutingQuality learned = Fit(setup, options).Learned, oracle = OracleAt(setup, learned.KeysPerToken);
        return string.Create(CultureInfo.InvariantCulture, $"{learned.OutputError / oracle.OutputError:F3} ({learned.KeysPerToken:F0})");
    }

    private static void RowWithShares(string name, RoutingQuality quality) =>
        Row(name, quality, string.Join(", ", quality.Shares.Select(share => string.Create(CultureInfo.InvariantCulture, $"{100 * share:F1} %"))));

    private static void Row(string name, RoutingQuality quality, string shares = "") =>
        Line($"| {name} | {quality.CapturedMass:F4} | {quality.OutputError:F4} | {quality.KeysPerToken:F0} | {shares} |");

    private static string Name(ISparseExpert expert) => expert switch
    {
        { Gate: { } gate } => $"{expert.Info.Name} {gate.BlockSize}x{gate.TopK}",
        SinkWindow e => $"SinkWindow {e.Window}+{e.Sinks}",
        GlobalWindow e => $"GlobalWindow {e.Window}+{e.Global}",
        NearStrided e => $"NearStrided {e.Window}, {e.Stride}",
        _ => expert.Info.Name,
    };

    private static void Line(FormattableString text) => Console.WriteLine(text.ToString(CultureInfo.InvariantCulture));

    private sealed record Setup(string Title, IExpertMixture Mixture, double? Keys)
    {
        public MixtureInfo Info => Mixture.Info;

        public string Name => Keys is { } keys ? string.Create(CultureInfo.InvariantCulture, $"{Title} of {keys} keys a token") : Title;
    }
}
