using MoBA.Runtime;
using Xunit;

namespace MoBA.Gpu.Tests.Gpu;

/// <summary>What MoBA's own code computed in bfloat16.</summary>
public sealed class GatedGoldenTests(GpuFixture gpu) : GpuTests(gpu)
{
    /// <summary>The cases.</summary>
    public static TheoryData<string> Names => [.. GoldenFile.Names];

    [Theory]
    [MemberData(nameof(Names))]
    public void Golden_cases_agree(string name)
    {
        GoldenFile golden = GoldenFile.Read(name);
        foreach (Layout layout in Enum.GetValues<Layout>())
        {
            GpuOutcome outcome = CaseRunner.Run(Engine, golden.Expert, golden.Inputs, layout);
            AssertRight(outcome.Damage ?? golden.Fault(outcome.Output));
        }
    }
}
