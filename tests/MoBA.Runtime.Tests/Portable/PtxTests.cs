using System.Reflection;
using MoBA.Runtime.Portable;
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
        Compile(pattern, "Attend");
    }

    [Theory]
    [InlineData(typeof(CentroidKernel), "Run")]
    [InlineData(typeof(IndexKernel), "Count")]
    [InlineData(typeof(IndexKernel), "Sum")]
    [InlineData(typeof(IndexKernel), "Scan")]
    [InlineData(typeof(IndexKernel), "Place")]
    [InlineData(typeof(IndexKernel), "Scatter")]
    [InlineData(typeof(CombineKernel), "Run")]
    [InlineData(typeof(RouteKernel), "Run")]
    [InlineData(typeof(MixKernel), "Run")]
    public void A_routing_pass_compiles_likewise(Type kernel, string method) => Compile(kernel, method);

    [Fact]
    public void The_gate_is_compiled_for_the_constants_of_its_attribute()
    {
        string general = Compile(typeof(GateKernel), "Run", typeof(GateShape)), special = Compile(typeof(GateKernel), "Run", typeof(Shape128));
        Assert.Equal(general.Split("div.u32").Length - 1, special.Split("div.u32").Length);        // the block of a position: a shift
        Assert.Matches(@"shr\.\w+\s+%r\d+, %r\d+, 7;", special);
        Assert.DoesNotMatch(@"shr\.\w+\s+%r\d+, %r\d+, 7;", general);
        Assert.Matches(@"setp\.\w+\.s32\s+%p\d+, %r\d+, 7;", special);                           // TopK - 1
        Assert.DoesNotMatch(@"setp\.\w+\.s32\s+%p\d+, %r\d+, 7;", general);
    }

    /// <summary>As the source generator writes it.</summary>
    public readonly struct Shape128 : IGateShape
    {
        public int BlockSize => 128;

        public int TopK => 8;
    }

    private static string Compile(Type type, string method, params Type[] shape)
    {
        MethodInfo kernel = type.GetMethod(method)!;
        string ptx = OfflinePtx.Compile(shape.Length == 0 ? kernel : kernel.MakeGenericMethod(shape));
        string name = string.Join('.', [type.Name, method, .. shape.Select(t => t.Name), "ptx"]);
        if (Environment.GetEnvironmentVariable("MOBA_PTX_OUT") is { } folder)
            File.WriteAllText(Path.Combine(folder, name), ptx);
        Assert.Contains(".visible .entry", ptx);
        Assert.DoesNotContain(".func", ptx);
        Assert.DoesNotContain("call", ptx);
        Assert.DoesNotContain(".local", ptx);
        return ptx;
    }
}
