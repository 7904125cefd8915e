using MoBA.Runtime.Tests.Portable.Samples;
using Xunit;

namespace MoBA.Runtime.Tests.Portable;

public sealed class PtxTests
{
    [Theory]
    [InlineData(typeof(EverythingKernel))]
    [InlineData(typeof(MathKernel))]
    [InlineData(typeof(SinkWindowKernel))]
    [InlineData(typeof(DocumentCausalKernel))]
    [InlineData(typeof(GroupKernel))]
    [InlineData(typeof(AlibiCausalKernel))]
    [InlineData(typeof(SoftCapKernel))]
    [InlineData(typeof(Natten2DKernel))]
    public void A_kernel_compiles_to_one_entry_that_calls_nothing_and_stays_in_registers(Type pattern)
    {
        string ptx = OfflinePtx.Compile(pattern.GetMethod("Attend")!);
        if (Environment.GetEnvironmentVariable("MOBA_PTX_OUT") is { } folder)
            File.WriteAllText(Path.Combine(folder, pattern.Name + ".ptx"), ptx);
        Assert.Contains(".visible .entry", ptx);
        Assert.DoesNotContain(".func", ptx);
        Assert.DoesNotContain("call", ptx);
        Assert.DoesNotContain(".local", ptx);
    }
}
