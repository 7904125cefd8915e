using System.Reflection;
using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis;
using MoBA.Generators.Model;
using MoBA.Generators.Tests.Analyze;
using MoBA.Generators.Tests.Harness;
using MoBA.Runtime;
using MoBA.Runtime.Cpu;

namespace MoBA.Generators.Tests.Emit;

/// <summary>What is emitted for a block gate: its shape, its parameters, and the kernels of what it leaves aside.</summary>
public sealed class GateTests
{
    private const string Source = Compiler.Usings + """
        [SparseExpert, BlockGate(BlockSize = 32, TopK = 3, Pooling = Pooling.MinMax, Scope = RouteScope.KeyGroup)]
        public sealed partial class P
        {
            public int Reach { get; init; } = 512;
            public int Sinks { get; init; } = 4;
            private bool Attends(int q, int k) => q >= k && q - k < Reach;
            private bool Always(int q, int k, int head) => k < Sinks + head;
            private float Score(float score, int q) => score - q;
        }
        """;

    [Fact]
    public void TheAttributesValuesAreSpecialised()
    {
        ISparseExpert expert = Load(Source);
        BlockGate gate = expert.Gate!;
        Assert.Equal((32, 3, MoBA.Pooling.MinMax, MoBA.RouteScope.KeyGroup), (gate.BlockSize, gate.TopK, gate.Pooling, gate.Scope));
        Assert.Same(expert.Info.Gate, gate);   // the one that is compiled for the constants of P_Gate
        Assert.Equal("k < Sinks + head", expert.Info.AlwaysPredicate);
        Assert.Null(Load(Compiler.Usings + "[SparseExpert] public sealed partial class P { bool Attends(int q, int k) => q >= k; }").Gate);
    }

    [Fact]
    public void WithoutArgumentsItIsTheAttributesOwnDefaults()
    {
        BlockGate gate = Load(Compiler.Usings + "[SparseExpert, BlockGate] public sealed partial class P { bool Attends(int q, int k) => q >= k; }").Gate!;
        BlockGateAttribute attribute = new();
        Assert.Equal(
            (attribute.BlockSize, attribute.TopK, attribute.Pooling, attribute.Scope), (gate.BlockSize, gate.TopK, gate.Pooling, gate.Scope));
    }

    [Fact]
    public void OtherValuesAreParametersOfTheInstance()
    {
        ISparseExpert expert = Load(Source);
        Assert.Equal(["Reach", "Sinks", "BlockSize", "TopK"], expert.Info.Parameters.Select(static p => p.Name));
        Assert.Equal(["512", "4", "32", "3"], expert.Info.Parameters.Select(static p => p.Default));
        ISparseExpert other = expert.With(new Dictionary<string, object> { ["BlockSize"] = 64, ["Sinks"] = 9 });
        Assert.Equal([512, 9, 64, 3], other.ParameterValues.Values.Cast<int>());
        Assert.Equal((64, 3, MoBA.Pooling.MinMax, MoBA.RouteScope.KeyGroup), (other.Gate!.BlockSize, other.Gate.TopK, other.Gate.Pooling, other.Gate.Scope));
        Assert.NotSame(expert.Info.Gate, other.Gate);
        Assert.Contains("BlockSize is 100", Fault("BlockSize", 100), StringComparison.Ordinal);
        Assert.Contains("TopK is 0", Fault("TopK", 0), StringComparison.Ordinal);

        string Fault(string name, int value) =>
            Assert.Throws<ArgumentException>(() => expert.With(new Dictionary<string, object> { [name] = value }).Gate).Message;
    }

    [Fact]
    public void AlwaysIsTheAuthorsOwn()
    {
        ISparseExpert expert = Load(Source);
        Assert.True(expert.Always(9, 5, 2));
        Assert.False(expert.Always(9, 5, 1));
        ISparseExpert without = Load(Compiler.Usings + "[SparseExpert, BlockGate] public sealed partial class P { bool Attends(int q, int k) => q >= k; }");
        Assert.False(without.Always(0, 0, 0));
        Assert.Null(without.BindAlways(new AttentionExtent(0, 9, 10, 1)));
    }

    /// <summary>A kernel takes the parameters that it reads: those of Always are checked where it is bound.</summary>
    [Fact]
    public void EveryKernelChecksWhatItReads()
    {
        ISparseExpert expert = Load(Compiler.Usings + """
            [SparseExpert, BlockGate] public sealed partial class P
            {
                public int Stride { get; init; } = 8;
                public int Low { get; init; } = 1;
                public int[] Table { get; init; } = new int[5];
                private bool Attends(int q, int k) => q >= k;
                private bool Always(int q, int k) => Table[k] / Stride == Math.Clamp(q, Low, 9);
            }
            """);
        AttentionExtent five = new(0, 4, 5, 1);
        Assert.NotNull(expert.BindAlways(five));
        Assert.NotNull(expert.Bind(new AttentionExtent(0, 99, 100, 1)));
        Assert.Contains("'Table'", Assert.Throws<ArgumentException>(() => expert.BindAlways(new AttentionExtent(0, 99, 100, 1))).Message, StringComparison.Ordinal);
        Assert.Contains("'Stride'", Fault("Stride", 0), StringComparison.Ordinal);
        Assert.Contains("'Low <= 9'", Fault("Low", 10), StringComparison.Ordinal);

        string Fault(string name, int value) => Assert.Throws<ArgumentException>(
            () => expert.With(new Dictionary<string, object> { [name] = value }).BindAlways(new AttentionExtent(0, 4, 5, 1))).Message;
    }

    /// <summary>The kernels of Always are those of an expert whose predicate is both.</summary>
    [Fact]
    public void AlwaysIsCompiledAsAPredicateOfItsOwn()
    {
        string gated = Compiler.Run(Source).Emitted["P.g.cs"];
        string plain = Compiler.Run(Source.Replace(", BlockGate(BlockSize = 32, TopK = 3, Pooling = Pooling.MinMax, Scope = RouteScope.KeyGroup)", "")
            .Replace("bool Attends(int q, int k)", "bool Attends(int q, int k, int head)").Replace("q - k < Reach;", "q - k < Reach && (k < Sinks + head);")).Emitted["P.g.cs"];
        string always = Kernels(gated, "P_Always").Replace("P_Always_", "P_").Replace("what P always attends", "P");
        Assert.NotEmpty(always);
        Assert.Equal(Regex.Replace(Kernels(plain, "P"), "(?s)        public static readonly ExpertInfo Info.*?\n        };\n\n", ""), always);

        static string Kernels(string text, string name)
        {
            string cpu = Part($"internal sealed class {name}_Cpu"), portable = Part($"public static class {name}_Portable");
            return cpu + portable;

            string Part(string head) => Regex.Match(text, $"(?s){Regex.Escape(head)}.*?\n    }}\n").Value;
        }
    }

    [Fact]
    public void TilesAndRunsOfRandomAlwaysAreSound()
    {
        RandomPredicates source = new(seed: 17);
        (Expr Attends, Expr Always, Values Values)[] cases = [.. Enumerable.Range(0, 60).Select(_ =>
        {
            (Expr attends, Values values) = source.Next();
            return (attends, source.Next().Attends, values);
        })];
        Assembly assembly = Compiler.Load(Compiler.Usings + "\n" + string.Concat(cases.Select(static (c, i) =>
            Author.Class($"P{i}", c.Attends, c.Values).Replace("[SparseExpert]", "[SparseExpert, BlockGate]")
                .Replace("private bool Attends", $"private bool Always(int q, int k, int head) => {Author.Print(c.Always)}; private bool Attends"))));
        Random random = new(5);
        int bound = 0;
        for (int i = 0; i < cases.Length; i++)
        {
            ISparseExpert expert = (ISparseExpert)Activator.CreateInstance(assembly.GetType($"P{i}")!)!;
            AttentionExtent extent = new(-5, 60, 50, 3);
            try
            {
                CheckTiles(expert, expert.BindAlways(extent)!, random);
                bound++;
            }
            catch (ArgumentException)
            {
                // refused: it may overflow, or its tables are too short
            }
        }

        Assert.True(bound > cases.Length / 4, $"only {bound} calls were not refused: the test says little");
    }

    [Theory]
    [InlineData("bool Attends(int q, int k) => q >= k;", 8.0 * 128)]
    [InlineData("bool Attends(int q, int k) => q >= k && q - k < 100;", 100.0 + 63)]
    [InlineData("bool Attends(int q, int k) => q >= k; bool Always(int q, int k) => k < 64;", (8.0 * 128) + 64)]
    [InlineData("bool Attends(int q, int k) => q >= k; bool Always(int q, int k) => k < 64 || q - k < 300;", ((15 * ((8 * 128) + 64 + 300 + 63)) + 1088) / 16.0)] // the first tile sees 1088 keys and no more
    [InlineData("bool Attends(int q, int k) => q >= k && q - k < 100; bool Always(int q, int k) => k < 64 || q - k < 300;", 100.0 + 63)]
    [InlineData("public required int W { get; init; } bool Attends(int q, int k) => q >= k && q - k < W;", null)]
    [InlineData("public required int W { get; init; } bool Attends(int q, int k) => q >= k; bool Always(int q, int k) => q - k < W;", null)]
    [InlineData("public required int[] T { get; init; } bool Attends(int q, int k) => q >= k && T[q] == T[k];", null)]
    [InlineData("public required float W { get; init; } bool Attends(int q, int k) => q >= k; float Score(float s) => s * W;", 8.0 * 128)]
    public void TheEstimateIsTheRoutedBlocksAndWhatIsBesides(string members, double? keys) =>
        Assert.Equal(keys, Estimate($"[SparseExpert, BlockGate] partial class P {{ {members} }}"));

    [Theory]
    [InlineData("bool Attends(int q, int k) => k < 500;", 500)]
    [InlineData("bool Attends(int q, int k) => true;", 32768)]
    [InlineData("bool Attends(int q, int k) => k < 100 || k is >= 50 and < 150 || k is >= 1000 and < 1010;", 160)]
    [InlineData("bool Attends(int q, int k) => q >= k && q - k < 1000;", 1063)]
    public void TheEstimateOfAStaticPatternIsItsRuns(string members, int keys) =>
        Assert.Equal(keys, Estimate($"[SparseExpert] partial class P {{ {members} }}"));

    private static double? Estimate(string source)
    {
        string text = Compiler.Run(Compiler.Usings + source).Emitted["P.g.cs"];
        string value = Regex.Match(text, "KeysPerToken = (.*),").Groups[1].Value;
        return value == "null" ? null : double.Parse(value, System.Globalization.CultureInfo.InvariantCulture);
    }

    /// <summary>An analyzer sees what was emitted, and must not take it for the author's.</summary>
    [Fact]
    public void WhatWasEmittedIsNotReported()
    {
        Compiled compiled = Compiler.Run(Source);
        Assert.Empty(compiled.FaultsInEmitted);
        Assert.Empty(Compiler.Analyze(compiled.Output).Select(Compiler.Describe));
    }

    private static void CheckTiles(ISparseExpert expert, CpuKernel kernel, Random random)
    {
        for (int tile = 0; tile < 60; tile++)
        {
            int q0 = random.Next(-5, 61), q1 = Math.Min(60, q0 + random.Next(9)), k0 = random.Next(50), k1 = Math.Min(49, k0 + random.Next(9)), head = random.Next(3);
            bool[] pairs = [.. from q in Enumerable.Range(q0, q1 - q0 + 1) from k in Enumerable.Range(k0, k1 - k0 + 1) select Holds(q, k)];
            TileKind kind = kernel.Classify(q0, q1, k0, k1, head);
            Assert.True(kind == TileKind.Partial || pairs.All(p => p == (kind == TileKind.Full)), $"{kind}: {expert.Info.Predicate} && ({expert.Info.AlwaysPredicate})");
            KeyRange[] runs = kernel.KeyRanges(q0, q1, 50, head);
            Assert.All(Enumerable.Range(0, 50).Where(k => Enumerable.Range(q0, q1 - q0 + 1).Any(q => Holds(q, k))), k => Assert.Contains(runs, r => r.Start <= k && k < r.End));

            bool Holds(int q, int k) => expert.Attends(q, k, head) && expert.Always(q, k, head);
        }
    }

    private static ISparseExpert Load(string source) => (ISparseExpert)Activator.CreateInstance(Compiler.Load(source).GetType("P")!)!;
}
