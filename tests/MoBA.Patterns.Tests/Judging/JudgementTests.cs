using System.Numerics.Tensors;
using MoBA.Program;
using MoBA.Runtime;
using Xunit;

namespace MoBA.Patterns.Tests;

/// <summary>The comparison with the oracle sees faults, and what is counted of routes is what is attended.</summary>
public sealed class JudgementTests : IDisposable
{
    private const int Tokens = 120, Heads = 4;

    private static readonly (Tensor<float> Q, Tensor<float> K, Tensor<float> V) _tensors =
        (CommandLine.RandomTensor(Tokens, Heads, 16, 1), CommandLine.RandomTensor(Tokens, 2, 16, 2), CommandLine.RandomTensor(Tokens, 2, 16, 3));

    private static readonly AttentionOptions _options = new() { ReturnRoutes = true, ReturnLse = true };
    private static readonly SequenceRows _rows = new(0, Tokens, Tokens);

    private readonly AttentionEngine _engine = AttentionEngine.Create(Target.Cpu);

    public void Dispose() => _engine.Dispose();

    [Fact]
    public void A_route_that_is_no_near_tie_is_a_fault()
    {
        var pattern = new ExpertPattern(new MobaTopK { BlockSize = 16, TopK = 3 });
        AttentionResult<float> actual = Attend(pattern);
        Assert.True(Judge(pattern, actual).Agrees);

        // Token 119 has seven past blocks: one of those that its head 0 did not choose takes the place of one that it did.
        Tensor<int> routes = Copy(actual.Routes!);
        int other = Enumerable.Range(0, 7).First(block => block != routes[119, 0, 1] && block != routes[119, 0, 2] && block < routes[119, 0, 2]);
        routes[119, 0, 1] = other;
        Judgement judgement = Judge(pattern, actual with { Routes = routes });
        Assert.False(judgement.Agrees);
        Assert.Equal(1, judgement.DifferentRoutes);
        Assert.Contains("TOO LARGE", judgement.Text(judgement.Routes[0].Gap), StringComparison.Ordinal);

        routes[119, 0, 0] = 2;
        judgement = Judge(pattern, actual with { Routes = routes });
        Assert.False(judgement.Agrees);
        Assert.Contains("WRONG at token 119", judgement.Text(judgement.Routes[0].Gap), StringComparison.Ordinal);
    }

    [Fact]
    public void An_output_or_a_log_sum_exp_that_is_off_is_a_fault()
    {
        foreach (Pattern pattern in (Pattern[])[new ExpertPattern(new Causal()), new ExpertPattern(new MobaSinks { BlockSize = 16 }), Mixture()])
        {
            AttentionResult<float> actual = Attend(pattern);
            Assert.True(Judge(pattern, actual).Agrees);
            Tensor<float> output = Copy(actual.Output), lse = Copy(actual.Lse!);
            output[60, 1, 3] += 0.01f;
            lse[60, 1] += 0.01f;
            Assert.False(Judge(pattern, actual with { Output = output }).Agrees);
            Assert.False(Judge(pattern, actual with { Lse = lse }).Agrees);
        }
    }

    [Fact]
    public void A_token_that_went_to_the_wrong_expert_is_a_fault()
    {
        MixturePattern pattern = Mixture();
        AttentionResult<float> actual = Attend(pattern);
        Tensor<int> routes = Copy(actual.Routes!);
        routes[60, 1, 0] = (routes[60, 1, 0] + 1) % 4;
        Judgement judgement = Judge(pattern, actual with { Routes = routes });
        Assert.False(judgement.Agrees);
        Assert.Equal(("routes", 1), (judgement.Routes[0].Name, (int)judgement.Routes[0].Gap.Different));
        Assert.InRange(judgement.Routes[0].Gap.Deficit, 1e-4, 2);
    }

    [Fact]
    public void Equal_logits_belong_to_the_lower_expert()
    {
        var source = new RouterSource("logits", null, Tensor.Create<float>(new float[Tokens * Heads * 4], [Tokens, Heads, 4]));
        AttentionResult<float> actual = Attend(new MixturePattern(new LongContext(), source));
        Assert.All(CommandLine.Flat(actual.Routes!), id => Assert.Equal(0, id));
        Assert.Equal(0, source.Gap(new ExpertRoutes(actual, 4), _tensors.Q).Different);
    }

    [Fact]
    public void Rows_whose_blocks_differ_are_marked_where_the_mixture_sent_them_there()
    {
        MixturePattern pattern = Mixture();
        AttentionResult<float> actual = Attend(pattern);
        Tensor<int> blocks = Attend(new ExpertPattern(new MobaTopK { BlockSize = 16, TopK = 2 })).Routes!, others = Copy(blocks);
        for (int token = 0; token < Tokens; token++)
        {
            others[token, 2, 1] = 6;
        }

        bool[] marked = new bool[Tokens * Heads];
        new ExpertRoutes(actual, 4).Mark(marked, nameof(MobaTopK), LongContext.Info, blocks, others);
        for (int row = 0; row < marked.Length; row++)
        {
            bool differs = row % Heads == 2 && blocks[row / Heads, 2, 1] != 6 && actual.Routes![row / Heads, 2, 0] == 3;
            Assert.Equal(differs, marked[row]);
        }

        Assert.Contains(true, marked);
    }

    [Fact]
    public void The_density_of_routes_is_that_of_what_is_attended()
    {
        CancellationToken none = TestContext.Current.CancellationToken;
        double all = Density.Of(new Causal(), Tokens, Heads, none).Pairs;
        Assert.Equal(all, DensityOf(new ExpertPattern(new MobaTopK { BlockSize = 16, TopK = 100 })).Pairs, 1e-6);

        // The own block alone: 16 * 17 / 2 pairs in each of 7 blocks, and 8 * 9 / 2 in the last.
        Assert.Equal((7 * 136) + 36, DensityOf(new ExpertPattern(new MobaTopK { BlockSize = 16, TopK = 1 })).Pairs, 1e-6);
        Assert.Equal(
            Density.Of(new SinkWindow { Window = 40, Sinks = 5 }, Tokens, Heads, none).Pairs,
            DensityOf(new ExpertPattern(new MobaSinks { BlockSize = 16, TopK = 1, Window = 40, Sinks = 5 })).Pairs, 1e-6);
        var toSinks = new RouterSource("logits", null, Tensor.Create([.. Enumerable.Range(0, Tokens * Heads * 4).Select(i => i % 4 == 0 ? 1f : 0f)], [Tokens, Heads, 4]));
        var mixture = new MixturePattern(new LongContext { SinkWindow = new() { Window = 9 } }, toSinks);
        Assert.Equal(Density.Of(new SinkWindow { Window = 9 }, Tokens, Heads, none).Pairs, DensityOf(mixture).Pairs, 1e-6);
    }

    [Fact]
    public void Captured_mass_is_one_for_all_keys_and_unknown_where_it_says_nothing()
    {
        Tensor<float> dense = CapturedMass.Dense(_engine, _tensors, new(), TestContext.Current.CancellationToken);
        double? Captured(ISparseExpert expert) => CapturedMass.Of(new ExpertPattern(expert), Attend(new ExpertPattern(expert)).Lse, dense, _rows);
        Assert.Equal(1, Captured(new Causal())!.Value, 1e-6);
        Assert.Equal(1, Captured(new MobaTopK { BlockSize = 16, TopK = 100 })!.Value, 1e-6);
        Assert.InRange(Captured(new SlidingWindow { Window = 10 })!.Value, 0.01, 0.5);
        Assert.InRange(Captured(new GlobalWindow { Window = 10, Global = 2, Causal = true })!.Value, 0.01, 0.6);
        Assert.Null(Captured(new GlobalWindow { Window = 10, Global = 2 }));
        Assert.Null(Captured(new PrefixLm { Prefix = 4 }));
        Assert.Null(Captured(new SoftCap()));
    }

    private static Tensor<T> Copy<T>(Tensor<T> tensor) => Tensor.Create(CommandLine.Flat(tensor), tensor.Lengths);

    private static MixturePattern Mixture() => new(
        new LongContext { SinkWindow = new() { Window = 9 }, Strided = new() { Stride = 7 }, MobaTopK = new() { BlockSize = 16, TopK = 2 } },
        RouterSource.Random(LongContext.Info, Heads, 16));

    private AttentionResult<float> Attend(Pattern pattern) => pattern.Attend(_engine, _tensors, _options, TestContext.Current.CancellationToken);

    private Judgement Judge(Pattern pattern, AttentionResult<float> actual) =>
        pattern.Judge(actual, _engine, _tensors, _options, TestContext.Current.CancellationToken);

    private Density DensityOf(Pattern pattern) =>
        pattern.Density(Attend(pattern), _engine, _tensors, _options, _rows, TestContext.Current.CancellationToken);
}
