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
