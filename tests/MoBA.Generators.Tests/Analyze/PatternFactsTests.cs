using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using MoBA.Generators.Analyze;
using MoBA.Generators.Model;
using MoBA.Generators.Parse;
using MoBA.Generators.Tests.Harness;

namespace MoBA.Generators.Tests.Analyze;

/// <summary>What is proven of a pattern when it is compiled.</summary>
public sealed class PatternFactsTests
{
    [Theory]
    [InlineData("q >= k")]
    [InlineData("k <= q")]
    [InlineData("q - k >= 0")]
    [InlineData("!(k > q)")]
    [InlineData("!(q < k)")]
    [InlineData("k - q < 1")]
    [InlineData("q + 1 > k")]
    [InlineData("0 <= q - k")]
    [InlineData("(q < k) == false")]
    [InlineData("q > k || q == k")]
    [InlineData("Math.Min(q - k, 0) == 0")]
    [InlineData("q < k ? false : true")]
    [InlineData("q - k is >= 0")]
    public void CausalHoweverItIsWritten(string predicate)
    {
        PatternFacts facts = Of(predicate);
        Assert.Equal((Proof.Always, Proof.Always), (facts.Causal, facts.AttendsItself));
        Assert.Equal((Proof.None, Proof.None), (facts.Dense, facts.Void));
        Assert.Null(facts.EmptyRow);
    }

    [Theory]
    [InlineData("q >= k && q - k < W", Proof.Always, Proof.AtDefaults)]
    [InlineData("q > k", Proof.Always, Proof.None)]
    [InlineData("q - k < W", Proof.None, Proof.AtDefaults)]
    [InlineData("q >= k || k < W", Proof.None, Proof.Always)]
    [InlineData("q >= k - W", Proof.None, Proof.AtDefaults)]
    [InlineData("q - k >= W", Proof.AtDefaults, Proof.None)]
    [InlineData("q / W >= k / W", Proof.None, Proof.Always)]
    [InlineData("q >= k && q / W == k / W", Proof.Always, Proof.Always)]
    [InlineData("(q - k) % W == 0", Proof.None, Proof.Always)]
    [InlineData("q >= k && T[q] == T[k]", Proof.Always, Proof.Always)]
    [InlineData("T[q] == T[k]", Proof.None, Proof.Always)]
    [InlineData("q >= k && On", Proof.Always, Proof.AtDefaults)]
    [InlineData("On && q <= k", Proof.None, Proof.AtDefaults)]
    public void CausalAndItself(string predicate, object causal, object itself) =>
        Assert.Equal((causal, itself), ((object)Of(predicate).Causal, (object)Of(predicate).AttendsItself));

    [Theory]
    [InlineData("true", Proof.Always, Proof.None)]
    [InlineData("false", Proof.None, Proof.Always)]
    [InlineData("q >= k || q < k", Proof.Always, Proof.None)]
    [InlineData("q > k && q < k", Proof.None, Proof.Always)]
    [InlineData("On", Proof.AtDefaults, Proof.None)]
    [InlineData("!On", Proof.None, Proof.AtDefaults)]
    [InlineData("q >= 0", Proof.None, Proof.None)]
    [InlineData("k >= 0", Proof.Always, Proof.None)]
    [InlineData("k < 20_000_000", Proof.None, Proof.None)]
    [InlineData("k < 0", Proof.None, Proof.Always)]
    [InlineData("q >= k && q - k < Zero", Proof.None, Proof.AtDefaults)]
    [InlineData("q >= k", Proof.None, Proof.None)]
    public void DenseAndVoid(string predicate, object dense, object empty) =>
        Assert.Equal((dense, empty), ((object)Of(predicate).Dense, (object)Of(predicate).Void));

    [Theory]
    [InlineData("q > k", 0)]
    [InlineData("q >= k && k >= 5", 0)]
    [InlineData("q >= k && q != 7", 7)]
    [InlineData("q >= k && q - k < W", null)]
    public void TheFirstRowWithoutAKey(string predicate, int? row) => Assert.Equal(row, Of(predicate).EmptyRow);

    [Theory]
    [InlineData("q >= k", Overflow.MaxPosition)]
    [InlineData("q - k < W", Overflow.MaxPosition)]
    [InlineData("q * k < W", 46341)]
    [InlineData("q * 1000 < k", 2147484)]
    [InlineData("q + 2147483647 > k", 1)]
    public void TokensUpToWhichNothingOverflows(string predicate, int limit) => Assert.Equal(limit, Of(predicate).TokenLimit);

    [Theory]
    [InlineData("q >= k", 1)]
    [InlineData("q >= k && (q - k < W || k < 4)", 2)]
    [InlineData("Math.Abs(q - k) > W", 2)]
    [InlineData("q == k || k == 100 || k == 900", 3)]
    [InlineData("false", 1)]
    public void RunsOfKeys(string predicate, int runs) => Assert.Equal(runs, Of(predicate).MaxKeyRanges);

    [Fact]
    public void OnlyThePatternsThatReadTheHeadDependOnIt()
    {
        Assert.True(Of("q >= k + head", ", int head").DependsOnHead);
        Assert.False(Of("q >= k", ", int head").DependsOnHead);
        Assert.True(WithAlways("k < head").DependsOnHead);
        Assert.False(WithAlways("k < 4").DependsOnHead);

        static PatternFacts WithAlways(string always) => Of(Compiler.Create(Compiler.Usings + $$"""
            [SparseExpert, BlockGate]
            partial class P
            {
                static bool Attends(int q, int k) => q >= k;
                static bool Always(int q, int k, int head) => {{always}};
            }
            """), "P");
    }

    /// <summary>Of the gallery, by hand.</summary>
    [Theory]
    [InlineData("Causal", Proof.Always, Proof.Always)]
    [InlineData("SlidingWindow", Proof.Always, Proof.AtDefaults)]
    [InlineData("SinkWindow", Proof.Always, Proof.AtDefaults)]
    [InlineData("PrefixLm", Proof.None, Proof.Always)]
    [InlineData("Strided", Proof.Always, Proof.Always)]
    [InlineData("Dilated", Proof.Always, Proof.AtDefaults)]
    [InlineData("ChunkedCausal", Proof.Always, Proof.Always)]
    [InlineData("BlockCausal", Proof.None, Proof.Always)]
    [InlineData("DocumentCausal", Proof.Always, Proof.Always)]
    [InlineData("SharedPrefix", Proof.Always, Proof.Always)]
    [InlineData("GlobalWindow", Proof.None, Proof.AtDefaults)]
    [InlineData("BigBird", Proof.None, Proof.AtDefaults)]
    [InlineData("AlibiCausal", Proof.Always, Proof.Always)]
    [InlineData("SoftCap", Proof.Always, Proof.Always)]
    public void OfTheGallery(string name, object causal, object itself)
    {
        string source = Repository.Gallery.Single(p => p.Name == name).Source;
        PatternFacts facts = Of(Compiler.Create("global using System;", source), $"MoBA.Patterns.{name}");
        Assert.Equal((causal, itself), ((object)facts.Causal, (object)facts.AttendsItself));
        Assert.Equal((Proof.None, Proof.None), (facts.Dense, facts.Void));
    }

    private static PatternFacts Of(string predicate, string head = "") => Of(Compiler.Create(Compiler.Usings + $$"""
        [SparseExpert]
        partial class P
        {
            public int W { get; init; } = 16;
            public int Zero { get; init; }
            public bool On { get; init; } = true;
            public int[] T { get; init; } = [];
            bool Attends(int q, int k{{head}}) => {{predicate}};
        }
        """), "P");

    private static PatternFacts Of(CSharpCompilation compilation, string name)
    {
        INamedTypeSymbol type = compilation.GetTypeByMetadataName(name)!;
        PatternSpec? spec = PatternParser.Parse(type, compilation, new DiagnosticSink(null), CancellationToken.None);
        return PatternFacts.Of(Assert.IsType<PatternSpec>(spec));
    }
}
