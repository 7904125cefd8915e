using System.Buffers;
using System.Numerics.Tensors;
using MoBA.Runtime.Cpu;
using Xunit;

namespace MoBA.Runtime.Tests;

/// <summary>The CPU engine against the definition of attention.</summary>
public class AttentionEngineTests
{
    private static readonly int[] _lengths = [1, 2, 63, 64, 65, 127, 129, 500, 1023];

    /// <summary>Both vector widths, whatever this machine prefers.</summary>
    public static TheoryData<bool> Widths => [true, false];

    [Theory]
    [MemberData(nameof(Widths))]
    public void EveryLengthAgreesWithTheDefinition(bool wide)
    {
        using AttentionEngine engine = Engine(wide);
        foreach (int length in _lengths)
        {
            Compare<float>(engine, new Causal(), length, length, 2, 1, 64, new());
            Compare<float>(engine, new WindowAndSinks(100, 4), length, length, 2, 2, 40, new());
        }
    }

    [Theory]
    [MemberData(nameof(Widths))]
    public void EveryDimAgreesWithTheDefinition(bool wide)
    {
        using AttentionEngine engine = Engine(wide);
        for (int dim = 8; dim <= 256; dim += 8)
            Compare<float>(engine, new Causal(), 130, 130, 1, 1, dim, new());
    }

    [Theory]
    [MemberData(nameof(Widths))]
    public void EveryExpertAgreesWithTheDefinition(bool wide)
    {
        using AttentionEngine engine = Engine(wide);
        TestExpert[] experts = [new Everything(), new Causal(), new WindowAndSinks(1, 0), new WindowAndSinks(70, 3), new EveryThirdQuery(), new Nothing(), new PenaltyAndCap()];
        foreach (TestExpert expert in experts)
            Compare<float>(engine, expert, 300, 300, 3, 3, 80, new());
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(3, 1)]
    [InlineData(3, 3)]
    [InlineData(8, 1)]
    [InlineData(8, 2)]
    [InlineData(8, 8)]
    public void HeadsShareKeys(int heads, int keyHeads)
    {
        using AttentionEngine engine = AttentionEngine.Create(Target.Cpu);
        Compare<float>(engine, new EveryThirdQuery(), 150, 150, heads, keyHeads, 16, new());
        Compare<float>(engine, new PenaltyAndCap(), 150, 150, heads, keyHeads, 16, new());
    }

    [Theory]
    [MemberData(nameof(Widths))]
    public void HalvesAgreeWithTheDefinition(bool wide)
    {
        using AttentionEngine engine = Engine(wide);
        foreach (int dim in new[] { 8, 40, 64, 128, 256 })
        {
            // Inputs are exact; only the output is rounded, by half a unit in the last of 11 or 8 bits.
            Compare<Half>(engine, new Causal(), 129, 129, 2, 1, dim, new(), 1.0 / 2048);
            Compare<BFloat16>(engine, new Causal(), 129, 129, 2, 1, dim, new(), 1.0 / 256);
        }
    }

    [Theory]
    [MemberData(nameof(Widths))]
    public void SequencesDoNotSeeEachOther(bool wide)
    {
        using AttentionEngine engine = Engine(wide);
        int[] offsets = [0, 0, 1, 65, 65, 300, 428, 428];
        Compare<float>(engine, new Causal(), 428, 428, 2, 1, 24, new() { Sequences = offsets });
        Compare<float>(engine, new Everything(), 428, 428, 2, 1, 24, new() { Sequences = offsets });
        int[] keys = [0, 7, 7, 200, 264, 300, 301, 301];
        Compare<float>(engine, new Causal(), 428, 301, 2, 1, 24, new() { Sequences = offsets, KeySequences = keys });
        Compare<float>(engine, new PenaltyAndCap(), 428, 301, 2, 1, 24, new() { Sequences = offsets, KeySequences = keys });
    }

    [Theory]
    [InlineData(1, 200, null)]
    [InlineData(5, 200, null)]
    [InlineData(200, 5, null)]     // the first queries stand before the first key
    [InlineData(100, 200, 0)]
    [InlineData(100, 200, 17)]
    [InlineData(100, 200, 1000)]
    [InlineData(100, 200, -30)]
    public void QueriesStandWhereTheyShould(int queries, int keys, int? start)
    {
        using AttentionEngine engine = AttentionEngine.Create(Target.Cpu);
        Compare<float>(engine, new Causal(), queries, keys, 2, 2, 32, new() { QueryStart = start });
        Compare<float>(engine, new WindowAndSinks(40, 4), queries, keys, 2, 2, 32, new() { QueryStart = start });
        Compare<float>(engine, new PenaltyAndCap(), queries, keys, 2, 2, 32, new() { QueryStart = start });
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(0, 10)]
    [InlineData(10, 0)]
    public void NoTokensIsNoProblem(int queries, int keys)
    {
        using AttentionEngine engine = AttentionEngine.Create(Target.Cpu);
        Compare<float>(engine, new Causal(), queries, keys, 2, 1, 16, new());
        Compare<Half>(engine, new Nothing(), queries, keys, 2, 1, 16, new());
    }

    [Theory]
    [InlineData(0f)]
    [InlineData(-0.5f)]
    [InlineData(40f)]
    public void ScaleIsTheCallers(float scale)
    {
        using AttentionEngine engine = AttentionEngine.Create(Target.Cpu);
        Compare<float>(engine, new Causal(), 100, 100, 1, 1, 32, new() { Scale = scale }, tolerance: scale == 40 ? 1e-3 : 2e-5);
    }

    [Fact]
    public void BindIsToldThePositionsOfAllSequences()
    {
        using AttentionEngine engine = AttentionEngine.Create(Target.Cpu);
        Causal expert = new();
        Tensor<float> q = Inputs.Normal<float>(1, 30, 4, 8), k = Inputs.Normal<float>(2, 50, 2, 8);
        engine.Attend(expert, q, k, k, new() { Sequences = [0, 10, 10, 30], KeySequences = [0, 4, 10, 50] });
        Assert.Equal([new AttentionExtent(-6, 39, 40, 4)], expert.Extents);
    }

    [Fact]
    public void StridedTensorsAreReadAndWrittenInPlace()
    {
        using AttentionEngine engine = AttentionEngine.Create(Target.Cpu);
        Tensor<float> whole = Inputs.Normal<float>(3, 150, 8, 48);
        Tensor<float> q = whole.Slice(new NRange(0, 100), new NRange(0, 4), new NRange(0, 16));
        Tensor<float> k = whole.Slice(new NRange(20, 120), new NRange(4, 6), new NRange(16, 32));
        Tensor<float> v = whole.Slice(new NRange(50, 150), new NRange(6, 8), new NRange(32, 48));
        float[] expected = Inputs.Floats(engine.Attend(new Causal(), q.ToDenseTensor(), k.ToDenseTensor(), v.ToDenseTensor()));

        Assert.Equal(expected, Inputs.Floats(engine.Attend(new Causal(), q, k, v)));

        Tensor<float> target = Tensor.Create(Enumerable.Repeat(-7f, 100 * 5 * 20).ToArray(), [100, 5, 20]);
        Tensor<float> output = target.Slice(new NRange(0, 100), new NRange(1, 5), new NRange(2, 18));
        engine.Attend(new Causal(), q, k, v, new(), output);
        Assert.Equal(expected, Inputs.Floats(output));
        Assert.Equal(100 * 5 * 20 - expected.Length, Inputs.Floats(target).Count(x => x == -7));
    }

    [Fact]
    public void TransposedTensorsAreRead()
    {
        // Memory [dim][heads][tokens]: no stride is 1 where rows are read.
        using AttentionEngine engine = AttentionEngine.Create(Target.Cpu);
        Tensor<BFloat16> dense = Inputs.Normal<BFloat16>(3, 70, 3, 24);
        BFloat16[] turned = new BFloat16[70 * 3 * 24];
        for (int i = 0; i < turned.Length; i++)
            turned[i % 24 * 210 + i / 24 % 3 * 70 + i / 72] = dense[i / 72, i / 24 % 3, i % 24];
        Tensor<BFloat16> strided = Tensor.Create(turned, [70, 3, 24], [1, 70, 210]);
        Assert.Equal(
            Inputs.Floats(engine.Attend(new Causal(), dense, dense, dense)),
            Inputs.Floats(engine.Attend(new Causal(), strided, strided, strided)));
    }

    [Fact]
    public void OutputMayBeTheQueriesThemselves()
    {
        using AttentionEngine engine = AttentionEngine.Create(Target.Cpu);
        Tensor<float> q = Inputs.Normal<float>(1, 300, 2, 16), k = Inputs.Normal<float>(2, 300, 2, 16);
        float[] expected = Inputs.Floats(engine.Attend(new Causal(), q, k, k));
        AttentionResult<float> result = engine.Attend(new Causal(), q, k, k, new(), q);
        Assert.Same(q, result.Output);
        Assert.Equal(expected, Inputs.Floats(q));
    }

    [Fact]
    public void EveryRowOfAPoisonedOutputIsWritten()
    {
        using AttentionEngine engine = AttentionEngine.Create(Target.Cpu);
        Tensor<float> q = Inputs.Normal<float>(1, 200, 3, 40);
        foreach (TestExpert expert in new TestExpert[] { new Nothing(), new EveryThirdQuery(), new Causal() })
        {
            Tensor<float> output = Tensor.Create(Enumerable.Repeat(float.NaN, 200 * 3 * 40).ToArray(), [200, 3, 40]);
            engine.Attend(expert, q, q, q, new() { Sequences = [0, 50, 50, 200], KeySequences = [0, 0, 20, 200] }, output);
            Assert.All(Inputs.Floats(output), x => Assert.True(float.IsFinite(x)));
        }
    }

    [Theory]
    [MemberData(nameof(Widths))]
    public void ThreadsDoNotChangeABit(bool wide)
    {
        Tensor<float> q = Inputs.Normal<float>(1, 700, 4, 64), k = Inputs.Normal<float>(2, 700, 2, 64);
        AttentionOptions options = new() { ReturnLse = true, Sequences = [0, 100, 700] };
        AttentionResult<float>[] results = [.. new[] { 1, 2, 7 }.Select(workers =>
        {
            using AttentionEngine engine = Engine(wide, workers);
            return engine.Attend(new WindowAndSinks(200, 3), q, k, k, options);
        })];
        Assert.Equal(Inputs.Floats(results[0].Output), Inputs.Floats(results[1].Output));
        Assert.Equal(Inputs.Floats(results[0].Output), Inputs.Floats(results[2].Output));
        Assert.Equal(Inputs.Floats(results[0].Lse!), Inputs.Floats(results[2].Lse!));
    }

    [Theory]
    [MemberData(nameof(Widths))]
    public void ANanInASeenKeyIsNotHidden(bool wide)
    {
        using AttentionEngine engine = Engine(wide);
        Tensor<float> q = Inputs.Normal<float>(1, 100, 1, 16);
        Tensor<float> k = Inputs.Normal<float>(2, 100, 1, 16);
        k[50, 0, 3] = float.NaN;
        Tensor<float> output = engine.Attend(new Causal(), q, k, q);
        Assert.True(float.IsFinite(output[49, 0, 0]));
        Assert.True(float.IsNaN(output[50, 0, 0]));
        Assert.True(float.IsNaN(output[99, 0, 0]));
    }

    [Fact]
    public void SeveralThreadsMayCallAtOnce()
    {
        using AttentionEngine engine = AttentionEngine.Create(Target.Cpu);
        Tensor<float> q = Inputs.Normal<float>(1, 400, 2, 32);
        float[] expected = Inputs.Floats(engine.Attend(new Causal(), q, q, q));
        Parallel.For(0, 20, _ => Assert.Equal(expected, Inputs.Floats(engine.Attend(new Causal(), q, q, q))));
    }

    [Fact]
    public void LseAndTimingsAreGivenWhenAsked()
    {
        using AttentionEngine engine = AttentionEngine.Create(Target.Cpu);
        Tensor<float> q = Inputs.Normal<float>(1, 10, 2, 32);
        AttentionResult<float> result = engine.Attend(new Causal(), q, q, q, new AttentionOptions());
        Assert.Null(result.Lse);
        Assert.Equal(["pack", "attend"], result.Timings.Select(t => t.Pass));
        Assert.All(result.Timings, t => Assert.True(t.Elapsed > TimeSpan.Zero));
    }

    internal static AttentionEngine Engine(bool wide, int workers = 2) =>
        new(new CpuBackend(wide ? new WideTileMath() : new NarrowTileMath(), workers));

    // Relative to 1 + |expected|: rounding of the output, and of sums of a thousand products.
    private static void Compare<T>(
        AttentionEngine engine, TestExpert expert, int queries, int keys, int heads, int keyHeads, int dim, AttentionOptions options, double tolerance = 2e-6)
    {
        Tensor<T> q = Inputs.Normal<T>(1, queries, heads, dim);
        Tensor<T> k = Inputs.Normal<T>(2, keys, keyHeads, dim);
        Tensor<T> v = Inputs.Normal<T>(3, keys, keyHeads, dim);
        AttentionResult<T> result = engine.Attend(expert, q, k, v, options with { ReturnLse = true });
        (double[] output, double[] lse) = Oracle.Attend(expert, q, k, v, options);
        Assert.Equal(q.Lengths.ToArray(), result.Output.Lengths.ToArray());
        Assert.Equal([queries, heads], result.Lse!.Lengths.ToArray());
        Same(output, Inputs.Floats(result.Output), tolerance, $"{expert.GetType().Name} {queries}x{keys} heads {heads}/{keyHeads} dim {dim}");
        Same(lse, Inputs.Floats(result.Lse), Math.Min(tolerance, 2e-5), "lse");
    }

    private static void Same(double[] expected, float[] actual, double tolerance, string what)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (int i = 0; i < expected.Length; i++)
        {
            bool same = expected[i] == actual[i] || Math.Abs(expected[i] - actual[i]) <= tolerance * (1 + Math.Abs(expected[i]));
            Assert.True(same, $"{what}: [{i}] is {actual[i]}, expected {expected[i]}");
        }
    }
}
