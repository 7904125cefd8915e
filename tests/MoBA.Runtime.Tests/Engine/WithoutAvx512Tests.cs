using System.Diagnostics;
using System.Runtime.Intrinsics;
using MoBA.Runtime.Cpu;
using Xunit;

namespace MoBA.Runtime.Tests;

/// <summary>The engine on a processor without 512-bit vectors, and on one without AVX2: this program again, told to leave them
/// alone.</summary>
public class WithoutAvx512Tests
{
    private const string Marker = "MOBA_TESTS_NARROW";

    [Theory]
    [InlineData("DOTNET_EnableAVX512F", "DOTNET_EnableAVX512")]
    [InlineData("DOTNET_EnableAVX2", "DOTNET_EnableAVX")]
    public async Task TheEngineAgreesWithTheDefinition(params string[] switches)
    {
        Assert.SkipWhen(Environment.GetEnvironmentVariable(Marker) is not null, "this is the child");
        Type[] classes = [typeof(AttentionEngineTests), typeof(BlockChoiceTests), typeof(CpuGateTests), typeof(CpuMixtureTests), typeof(WithoutAvx512Tests)];
        string[] arguments = [typeof(WithoutAvx512Tests).Assembly.Location, .. classes.SelectMany(c => new[] { "-class", c.FullName! }), "-noColor"];
        ProcessStartInfo start = new("dotnet", arguments)
        {
            RedirectStandardOutput = true,
        };
        start.Environment[Marker] = "1";
        foreach (string name in switches)
            start.Environment[name] = "0";
        using Process child = Process.Start(start)!;
        string output = await child.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await child.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.True(child.ExitCode == 0, output);
        Assert.Matches("Total: [1-9][0-9][0-9], Errors: 0, Failed: 0", output);
    }

    [Fact]
    public void TheArithmeticFitsTheProcessor()
    {
        Assert.Equal(Vector512.IsHardwareAccelerated, TileMath.Best is WideTileMath);
        if (Environment.GetEnvironmentVariable(Marker) is not null)
            Assert.IsType<NarrowTileMath>(TileMath.Best);
    }
}
