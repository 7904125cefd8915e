using System.Diagnostics;
using MoBA.Generators.Tests.Harness;

namespace MoBA.Generators.Tests.Parse;

/// <summary>Large patterns take time in proportion: an editor runs the generator as its user types.</summary>
public sealed class LargePatternTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData(100)]
    [InlineData(300)]
    [InlineData(500)]
    public void ManyAlternatives(int count) => Time(string.Join(" || ", Enumerable.Range(0, count).Select(static i => $"q - k == {i * i}")));

    [Fact]
    public void ManyEarlyReturns()
    {
        string body = string.Concat(Enumerable.Range(0, 40).Select(static i => $"if (Math.Abs(q - k - {i * 50}) < 3) return false; "));
        Stopwatch clock = Stopwatch.StartNew();
        Assert.Single(Compiler.Run(Compiler.Usings + $"[SparseExpert] sealed partial class P {{ bool Attends(int q, int k) {{ {body} return true; }} }}").Emitted);
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(20), $"{clock.Elapsed}: the runs of alternatives multiply");
    }

    [Fact]
    public void TooDeepIsRefused()
    {
        string sum = "q" + string.Concat(Enumerable.Repeat(" + 1", 2000));
        string source = Compiler.Usings + $"[SparseExpert] sealed partial class P {{ public int W {{ get; init; }} bool Attends(int q, int k) => {sum.Replace("+ 1", "+ W")} > k; }}";
        Assert.Empty(Compiler.Run(source).Emitted);
        Assert.Equal("MOBA1010", Assert.Single(Compiler.Analyze(source)).Id);
    }

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
