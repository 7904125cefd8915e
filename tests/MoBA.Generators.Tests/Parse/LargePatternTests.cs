using System.Diagnostics;
using MoBA.Generators.Tests.Harness;

namespace MoBA.Generators.Tests.Parse;

/// <summary>Large patterns take time in proportion: an editor runs the generator as its user types.</summary>
public sealed class LargePatternTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData(100)]
    [InlineData(300)]
    [InlineData(600)]
    public void ManyAlternatives(int count) => Time(string.Join(" || ", Enumerable.Range(0, count).Select(static i => $"q - k == {i * i}")));

    [Fact]
    public void ManyNestedCalls() => Time(string.Concat(Enumerable.Repeat("F(", 400)) + "q" + new string(')', 400) + " > k");

    private void Time(string predicate)
    {
        string source = Compiler.Usings + $"[SparseExpert] sealed partial class P {{ bool Attends(int q, int k) => {predicate}; static int F(int x) => -x; }}";
        Stopwatch clock = Stopwatch.StartNew();
        Compiled compiled = Compiler.Run(source);
        output.WriteLine($"{clock.Elapsed.TotalSeconds:F2} s generated");
        Assert.Single(compiled.Emitted);
        clock.Restart();
        Compiler.Analyze(source);
        output.WriteLine($"{clock.Elapsed.TotalSeconds:F2} s analyzed");
    }
}
