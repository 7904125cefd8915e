using System.Numerics.Tensors;
using ILGPU.Runtime;
using MoBA.Runtime.Portable;
using MoBA.Runtime.Tests.Portable.Samples;
using Xunit;

namespace MoBA.Runtime.Tests.Portable;

public sealed class PortableKernelTests(PortableKernelTests.CpuDevice fixture) : IClassFixture<PortableKernelTests.CpuDevice>
{
    private readonly AttentionEngine _engine = fixture.Engine;

    public static TheoryData<int, int> LengthsAndDims
    {
        get
        {
            var data = new TheoryData<int, int>();
            foreach (int length in new[] { 1, 2, 17, 63, 65, 130 })
            {
                data.Add(length, 8);
                data.Add(length, 40);
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(LengthsAndDims))]
    public void SinkWindow_agrees_with_the_definition(int length, int dim) =>
        SinkWindow(new Case(2, 1, dim, [0, length]), window: 24, sinks: 3);

    [Fact]
    public void Heads_share_keys_and_queries_start_anywhere()
    {
        SinkWindow(new Case(6, 2, 16, [0, 70], [0, 200]), window: 50, sinks: 20);
        SinkWindow(new Case(2, 2, 16, [0, 70], [0, 50], QueryStart: 5), window: 30, sinks: 4);
        SinkWindow(new Case(2, 2, 16, [0, 70], [0, 50]), window: 30, sinks: 4);       // 20 rows before the first key
        SinkWindow(new Case(1, 1, 8, [0, 3], [0, 100], QueryStart: 90), window: 1, sinks: 0);
    }

    [Fact]
    public void Sequences_do_not_see_each_other()
    {
        SinkWindow(new Case(2, 1, 8, [0, 5, 5, 70, 71]), window: 40, sinks: 2);
        SinkWindow(new Case(2, 1, 8, [0, 5, 25, 26], [0, 0, 33, 80]), window: 40, sinks: 2);
    }

    [Fact]
    public void Rows_that_see_nothing_are_zero()
    {
        SinkWindow(new Case(2, 1, 8, [0, 30]), window: 0, sinks: 0);
        SinkWindow(new Case(2, 1, 8, [0, 30], [0, 30], QueryStart: 60), window: 45, sinks: 0);
    }

    [Theory]
    [MemberData(nameof(LengthsAndDims))]
    public void A_monotone_table_bounds_the_keys(int length, int dim)
    {
        int[] document = Enumerable.Range(0, length).Select(i => (i * 7 / 100) - 3).ToArray();
        Check(
            new Case(2, 1, dim, [0, length]),
            launch => launch.Run(DocumentCausalKernel.Attend, new DocumentCausalKernel.Parameters { Document = launch.Table(document, monotone: true) }),
            (q, k, _) => q >= k && document[q] == document[k]);
    }

    [Theory]
    [InlineData(130, false)]
    [InlineData(130, true)]
    [InlineData(17, true)]
    [InlineData(1, false)]
    public void A_table_in_any_order_and_a_predicate_of_the_head(int length, bool everyone)
    {
        var random = new Random(length);
        int[] group = Enumerable.Range(0, length).Select(i => (i / 40) + random.Next(0, 2)).ToArray();
        Check(
            new Case(3, 1, 8, [0, length]),
            launch => launch.Run(
                GroupKernel.Attend,
                new GroupKernel.Parameters { Group = launch.Table(group, monotone: false), Everyone = everyone ? 1 : 0 }),
            (q, k, head) => group[q] == group[k] || (everyone && (k & 3) == head));
    }

    [Theory]
    [MemberData(nameof(LengthsAndDims))]
    public void Alibi_modifies_scores_by_head(int length, int dim) => Check(
        new Case(4, 2, dim, [0, length]),
        launch => launch.Run(AlibiCausalKernel.Attend, new AlibiCausalKernel.Parameters { MaxBias = 8f }),
        (q, k, _) => q >= k,
        (score, q, k, head) => score - (Math.Pow(2, -8.0 * (head + 1) / 4) * (q - k)));

    [Theory]
    [MemberData(nameof(LengthsAndDims))]
    public void SoftCap_and_a_float_table_modify_scores(int length, int dim)
    {
        float[] bias = Enumerable.Range(0, length).Select(i => MathF.Sin(i)).ToArray();
        Check(
            new Case(2, 1, dim, [0, length]),
            launch => launch.Run(SoftCapKernel.Attend, new SoftCapKernel.Parameters { Cap = 1.5f, Bias = launch.Table(bias) }),
            (q, k, _) => q >= k,
            (score, _, k, _) => (1.5 * Math.Tanh(score / 1.5)) + bias[k]);
    }

    [Theory]
    [InlineData(0, 130, 130)]
    [InlineData(1, 130, 130)]
    [InlineData(2, 90, 40)]       // queries from position -50: division truncates
    [InlineData(7, 130, 130)]
    public void Natten_divides_as_csharp_does(int radius, int rows, int keys) => Check(
        new Case(2, 1, 8, [0, rows], [0, keys]),
        launch => launch.Run(Natten2DKernel.Attend, new Natten2DKernel.Parameters { Radius = radius }),
        (q, k, _) => Math.Abs((q / 8) - (k / 8)) <= radius && Math.Abs((q % 8) - (k % 8)) <= radius);

    [Theory]
    [MemberData(nameof(LengthsAndDims))]
    public void An_expert_may_have_no_parameters(int length, int dim) => Check(
        new Case(1, 1, dim, [0, length]),
        launch => launch.Run(EverythingKernel.Attend, default(EverythingKernel.Parameters)),
        (_, _, _) => true);

    [Fact]
    public void Halves_are_widened_and_rounded_back()
    {
        SampleExpert expert = Causal();
        Tensor<BFloat16> q = Inputs.Normal<BFloat16>(1, 40, 2, 16), k = Inputs.Normal<BFloat16>(2, 40, 1, 16), v = Inputs.Normal<BFloat16>(3, 40, 1, 16);
        float[] actual = Inputs.Floats(_engine.Attend(expert, q, k, v));
        (double[] expected, _) = Oracle.Attend(expert, q, k, v, new());
        for (int i = 0; i < actual.Length; i++)
            Assert.True(Math.Abs(expected[i] - actual[i]) <= Math.Abs(expected[i]) / 256 + 2e-5, $"element {i}: {actual[i]} instead of {expected[i]}");
    }

    [Fact]
    public void The_checks_of_the_expert_run_before_its_kernel()
    {
        SampleExpert expert = new(_ => Assert.Fail("launched"), (_, _, _) => true) { Refusal = new ArgumentException("Stride is 0") };
        Tensor<float> x = Inputs.Normal<float>(1, 4, 1, 8);
        Assert.Equal("Stride is 0", Assert.Throws<ArgumentException>(() => _engine.Attend(expert, x, x, x)).Message);
        Assert.Equal(32, _engine.Attend(Causal(), x, x, x).FlattenedLength);
    }

    /// <summary>What is copied to the device are arrays that the garbage collector may move meanwhile.</summary>
    [Fact]
    public async Task Garbage_collections_do_not_change_what_is_copied()
    {
        const int copies = 1000;
        int at = 0, changed = 0;
        Task collections = Task.Factory.StartNew(
            () =>
            {
                // One collection a copy, some time after it began.
                Random random = new(1);
                for (int seen = 0; seen < copies; seen = Volatile.Read(ref at))
                {
                    while (Volatile.Read(ref at) == seen)
                        Thread.Yield();
                    Thread.SpinWait(random.Next(2000));
                    GC.Collect(1, GCCollectionMode.Forced, blocking: true, compacting: true);
                }
            },
            TaskCreationOptions.LongRunning);
        SampleExpert expert = new(
            launch =>
            {
                for (int i = 0; i < copies; i++, Volatile.Write(ref at, i))
                {
                    float[] sent = new float[20_000], got = new float[20_000];      // larger arrays would stay where they are
                    Array.Fill(sent, i + 0.5f);
                    launch.Table(sent).Values.CopyToCPU(got);
                    changed += got.AsSpan().ContainsAnyExcept(i + 0.5f) ? 1 : 0;
                }
            },
            (_, _, _) => true);
        Tensor<float> x = Inputs.Normal<float>(1, 4, 1, 8);
        _engine.Attend(expert, x, x, x);
        await collections;
        Assert.Equal(0, changed);
    }

    [Fact]
    public void A_disposed_engine_says_so()
    {
        AttentionEngine engine = new(new PortableBackend(PortableDevice.Cpu()));
        Assert.Equal(Target.Portable, engine.Target);
        engine.Dispose();
        engine.Dispose();
        Tensor<float> x = Inputs.Normal<float>(1, 4, 1, 8);
        Assert.Throws<ObjectDisposedException>(() => engine.Attend(Causal(), x, x, x));
    }

    private static SampleExpert Causal() => new(
        launch => launch.Run(SinkWindowKernel.Attend, new SinkWindowKernel.Parameters { Window = int.MaxValue, Sinks = 0 }),
        (q, k, _) => q >= k);

    private void SinkWindow(Case problem, int window, int sinks) => Check(
        problem,
        launch => launch.Run(SinkWindowKernel.Attend, new SinkWindowKernel.Parameters { Window = window, Sinks = sinks }),
        (q, k, _) => q >= k && (q - k < window || k < sinks));

    private void Check(
        Case problem, Action<PortableLaunch> launch, Func<int, int, int, bool> attends, Func<double, int, int, int, double>? score = null)
    {
        int[] keys = problem.KeySequences ?? problem.Sequences;
        Tensor<float> q = Inputs.Normal<float>(1, problem.Sequences[^1], problem.Heads, problem.Dim);
        Tensor<float> k = Inputs.Normal<float>(2, keys[^1], problem.KeyHeads, problem.Dim);
        Tensor<float> v = Inputs.Normal<float>(3, keys[^1], problem.KeyHeads, problem.Dim);
        AttentionOptions options = new()
        {
            Sequences = problem.Sequences,
            KeySequences = problem.KeySequences,
            QueryStart = problem.QueryStart,
            ReturnLse = true,
        };
        SampleExpert expert = new(launch, attends, score);
        AttentionResult<float> actual = _engine.Attend(expert, q, k, v, options);
        (double[] output, double[] lse) = Oracle.Attend(expert, q, k, v, options);
        AssertClose(output, Inputs.Floats(actual.Output));
        AssertClose(lse, Inputs.Floats(actual.Lse!));
    }

    private static void AssertClose(double[] expected, float[] actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (int i = 0; i < expected.Length; i++)
            Assert.True(expected[i] == actual[i] || Math.Abs(expected[i] - actual[i]) < 2e-5, $"element {i}: {actual[i]} instead of {expected[i]}");
    }

    private sealed record Case(int Heads, int KeyHeads, int Dim, int[] Sequences, int[]? KeySequences = null, int? QueryStart = null);

    public sealed class CpuDevice : IDisposable
    {
        internal AttentionEngine Engine { get; } = new(new PortableBackend(PortableDevice.Cpu()));

        public void Dispose() => Engine.Dispose();
    }
}
