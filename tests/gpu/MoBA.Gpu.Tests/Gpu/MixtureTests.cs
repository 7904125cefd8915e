using System.Numerics.Tensors;
using MoBA.Patterns;
using MoBA.Runtime;
using Xunit;

namespace MoBA.Gpu.Tests.Gpu;

/// <summary>Mixtures, routing included, beside the CPU engine's on the same elements: routes are equal but for near ties, and so are the outputs
/// and log-sum-exps of rows with equal routes.</summary>
public sealed class MixtureTests(GpuFixture gpu) : GpuTests(gpu), IDisposable
{
    private const double MostOtherRoutes = 0.001;

    private readonly AttentionEngine _cpu = AttentionEngine.Create(Target.Cpu);

    /// <summary>Dim, query heads, key heads, queries and keys of sequences.</summary>
    public static TheoryData<int, int, int, int[], int[]> Shapes() => new()
    {
        { 128, 8, 2, [700, 1, 0, 900], [700, 1, 30, 900] },
        { 64, 4, 4, [500], [2000] },
        { 256, 2, 1, [600, 300], [600, 500] },
        { 40, 4, 2, [257, 129], [257, 400] },
        { 128, 4, 1, [5000], [5000] },
    };

    [Theory]
    [MemberData(nameof(Shapes))]
    public void One_expert_a_row_is_right(int dim, int heads, int keyHeads, int[] queries, int[] keys)
    {
        Check<BFloat16>(Mixture(1, Combine.Weighted), dim, heads, keyHeads, queries, keys, static x => (BFloat16)x, static x => (float)x, 0.03f, false);
        Check<Half>(Mixture(1, Combine.LogSumExp), dim, heads, keyHeads, queries, keys, static x => (Half)x, static x => (float)x, 0.006f, true);
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Several_experts_a_row_are_merged(int dim, int heads, int keyHeads, int[] queries, int[] keys)
    {
        Check<BFloat16>(Mixture(2, Combine.Weighted), dim, heads, keyHeads, queries, keys, static x => (BFloat16)x, static x => (float)x, 0.03f, true);
        Check<Half>(Mixture(2, Combine.LogSumExp), dim, heads, keyHeads, queries, keys, static x => (Half)x, static x => (float)x, 0.006f, false);
        Check<Half>(Mixture(3, Combine.Weighted), dim, heads, keyHeads, queries, keys, static x => (Half)x, static x => (float)x, 0.006f, false);
    }

    [Fact]
    public void A_call_gives_the_same_bits_again()
    {
        IExpertMixture mixture = new LongContext();
        Random random = new(1);
        using DeviceTensor<BFloat16> q = Engine.ToDevice(Normal<BFloat16>(random, 6000, 8, 128, static x => (BFloat16)x));
        using DeviceTensor<BFloat16> k = Engine.ToDevice(Normal<BFloat16>(random, 6000, 2, 128, static x => (BFloat16)x));
        using DeviceTensor<BFloat16> v = Engine.ToDevice(Normal<BFloat16>(random, 6000, 2, 128, static x => (BFloat16)x));
        Router router = RouterOf(random, 8, mixture.Info.Experts.Count, 128);
        BFloat16[]? first = null;
        for (int i = 0; i < 5; i++)
        {
            DeviceAttentionResult<BFloat16> result = Engine.Attend(mixture, router, q, k, v, new() { ReturnRoutes = true });
            BFloat16[] output = [.. result.Output.ToHost()];
            Assert.Equal(6000 * 8, result.ReadLoads()!.Sum(static load => load.Tokens));
            Assert.True(first is null || output.AsSpan().SequenceEqual(first), $"call {i} differs");
            first ??= output;
            foreach (IDisposable tensor in new IDisposable[] { result.Output, result.Routes!, result.RouteWeights!, result.RouterEntropy! })
                tensor.Dispose();
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _cpu.Dispose();

    // LongContext's experts, and one that modifies scores; blocks so small that short sequences route.
    private static ManyExperts Mixture(int topK, Combine combine) => new(
        topK, combine, new SinkWindow(), new Strided(), new GlobalWindow { Causal = true },
        new MobaTopK { BlockSize = 64, TopK = 3 }, new AlibiCausal());

    private void Check<T>(
        IExpertMixture mixture, int dim, int heads, int keyHeads, int[] queries, int[] keys, Func<float, T> from, Func<T, float> to, float tolerance, bool givesLogits)
        where T : unmanaged
    {
        Random random = new(dim + queries.Length);
        Tensor<T> q = Normal(random, queries.Sum(), heads, dim, from), k = Normal(random, keys.Sum(), keyHeads, dim, from), v = Normal(random, keys.Sum(), keyHeads, dim, from);
        int topK = mixture.Info.TopK, rows = queries.Sum() * heads, others = 0;
        Router router = RouterOf(random, heads, mixture.Info.Experts.Count, dim);
        AttentionOptions options = new()
        {
            Sequences = Offsets(queries),
            KeySequences = Offsets(keys),
            ReturnRoutes = true,
            ReturnLse = topK == 1 || mixture.Info.Combine == Combine.LogSumExp,
        };
        Tensor<float>? logits = givesLogits ? router.Logits(q) : null;
        AttentionResult<T> ours = logits is null ? Engine.Attend(mixture, router, q, k, v, options) : Engine.Attend(mixture, logits, q, k, v, options);
        AttentionResult<T> wanted = logits is null ? _cpu.Attend(mixture, router, q, k, v, options) : _cpu.Attend(mixture, logits, q, k, v, options);
        int[] routes = [.. ours.Routes!], wantedRoutes = [.. wanted.Routes!];
        float[] weights = [.. ours.RouteWeights!], wantedWeights = [.. wanted.RouteWeights!];
        float[] lse = ours.Lse is null ? [] : [.. ours.Lse], wantedLse = wanted.Lse is null ? [] : [.. wanted.Lse];
        T[] output = [.. ours.Output], wantedOutput = [.. wanted.Output];
        string what = $"top {topK} {mixture.Info.Combine} dim {dim} heads {heads}/{keyHeads} queries {string.Join(' ', queries)} keys {string.Join(' ', keys)} {typeof(T).Name}";
        for (int row = 0; row < rows; row++)
        {
            if (!routes.AsSpan(row * topK, topK).SequenceEqual(wantedRoutes.AsSpan(row * topK, topK)))
            {
                others++;
                continue;
            }

            for (int rank = 0; rank < topK; rank++)
                Assert.Equal(wantedWeights[(row * topK) + rank], weights[(row * topK) + rank], 1e-4f);

            // A near tie of block gates within an expert is another row too.
            bool isOther = false;
            for (int i = 0; i < dim && !isOther; i++)
                isOther = !(Math.Abs(to(output[(row * dim) + i]) - to(wantedOutput[(row * dim) + i])) <= tolerance);
            isOther |= lse.Length > 0 && !lse[row].Equals(wantedLse[row]) && !(Math.Abs(lse[row] - wantedLse[row]) < 0.004f);
            others += isOther ? 1 : 0;
        }

        Assert.True(others <= Math.Max(1, rows * MostOtherRoutes), $"{what}: {others} of {rows} rows differ");
        foreach ((ExpertLoad load, ExpertLoad other) in ours.Loads!.Zip(wanted.Loads!))
        {
            Assert.InRange(load.Tokens - other.Tokens, -others, others);
            Assert.Equal(other.Entropy, load.Entropy, 1e-2);
        }
    }

    private static Router RouterOf(Random random, int heads, int experts, int dim) =>
        new(Tensor.Create([.. Enumerable.Range(0, heads * experts * dim).Select(_ => Normal(random) * 0.2f)], [heads, experts, dim]));

    private static Tensor<T> Normal<T>(Random random, int tokens, int heads, int dim, Func<float, T> from)
    {
        T[] values = new T[tokens * heads * dim];
        for (int i = 0; i < values.Length; i++)
            values[i] = from(Normal(random));
        return Tensor.Create(values, [tokens, heads, dim]);
    }

    private static float Normal(Random random) => (float)(Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble()));

    private static int[] Offsets(int[] lengths)
    {
        int[] offsets = new int[lengths.Length + 1];
        for (int i = 0; i < lengths.Length; i++)
            offsets[i + 1] = offsets[i] + lengths[i];
        return offsets;
    }

    /// <summary>A mixture written by hand.</summary>
    private sealed class ManyExperts(int topK, Combine combine, params ISparseExpert[] experts) : IExpertMixture
    {
        public MixtureInfo Info { get; } = new()
        {
            Name = nameof(ManyExperts),
            Summary = "",
            TopK = topK,
            Combine = combine,
            Experts = [.. experts.Select((expert, id) => new ExpertDispatch { Id = id, Name = expert.Info.Name, Info = expert.Info, Select = _ => expert })],
        };

        public IReadOnlyDictionary<string, object?> ParameterValues => new Dictionary<string, object?>();

        public IExpertMixture With(IReadOnlyDictionary<string, object> parameters) => this;
    }
}
