using System.Numerics.Tensors;
using MoBA.Runtime.Cpu;
using Xunit;

namespace MoBA.Runtime.Tests;

/// <summary>Random mixtures: an engine that has seen other shapes, cancelled calls and several threads gives the very bits of a fresh one
/// on one thread, and both agree with the oracle.</summary>
public sealed class MixtureFuzzTests
{
    [Fact]
    public void A_used_engine_is_a_fresh_engine_and_the_oracle()
    {
        using AttentionEngine used = new(new CpuBackend(TileMath.Best, 3, 1));
        for (int seed = 0; seed < 60; seed++)
        {
            Case at = new(seed);
            using AttentionEngine fresh = new(new CpuBackend(TileMath.Best, 1));
            AttentionResult<float> wanted = ReferenceAttention.Attend(at.Mixture, at.Logits, at.Q, at.K, at.V, at.Options);
            AttentionResult<float> once = fresh.Attend(at.Mixture, at.Logits, at.Q, at.K, at.V, at.Options);
            Disturb(used, at, seed);
            AttentionResult<float> again = used.Attend(at.Mixture, at.Logits, at.Q, at.K, at.V, at.Options, seed % 2 == 0 ? at.Q : null);

            Assert.Equal(Inputs.Floats(once.Output), Inputs.Floats(again.Output));
            Assert.Equal(Inputs.Ints(wanted.Routes!), Inputs.Ints(once.Routes!));
            Close(seed, Inputs.Floats(wanted.Output), Inputs.Floats(once.Output));
            if (once.Lse is null)
                continue;
            Assert.Equal(Inputs.Floats(once.Lse), Inputs.Floats(again.Lse!));
            Close(seed, Inputs.Floats(wanted.Lse!), Inputs.Floats(once.Lse));
        }
    }

    private static void Disturb(AttentionEngine engine, Case at, int seed)
    {
        using CancellationTokenSource source = new(seed % 3);
        try
        {
            engine.Attend(at.Mixture, at.Logits, at.Q, at.K, at.V, at.Options, null, source.Token);
        }
        catch (OperationCanceledException)
        {
        }
    }

    private static void Close(int seed, float[] wanted, float[] actual)
    {
        for (int i = 0; i < wanted.Length; i++)
            Assert.True(wanted[i] == actual[i] || Math.Abs(wanted[i] - actual[i]) <= 2e-5 * Math.Max(1, Math.Abs(wanted[i])), $"seed {seed}: {wanted[i]:R} is wanted at {i}, {actual[i]:R} was computed");
    }

    private sealed class Capped : TestExpert
    {
        protected override bool Modifies => true;

        public override bool Attends(int q, int k, int head) => Math.Abs(q - k) < 200;

        public override float Score(float score, int q, int k, int head, int heads) => 3 * MathF.Tanh(score / 3);
    }

    private sealed class Case
    {
        public Case(int seed)
        {
            Random random = new(seed);
            int dim = random.Next(1, 33) * 8, keyHeads = random.Next(1, 3), heads = keyHeads * random.Next(1, 4);
            int[] queries = Offsets(random, 250), keys = Offsets(random, 300);
            (Q, K, V) = (Normal(queries[^1], heads), Normal(keys[^1], keyHeads), Normal(keys[^1], keyHeads));
            ISparseExpert[] all =
            [
                new WindowAndSinks(random.Next(1, 80), 5), Gated(new FastCausal()), new Capped(), Gated(new Capped()), new EveryThirdQuery(), Gated(new Everything()),
            ];
            int count = random.Next(1, all.Length + 1), topK = random.Next(1, count + 1);
            Combine combine = (Combine)random.Next(2);
            Mixture = new(topK, combine, [.. all.OrderBy(_ => random.Next()).Take(count)]);
            Logits = Inputs.Normal<float>(random.Next(), queries[^1], heads, count);
            Options = new()
            {
                Sequences = queries,
                KeySequences = keys,
                QueryStart = random.Next(2) == 0 ? null : random.Next(-300, 600),
                ReturnLse = combine == Combine.LogSumExp || topK == 1,
                ReturnRoutes = true,
            };

            GatedExpert Gated(ISparseExpert inner) => new(
                inner, new BlockGate(16 * random.Next(1, 10), random.Next(1, 25), (Pooling)random.Next(2), (RouteScope)random.Next(2)),
                random.Next(2) == 0 ? null : static (q, k) => k < 20 || q - k < 50);

            // Every second case has components that do not lie side by side.
            Tensor<float> Normal(int tokens, int count)
            {
                Tensor<float> dense = Inputs.Normal<float>(random.Next(), tokens, count, dim);
                if (seed % 2 == 0 || tokens < 2 || count < 2)
                    return dense;
                Tensor<float> wide = Tensor.Create(new float[tokens * count * 2 * (dim + 3)], 0, [tokens, count, dim], [count * 2 * (dim + 3), 2 * (dim + 3), 2]);
                dense.CopyTo(wide);
                return wide;
            }
        }

        public TestMixture Mixture { get; }

        public Tensor<float> Logits { get; }

        public Tensor<float> Q { get; }

        public Tensor<float> K { get; }

        public Tensor<float> V { get; }

        public AttentionOptions Options { get; }

        private static int[] Offsets(Random random, int longest)
        {
            int[] offsets = new int[5];
            for (int i = 1; i < offsets.Length; i++)
                offsets[i] = offsets[i - 1] + (random.Next(4) == 0 ? 0 : random.Next(1, longest));
            return offsets;
        }
    }
}
