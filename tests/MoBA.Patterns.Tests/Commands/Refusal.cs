using Xunit;

namespace MoBA.Patterns.Tests;

/// <summary>What every refusal has in common.</summary>
internal static class Refusal
{
    /// <summary>Exit code 2, and one line that says what is wrong.</summary>
    public static void OneLine(Outcome outcome, string says)
    {
        Assert.Equal(2, outcome.Code);
        string line = Assert.Single(outcome.Error.TrimEnd('\r', '\n').Split('\n'));
        Assert.StartsWith("moba: ", line, StringComparison.Ordinal);
        Assert.Contains(says, line, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", line, StringComparison.Ordinal);
        Assert.DoesNotContain("Parameter '", line, StringComparison.Ordinal);
        Assert.Empty(outcome.Out);
    }
}
