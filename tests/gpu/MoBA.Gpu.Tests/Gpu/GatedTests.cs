using System.Numerics.Tensors;
using MoBA.Patterns;
using MoBA.Runtime;
using Xunit;

namespace MoBA.Gpu.Tests.Gpu;

/// <summary>Block-gated experts, routing included, beside the CPU engine's on the same elements: routes are equal but for near ties, and so
/// are the outputs and log-sum-exps of rows with equal routes.</summary>
public class GatedTests(GpuFixture gpu) : GpuTests(gpu), IDisposable
{
    private const double MostOtherRoutes = 0.001;

    private readonly AttentionEngine _cpu = AttentionEngine.Create(Target.Cpu);

    /// <summary>Experts of the gallery, by name.</summary>
    public static TheoryData<string, int, int> Experts()
    {
        TheoryData<string, int, int> data = [];
        foreach (string name in new[] { nameof(MobaTopK), nameof(MobaSinks), nameof(QuestTopK), nameof(MobaGroup) })
        {
            foreach ((int block, int topK) in new[] { (16, 1), (16, 9), (48, 3), (64, 2), (64, 16), (128, 8), (192, 4), (512, 3), (16, 64) })
                data.Add(name, block, topK);
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(Experts))]
    public void Experts_are_right(string name, int block, int topK)
    {
        ISparseExpert expert = Expert(name, block, topK);
        int n = block * 5;

        // Lengths around blocks, one token, none; queries that stand behind keys.
        foreach ((int dim, int heads, int keyHeads, int[] queries, int[] keys) in new[]
        {
            (128, 4, 4, new[] { n - 1, 1, n + 1 }, new[] { n - 1, 1, n + 1 }),
            (64, 8, 2, [block, 0, (2 * block) - 1, 3 * block], [block, 0, (2 * block) - 1, 3 * block]),
            (128, 4, 2, [77, 5], [n + 77, 3 * block]),
            (256, 2, 1, [n], [n]),
            (40, 2, 2, [n / 2, n], [n / 2, n]),
        })
        {
            Check<BFloat16>(expert, dim, heads, keyHeads, queries, keys, static x => (BFloat16)x, static x => (float)x, 0.02f);
            Check<Half>(expert, dim, heads, keyHeads, queries, keys, static x => (Half)x, static x => (float)x, 0.004f);
        }
    }

    [Theory]
    [InlineData(nameof(MobaTopK), 4096)]
    [InlineData(nameof(MobaTopK), 20000)]
    [InlineData(nameof(MobaSinks), 5000)]
    [InlineData(nameof(QuestTopK), 3000)]
    [InlineData(nameof(MobaGroup), 3000)]
    public void Long_sequences_are_right(string name, int tokens) =>
        Check<BFloat16>(Expert(name, 0, 0), 128, 2, 1, [tokens], [tokens], static x => (BFloat16)x, static x => (float)x, 0.02f);

    /// <inheritdoc/>
    public void Dispose()
    {
        _cpu.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>The path of the calls.</summary>
    protected virtual AttendPath Path => AttendPath.Auto;

    /// <summary>An expert by its name; 0 leaves its block size and TopK as they are.</summary>
    protected static ISparseExpert Expert(string name, int block, int topK)
    {
        ISparseExpert expert = name switch
        {
            nameof(MobaTopK) => new MobaTopK(),
            nameof(MobaSinks) => new MobaSinks(),
            nameof(QuestTopK) => new QuestTopK(),
            _ => new MobaGroup(),
        };
        return block == 0 ? expert : expert.With(new Dictionary<string, object> { ["BlockSize"] = block, ["TopK"] = topK });
    }

    private void Check<T>(ISparseExpert expert, int dim, int heads, int keyHeads, int[] queries, int[] keys, Func<float, T> from, Func<T, float> to, float tolerance)
        where T : unmanaged
    {
        Random random = new(dim + queries.Length);
        Tensor<T> q = Normal(queries.Sum(), heads), k = Normal(keys.Sum(), keyHeads), v = Normal(keys.Sum(), keyHeads);
        AttentionOptions options = new() { Sequences = Offsets(queries), KeySequences = Offsets(keys), ReturnLse = true, ReturnRoutes = true, AttendPath = Path };
        AttentionResult<T> ours = Engine.Attend(expert, q, k, v, options), wanted = _cpu.Attend(expert, q, k, v, options);
        int[] routes = [.. ours.Routes!], wantedRoutes = [.. wanted.Routes!];
        float[] lse = [.. ours.Lse!], wantedLse = [.. wanted.Lse!];
        T[] output = [.. ours.Output], wantedOutput = [.. wanted.Output];
        int rows = queries.Sum() * heads, topK = expert.Gate!.TopK, routeHeads = routes.Length / topK / queries.Sum(), group = heads / routeHeads, others = 0;
        string what = $"{expert.Info.Name} {expert.Gate.BlockSize}x{topK} dim {dim} heads {heads}/{keyHeads} queries {string.Join(' ', queries)} keys {string.Join(' ', keys)} {typeof(T).Name}";
        for (int row = 0; row < rows; row++)
        {
            int route = ((row / heads * routeHeads) + (row % heads / group)) * topK;
            if (!routes.AsSpan(route, topK).SequenceEqual(wantedRoutes.AsSpan(route, topK)))
            {
                others++;
                Assert.Equal(wantedRoutes.AsSpan(route, topK).ToArray().Distinct().Count(), routes.AsSpan(route, topK).ToArray().Distinct().Count());
                continue;
            }

            Assert.True(lse[row].Equals(wantedLse[row]) || Math.Abs(lse[row] - wantedLse[row]) < 0.002f, $"{what}: row {row} has log-sum-exp {lse[row]} and not {wantedLse[row]}");
            for (int i = 0; i < dim; i++)
            {
                float x = to(output[(row * dim) + i]), y = to(wantedOutput[(row * dim) + i]);
                Assert.True(Math.Abs(x - y) <= tolerance, $"{what}: row {row} has {x} and not {y} in column {i}");
            }
        }

        Assert.True(others <= Math.Max(1, rows * MostOtherRoutes), $"{what}: {others} of {rows} rows have other routes");

        Tensor<T> Normal(int tokens, int ofHeads)
        {
            T[] values = new T[tokens * ofHeads * dim];
            for (int i = 0; i < values.Length; i++)
                values[i] = from((float)(Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble())));
            return Tensor.Create(values, [tokens, ofHeads, dim]);
        }
    }

    private static int[] Offsets(int[] lengths)
    {
        int[] offsets = new int[lengths.Length + 1];
        for (int i = 0; i < lengths.Length; i++)
            offsets[i + 1] = offsets[i] + lengths[i];
        return offsets;
    }
}
