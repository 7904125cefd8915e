using System.Numerics.Tensors;
using MoBA.Runtime.Cpu;
using Xunit;

namespace MoBA.Runtime.Tests;

/// <summary>What is packed, and how much of it at once.</summary>
public class PackingTests
{
    [Theory]
    [InlineData(1, 70, 0, 2)]       // keys 10170..10239 fall into two tiles
    [InlineData(1, 64, 0, 1)]
    [InlineData(1, 64, 3, 2)]
    [InlineData(200, 64, 0, 5)]     // keys 9977..10239 in the tiles from 9920 on
    public void OnlyReachedKeyTilesArePacked(int queries, int window, int sinks, int tiles)
    {
        const int keys = 160 * CpuTile.KeyTile, keyHeads = 2;
        CpuBackend backend = new(TileMath.Best, 2);
        using AttentionEngine engine = new(backend);
        Tensor<float> q = Inputs.Normal<float>(1, queries, 4, 16);
        Tensor<float> k = Inputs.Normal<float>(2, keys, keyHeads, 16);
        WindowAndSinks expert = new(window, sinks);
        float[] actual = Inputs.Floats(engine.Attend(expert, q, k, k));
        Assert.Equal(tiles * keyHeads, backend.LastPacked);
        Same(Oracle.Attend(expert, q, k, k, new()).Output, actual);
    }

    [Fact]
    public void ReachedTilesOfSeveralSequencesAndHeads()
    {
        CpuBackend backend = new(TileMath.Best, 2);
        using AttentionEngine engine = new(backend);
        AttentionOptions options = new() { Sequences = [0, 1, 1, 101, 103], KeySequences = [0, 700, 900, 1000, 1640] };
        Tensor<float> q = Inputs.Normal<float>(1, 103, 2, 16);
        Tensor<float> k = Inputs.Normal<float>(2, 1640, 2, 16);
        foreach (bool byHead in new[] { false, true })
        {
            WindowByHead expert = new(byHead);
            float[] actual = Inputs.Floats(engine.Attend(expert, q, k, k, options).Output);
            Same(Oracle.Attend(expert, q, k, k, options).Output, actual);

            // 10 keys before 700, none of the second, 100 keys, and the last of 640; head 1 also sees the first tile.
            Assert.Equal(byHead ? 4 + 6 : 4 + 4, backend.LastPacked);
        }
    }

    [Fact]
    public void ManyShortSequencesFit()
    {
        // Padded to key tiles all at once they would need 13 GB.
        const int sequences = 50_000, heads = 8, dim = 64;
        using AttentionEngine engine = AttentionEngine.Create(Target.Cpu);
        Tensor<float> x = Tensor.Create([.. Enumerable.Range(0, sequences * heads * dim).Select(i => i % 1999 / 1999f)], [sequences, heads, dim]);
        AttentionOptions options = new() { Sequences = [.. Enumerable.Range(0, sequences + 1)] };
        AttentionResult<float> result = engine.Attend(new Causal(), x, x, x, options);
        Assert.Equal(Inputs.Floats(x), Inputs.Floats(result.Output));
        Assert.Equal(["pack", "attend"], result.Timings.Select(t => t.Pass));
    }

    [Fact]
    public void GroupsOfSequencesChangeNothing()
    {
        AttentionOptions options = new() { Sequences = [0, 1, 1, 65, 66, 300, 428, 429], ReturnLse = true };
        Tensor<float> q = Inputs.Normal<float>(1, 429, 4, 24), k = Inputs.Normal<float>(2, 429, 2, 24);
        float[] Attend(long groupBytes)
        {
            using AttentionEngine engine = new(new CpuBackend(TileMath.Best, 2, groupBytes));
            AttentionResult<float> result = engine.Attend(new Causal(), q, k, k, options);
            return [.. Inputs.Floats(result.Output), .. Inputs.Floats(result.Lse!)];
        }

        float[] together = Attend(long.MaxValue);
        Assert.Equal(together, Attend(0));
        Assert.Equal(together, Attend(200_000));
        Same(Oracle.Attend(new Causal(), q, k, k, options).Output, together[..(429 * 4 * 24)]);
    }

    [Fact]
    public void TheLargestWorkspaceIsKept()
    {
        CpuBackend backend = new(TileMath.Best, 1);
        using AttentionEngine engine = new(backend);
        Tensor<float> small = Inputs.Normal<float>(1, 10, 1, 16), large = Inputs.Normal<float>(1, 300, 1, 16);
        bool nested = false;
        Interrupting expert = new(() =>
        {
            if (!nested)
            {
                nested = true;
                engine.Attend(new Causal(), large, large, large);
            }
        });
        engine.Attend(expert, small, small, small);     // ends after the larger one
        Assert.Equal(5 * CpuTile.KeyTile * 2 * 16 * sizeof(float), backend.KeptBytes);
    }

    [Fact]
    public void CancellingAfterTheLastPieceIsNoError()
    {
        using CancellationTokenSource source = new();
        int done = 0;
        void Work(WorkQueue queue)
        {
            while (queue.TryTake(out long item))
            {
                done++;
                if (item == 4)
                    source.Cancel();
            }
        }

        new WorkQueue(5, source.Token).Run(1, Work);
        Assert.Equal(5, done);
        using CancellationTokenSource other = new();
        Assert.Throws<OperationCanceledException>(() => new WorkQueue(5, other.Token).Run(1, queue =>
        {
            queue.TryTake(out _);
            other.Cancel();
            queue.TryTake(out _);
        }));
    }

    private static void Same(double[] expected, float[] actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (int i = 0; i < expected.Length; i++)
            Assert.Equal(expected[i], actual[i], 1e-5);
    }

    private sealed class WindowByHead(bool byHead) : TestExpert
    {
        public override ExpertInfo Info => base.Info with { DependsOnHead = byHead };

        public override bool Attends(int q, int k, int head) => q >= k && (q - k < 10 || (byHead && head == 1 && k < 5));

        protected override int KeyRanges(long q0, long q1, int keys, int head, Span<KeyRange> ranges)
        {
            ranges[0] = new((int)q0 - 9, (int)q1 + 1);
            ranges[1] = new(0, 5);
            return byHead && head == 1 ? 2 : 1;
        }
    }
}
