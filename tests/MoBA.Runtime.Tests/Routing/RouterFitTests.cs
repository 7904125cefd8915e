using System.Numerics.Tensors;
using Xunit;

namespace MoBA.Runtime.Tests;

/// <summary>Fitting a router to tokens of which the sign of one component says whether they attend the first keys or the others.</summary>
public sealed class RouterFitTests : IDisposable
{
    private const int Sinks = 16;
    private readonly AttentionEngine _engine = AttentionEngine.Create(Target.Cpu);
    private readonly TestMixture _mixture = new(1, Combine.Weighted, new FirstKeys(), new LaterKeys());
    private readonly RouterFitOptions _options = new() { SpanTokens = 32, Epochs = 20 };

    public void Dispose() => _engine.Dispose();

    [Theory]
    [InlineData(RouterTarget.OutputError, RouterLoss.ExpectedLoss)]
    [InlineData(RouterTarget.OutputError, RouterLoss.RegretWeighted)]
    [InlineData(RouterTarget.OutputError, RouterLoss.CrossEntropy)]
    [InlineData(RouterTarget.CapturedMass, RouterLoss.ExpectedLoss)]
    public void A_linear_rule_is_learned(RouterTarget target, RouterLoss loss)
    {
        RouterFit fit = Fit(_options with { Target = target, Loss = loss });
        Assert.InRange(fit.Accuracy, 0.98, 1);
        Assert.InRange(fit.Learned.OutputError, 0, fit.Oracle.OutputError + 0.02);
        Assert.InRange(fit.Learned.CapturedMass!.Value, fit.Oracle.CapturedMass!.Value - 0.01, 1);
        Assert.All(fit.Experts, expert => Assert.True(expert.OutputError > 3 * fit.Learned.OutputError && expert.CapturedMass < 0.8));
        Assert.True(fit.Random.OutputError > 3 * fit.Learned.OutputError);
        Assert.True(fit.TrainingLoss[^1] < fit.TrainingLoss[0] / 2);
        Assert.Equal(20, fit.TrainingLoss.Count);
        Assert.Equal(["FirstKeys0", "LaterKeys1"], fit.Router.ExpertNames!);

        // Component 0 says it in head 0, and component 1 with the other sign in head 1.
        Assert.Equal([1, 0, 0, 1], Best(3, 3).Concat(Best(-3, -3)));
        int[] Best(float first, float second) => [.. Inputs.Floats(fit.Router.Logits(Query(first, second))).Chunk(2).Select(x => x[1] > x[0] ? 1 : 0)];
    }

    [Fact]
    public void Where_nothing_can_be_told_the_best_expert_on_average_wins()
    {
        // Queries that do not say where they look: their keys do not depend on what the router sees.
        (Tensor<float> q, Tensor<float> k, Tensor<float> v) = (Inputs.Normal<float>(1, 1024, 2, 8), Inputs.Normal<float>(2, 1024, 1, 8), Inputs.Normal<float>(3, 1024, 1, 8));
        RouterFit fit = Router.Fit(_engine, _mixture, new Causal(), q, k, v, _options);
        Assert.True(fit.Experts[1].OutputError < fit.Experts[0].OutputError / 2);
        Assert.InRange(fit.Learned.OutputError, 0, fit.Experts[1].OutputError + 0.01);
        Assert.InRange(fit.Learned.Shares[1], 0.97, 1);
    }

    [Fact]
    public void The_report_is_of_held_out_tokens()
    {
        RouterFit fit = Fit(_options);
        Assert.Equal((768L * 2, 256L * 2), fit.Tokens);
        Assert.All([.. fit.Experts, fit.Oracle, fit.Learned, fit.Random], q => Assert.Equal(1, q.Shares.Sum(), 1e-9));
        Assert.Equal([1.0, 0], fit.Experts[0].Shares);
        Assert.Equal(fit.Learned.KeysPerToken, fit.Random.KeysPerToken, 0.1 * fit.Learned.KeysPerToken);
        Assert.Equal(fit.Learned.Shares[0], fit.Random.Shares[0], 1e-9);

        // Sinks: 16 keys but for the first 15 tokens, which are trained on.
        Assert.Equal(Sinks, fit.Experts[0].KeysPerToken, 1e-6);
        Assert.Equal(((1008 * 16) + 136) / 1024.0, fit.Costs[0].KeysPerToken, 1e-6);

        // Causal attention of the later keys: as many for the tokens held out, which are no later than the others.
        Assert.Equal(fit.Costs[1].KeysPerToken, fit.Experts[1].KeysPerToken, 0.01 * fit.Costs[1].KeysPerToken);
    }

    [Fact]
    public void Equal_seeds_give_bitwise_equal_routers()
    {
        RouterFit one = Fit(_options), two = Fit(_options), other = Fit(_options with { Seed = 1 });
        Assert.Equal(Inputs.Floats(one.Router.Weights), Inputs.Floats(two.Router.Weights));
        Assert.Equal(Inputs.Floats(one.Router.Bias), Inputs.Floats(two.Router.Bias));
        Assert.Equal(one.TrainingLoss, two.TrainingLoss);
        Assert.NotEqual(Inputs.Floats(one.Router.Weights), Inputs.Floats(other.Router.Weights));
    }

    [Theory]
    [InlineData(60)]
    [InlineData(150)]
    public void A_budget_is_met(int keys)
    {
        RouterFit free = Fit(_options), fit = Fit(_options with { KeysPerToken = keys });
        Assert.True(free.Learned.KeysPerToken > 200);
        Assert.InRange(fit.Oracle.KeysPerToken, keys * 0.95, keys);
        Assert.InRange(fit.TrainingKeysPerToken, keys * 0.98, keys);
        Assert.InRange(fit.Learned.KeysPerToken, keys * 0.75, keys * 1.25);
        Assert.True(fit.Learned.OutputError < fit.Random.OutputError);
        Assert.True(free.Learned.OutputError < fit.Learned.OutputError);
    }

    /// <summary>A router calibrated to the very price at which a token changes its choice gives that token two equal logits.</summary>
    [Theory]
    [InlineData(1, 60)]
    [InlineData(2, 150)]
    [InlineData(3, 300)]
    [InlineData(4, 100)]
    [InlineData(5, 250)]
    public void A_budget_leaves_no_token_between_two_experts(int seed, int keys)
    {
        TestMixture mixture = new(1, Combine.Weighted, new FirstKeys(), new LaterKeys(), new WindowAndSinks(64, 4));
        (Tensor<float> q, Tensor<float> k, Tensor<float> v) = (Inputs.Normal<float>(seed, 1024, 2, 8), Inputs.Normal<float>(seed + 10, 1024, 1, 8), Inputs.Normal<float>(seed + 20, 1024, 1, 8));
        Router router = Router.Fit(_engine, mixture, new Causal(), q, k, v, _options with { KeysPerToken = keys, HoldOutEvery = 32 }).Router;
        double smallest = double.PositiveInfinity;
        foreach (int row in Enumerable.Range(0, 2048).Where(row => row / 2 / 32 != 16))
        {
            (int token, int head) = (row / 2, row % 2);
            double[] logits = [.. Enumerable.Range(0, 3).Select(e =>
                router.Bias[head, e] + Enumerable.Range(0, 8).Sum(d => (double)router.Weights[head, e, d] * q[token, head, d]))];
            double[] best = [.. logits.OrderDescending()];
            smallest = Math.Min(smallest, (best[0] - best[1]) / logits.Max(Math.Abs));
        }

        Assert.True(smallest > 2e-6, $"two logits differ by {smallest}");
        AttentionOptions options = new() { ReturnRoutes = true };
        Tensor<int> routes = _engine.Attend(mixture, router, q, k, v, options).Routes!;
        Assert.Equal(ReferenceAttention.Attend(mixture, router, q, k, v, options).Routes!.ToArray(), routes.ToArray());
        Assert.True(routes.Distinct().Count() > 1);
    }

    [Fact]
    public void A_budget_that_is_more_than_enough_changes_nothing() =>
        Assert.Equal(Inputs.Floats(Fit(_options).Router.Bias), Inputs.Floats(Fit(_options with { KeysPerToken = 1e6 }).Router.Bias));

    [Fact]
    public void Progress_never_falls_and_ends_at_one()
    {
        List<RouterFitProgress> seen = [];
        Fit(_options, new Synchronous(seen.Add));
        Assert.Equal(3 + 20, seen.Count);
        Assert.Equal(seen.Select(p => p.Fraction).Order(), seen.Select(p => p.Fraction));
        Assert.Equal(new("train", 1), seen[^1]);
        Assert.Equal(["attend Causal", "attend FirstKeys0", "attend LaterKeys1", "train"], seen.Select(p => p.Stage).Distinct());
    }

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    public void A_cancelled_fit_stops(int after)
    {
        using CancellationTokenSource source = new();
        int told = 0;
        (Tensor<float> q, Tensor<float> k, Tensor<float> v) = Data();
        Assert.ThrowsAny<OperationCanceledException>(() => Router.Fit(_engine, _mixture, new Causal(), q, k, v, _options, new Synchronous(_ =>
        {
            if (++told == after)
                source.Cancel();
        }), source.Token));
        Assert.Equal(after, told);
    }

    [Fact]
    public void Packed_sequences_are_passed_on()
    {
        (Tensor<float> q, Tensor<float> k, Tensor<float> v) = Data(firsts: 1024);
        RouterFit fit = Router.Fit(_engine, _mixture, new Causal(), q, k, v, _options with { Attention = new() { Sequences = [0, 512, 1024] } });
        Assert.Equal(((1024 - 32) * 16 + (2 * 136)) / 1024.0, fit.Costs[0].KeysPerToken, 1e-6);
        Assert.Equal(2 * 496 * 497 / 2 / 1024.0, fit.Costs[1].KeysPerToken, 1e-3);
        Assert.InRange(fit.Accuracy, 0.95, 1);
    }

    [Fact]
    public void Rows_without_keys_are_left_out()
    {
        (Tensor<float> q, Tensor<float> k, Tensor<float> v) = Data();
        RouterFit fit = Router.Fit(_engine, _mixture, new Causal(), q, k, v, _options with { Attention = new() { QueryStart = -512 } });
        Assert.Equal((384L * 2, 128L * 2), fit.Tokens);
    }

    [Fact]
    public void Captured_mass_is_left_out_where_it_means_nothing()
    {
        (Tensor<float> q, Tensor<float> k, Tensor<float> v) = Data();
        Assert.Null(Router.Fit(_engine, _mixture, new WindowAndSinks(64, 4), q, k, v, _options).Learned.CapturedMass);
        string message = Assert.Throws<ArgumentException>("teacher", () => Router.Fit(
            _engine, _mixture, new WindowAndSinks(64, 4), q, k, v, _options with { Target = RouterTarget.CapturedMass })).Message;
        Assert.StartsWith("'FirstKeys0' attends keys that the teacher 'WindowAndSinks' does not, at token", message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_does_not_fit_is_named()
    {
        (Tensor<float> q, Tensor<float> k, Tensor<float> v) = Data();
        string Message(string name, IExpertMixture? mixture = null, ISparseExpert? teacher = null, RouterFitOptions? options = null, Tensor<float>? queries = null) =>
            Assert.Throws<ArgumentException>(name, () => Router.Fit(_engine, mixture ?? _mixture, teacher ?? new Causal(), queries ?? q, k, v, options ?? _options)).Message;

        Assert.StartsWith("'Mixture' has 1 expert: a router chooses among at least 2", Message("mixture", new TestMixture(1, Combine.Weighted, new Causal())), StringComparison.Ordinal);
        Assert.StartsWith("'Mixture' sends a token to 2 experts", Message("mixture", new TestMixture(2, Combine.Weighted, new Causal(), new Causal())), StringComparison.Ordinal);
        Assert.StartsWith("the teacher 'Predicate' has a block gate", Message("teacher", teacher: new PredicateExpert((_, _, _) => true) { Gate = new(16, 1) }), StringComparison.Ordinal);
        Assert.StartsWith("Target is CapturedMass and 'Predicate' has a score modifier", Message("options", teacher: new PredicateExpert((_, _, _) => true, (x, _, _, _, _) => x), options: _options with { Target = RouterTarget.CapturedMass }), StringComparison.Ordinal);
        Assert.StartsWith("Epochs is 0: it must be at least 1", Message("options", options: _options with { Epochs = 0 }), StringComparison.Ordinal);
        Assert.StartsWith("HoldOutEvery is 1: it must be at least 2", Message("options", options: _options with { HoldOutEvery = 1 }), StringComparison.Ordinal);
        Assert.StartsWith("Loss is 9: it must be a RouterLoss", Message("options", options: _options with { Loss = (RouterLoss)9 }), StringComparison.Ordinal);
        Assert.StartsWith("LearningRate is NaN: it must be positive and finite", Message("options", options: _options with { LearningRate = double.NaN }), StringComparison.Ordinal);
        Assert.StartsWith("KeysPerToken is 7: the cheapest experts attend 15.5 keys per token", Message("options", options: _options with { KeysPerToken = 7 }), StringComparison.Ordinal);
        Assert.StartsWith("q has 1024 tokens, of which 1024 are to be trained on and 0 held out (spans of 300, one in 9;", Message("q", options: _options with { SpanTokens = 300, HoldOutEvery = 9 }), StringComparison.Ordinal);
        Assert.StartsWith("k is [1024, 1, 8]: its dim must be q's, which is [1024, 2, 16]", Message("k", queries: Inputs.Normal<float>(1, 1024, 2, 16)), StringComparison.Ordinal);

        q[5, 1, 0] = float.NaN;
        Assert.StartsWith("the outputs of 'FirstKeys0' and of the teacher at token 5 and head 1 differ by NaN", Message("q"), StringComparison.Ordinal);
    }

    private RouterFit Fit(RouterFitOptions options, IProgress<RouterFitProgress>? progress = null)
    {
        (Tensor<float> q, Tensor<float> k, Tensor<float> v) = Data();
        return Router.Fit(_engine, _mixture, new Causal(), q, k, v, options, progress, TestContext.Current.CancellationToken);
    }

    /// <summary>The first keys point one way and the others the opposite way; a query's component 0 chooses in head 0, its component 1 in head 1.</summary>
    private static (Tensor<float> Q, Tensor<float> K, Tensor<float> V) Data(int firsts = Sinks)
    {
        Tensor<float> q = Inputs.Normal<float>(1, 1024, 2, 8), k = Tensor.Create(new float[1024 * 8], [1024, 1, 8]);
        var random = new Random(4);
        for (int i = 0; i < 1024; i++)
        {
            bool later = random.Next(2) == 0;
            q[i, 0, 0] = later ? 3 : -3;
            q[i, 1, 1] = later ? -3 : 3;
            (k[i, 0, 0], k[i, 0, 1]) = i % 512 < Sinks && i < firsts ? (-3, 3) : (3, -3);
            (q[i, 0, 1], q[i, 1, 0]) = (0, 0);
        }

        return (q, k, Inputs.Normal<float>(3, 1024, 1, 8));
    }

    private static Tensor<float> Query(float first, float second) => Tensor.Create([first, 0, 0, 0, 0, 0, 0, 0, 0, second, 0, 0, 0, 0, 0, 0], [1, 2, 8]);

    private sealed class FirstKeys : TestExpert
    {
        public override bool Attends(int q, int k, int head) => q >= k && k < Sinks;
    }

    private sealed class LaterKeys : TestExpert
    {
        public override bool Attends(int q, int k, int head) => q >= k && k >= Sinks;
    }

    private sealed class Synchronous(Action<RouterFitProgress> report) : IProgress<RouterFitProgress>
    {
        public void Report(RouterFitProgress value) => report(value);
    }
}
