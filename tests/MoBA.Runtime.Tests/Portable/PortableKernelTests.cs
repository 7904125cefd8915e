using MoBA.Runtime.Portable;
using MoBA.Runtime.Tests.Portable.Samples;
using Xunit;

namespace MoBA.Runtime.Tests.Portable;

public sealed class PortableKernelTests(PortableKernelTests.CpuDevice fixture) : IClassFixture<PortableKernelTests.CpuDevice>
{
    private readonly PortableDevice _device = fixture.Device;

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
        SinkWindow(new PortableCase(2, 1, dim, [0, length]), window: 24, sinks: 3);

    [Fact]
    public void Heads_share_keys_and_queries_start_anywhere()
    {
        SinkWindow(new PortableCase(6, 2, 16, [0, 70], [0, 200]), window: 50, sinks: 20);
        SinkWindow(new PortableCase(2, 2, 16, [0, 70], [0, 50], queryStart: 5), window: 30, sinks: 4);
        SinkWindow(new PortableCase(2, 2, 16, [0, 70], [0, 50]), window: 30, sinks: 4);       // 20 rows before the first key
        SinkWindow(new PortableCase(1, 1, 8, [0, 3], [0, 100], queryStart: 90), window: 1, sinks: 0);
    }

    [Fact]
    public void Sequences_do_not_see_each_other()
    {
        SinkWindow(new PortableCase(2, 1, 8, [0, 5, 5, 70, 71]), window: 40, sinks: 2);
        SinkWindow(new PortableCase(2, 1, 8, [0, 5, 25, 26], [0, 0, 33, 80]), window: 40, sinks: 2);
    }

    [Fact]
    public void Rows_that_see_nothing_are_zero()
    {
        SinkWindow(new PortableCase(2, 1, 8, [0, 30]), window: 0, sinks: 0);
        SinkWindow(new PortableCase(2, 1, 8, [0, 30], [0, 30], queryStart: 60), window: 45, sinks: 0);
    }

    [Theory]
    [MemberData(nameof(LengthsAndDims))]
    public void A_monotone_table_bounds_the_keys(int length, int dim)
    {
        int[] document = Enumerable.Range(0, length).Select(i => (i * 7 / 100) - 3).ToArray();
        new PortableCase(2, 1, dim, [0, length]).Check(
            _device,
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
        new PortableCase(3, 1, 8, [0, length]).Check(
            _device,
            launch => launch.Run(
                GroupKernel.Attend,
                new GroupKernel.Parameters { Group = launch.Table(group, monotone: false), Everyone = everyone ? 1 : 0 }),
            (q, k, head) => group[q] == group[k] || (everyone && (k & 3) == head));
    }

    [Theory]
    [MemberData(nameof(LengthsAndDims))]
    public void Alibi_modifies_scores_by_head(int length, int dim) => new PortableCase(4, 2, dim, [0, length]).Check(
        _device,
        launch => launch.Run(AlibiCausalKernel.Attend, new AlibiCausalKernel.Parameters { MaxBias = 8f }),
        (q, k, _) => q >= k,
        (score, q, k, head) => score - (Math.Pow(2, -8.0 * (head + 1) / 4) * (q - k)));

    [Theory]
    [MemberData(nameof(LengthsAndDims))]
    public void SoftCap_and_a_float_table_modify_scores(int length, int dim)
    {
        float[] bias = Enumerable.Range(0, length).Select(i => MathF.Sin(i)).ToArray();
        new PortableCase(2, 1, dim, [0, length]).Check(
            _device,
            launch => launch.Run(SoftCapKernel.Attend, new SoftCapKernel.Parameters { Cap = 1.5f, Bias = launch.Table(bias) }),
            (q, k, _) => q >= k,
            (score, _, k, _) => (1.5 * Math.Tanh(score / 1.5)) + bias[k]);
    }

    [Theory]
    [InlineData(0, 130, 130)]
    [InlineData(1, 130, 130)]
    [InlineData(2, 90, 40)]       // queries from position -50: division truncates
    [InlineData(7, 130, 130)]
    public void Natten_divides_as_csharp_does(int radius, int rows, int keys) => new PortableCase(2, 1, 8, [0, rows], [0, keys]).Check(
        _device,
        launch => launch.Run(Natten2DKernel.Attend, new Natten2DKernel.Parameters { Radius = radius }),
        (q, k, _) => Math.Abs((q / 8) - (k / 8)) <= radius && Math.Abs((q % 8) - (k % 8)) <= radius);

    private void SinkWindow(PortableCase problem, int window, int sinks) => problem.Check(
        _device,
        launch => launch.Run(SinkWindowKernel.Attend, new SinkWindowKernel.Parameters { Window = window, Sinks = sinks }),
        (q, k, _) => q >= k && (q - k < window || k < sinks));

    public sealed class CpuDevice : IDisposable
    {
        internal PortableDevice Device { get; } = PortableDevice.Cpu();

        public void Dispose() => Device.Dispose();
    }
}
