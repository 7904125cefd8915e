using System.Collections;
using System.Reflection;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using MoBA.Generators.Tests.Harness;

namespace MoBA.Generators.Tests;

/// <summary>An edit that leaves a pattern's meaning as it was stops at the first step, and no step holds on to a compilation.</summary>
public sealed class IncrementalityTests
{
    private const string Pattern = "[SparseExpert] public sealed partial class P { public int Window { get; init; } = 5; bool Attends(int q, int k) => q >= k && q - k < Window; }";
    private const string Other = "[SparseExpert] public sealed partial class O { public int Sinks { get; init; } = 4; bool Attends(int q, int k) => q >= k; float Score(float s) => s * Sinks; }";
    private const string Unrelated = "class Unrelated { int X; }";

    public static TheoryData<string, string, string, string> HarmlessEdits { get; } = new()
    {
        { "nothing", Pattern, Other, Unrelated },
        { "an unrelated type", Pattern, Other, Unrelated + " class More;" },
        { "an unrelated file", Pattern, Other, "class Unrelated { int X; void M() { X++; } }" },
        { "a comment in the body", Pattern.Replace("q >= k", "q /* later */ >= k"), Other, Unrelated },
        { "white space", Pattern.Replace(" ", "\n   "), Other, Unrelated },
        { "a comment above", "// about P\n" + Pattern, Other, Unrelated },
        { "a method that nothing calls", Pattern.Replace("bool", "static int Unused() => 3; bool"), Other, Unrelated },
        { "parentheses", Pattern.Replace("q - k < Window", "((q - k) < (Window))"), Other, Unrelated },
        { "names of arguments", Pattern.Replace("int q, int k", "int a, int b").Replace("q >= k && q - k", "a >= b && a - b"), Other, Unrelated },
        { "a helper", Pattern.Replace("q - k < Window", "Near(q, k)").Replace("bool A", "bool Near(int x, int y) => x - y < Window; bool A"), Other, Unrelated },
        { "a member of another pattern", Pattern, Other.Replace("bool", "public int More { get; init; } bool"), Unrelated },
        { "another pattern's body", Pattern, Other.Replace("q >= k", "q > k"), Unrelated },
        { "another pattern", Pattern, Other + Other.Replace("class O", "class O2"), Unrelated },
        { "another pattern gone", Pattern, "", Unrelated },
        { "an error elsewhere", Pattern, Other, "class Unrelated { int X }" },
    };

    public static TheoryData<string, string> RealEdits { get; } = new()
    {
        { "the body", Pattern.Replace("q >= k", "q > k") },
        { "a constant", Pattern.Replace("q - k <", "q - k + 1 <") },
        { "a default", Pattern.Replace("= 5", "= 6") },
        { "a summary", "/// <summary>New.</summary>\n" + Pattern },
        { "a new parameter", Pattern.Replace("bool", "public int More { get; init; } bool") },
        { "a score modifier", Pattern.Replace("bool", "float Score(float s) => s * 2; bool") },
    };

    [Theory]
    [MemberData(nameof(HarmlessEdits))]
    public void HarmlessEditsStopAtTheFirstStep(string edit, string pattern, string other, string unrelated)
    {
        (string Step, IncrementalStepRunReason Reason)[] reasons = Edit(pattern, other, unrelated);
        Assert.All(reasons, r => Assert.True(
            r.Reason is IncrementalStepRunReason.Cached || (r.Reason is IncrementalStepRunReason.Unchanged && r.Step == TrackingNames.Parse),
            $"{edit}: {r.Step} is {r.Reason}"));
        Assert.Equal(3, reasons.Length);
    }

    [Theory]
    [MemberData(nameof(RealEdits))]
    public void RealEditsReachTheOutput(string edit, string pattern)
    {
        (string Step, IncrementalStepRunReason Reason)[] reasons = Edit(pattern, Other, Unrelated);
        Assert.Equal(3, reasons.Length);
        Assert.All(reasons, r => Assert.True(r.Reason == IncrementalStepRunReason.Modified, $"{edit}: {r.Step} is {r.Reason}"));
    }

    /// <summary>The output of a pattern whose meaning stayed is not written again.</summary>
    [Theory]
    [MemberData(nameof(HarmlessEdits))]
    public void HarmlessEditsEmitNothingAnew(string edit, string pattern, string other, string unrelated)
    {
        if (other != Other)
        {
            return;
        }

        GeneratorRunResult result = Run(pattern, other, unrelated);
        Assert.NotEmpty(result.TrackedOutputSteps);
        Assert.All(result.TrackedOutputSteps.SelectMany(static s => s.Value).SelectMany(static s => s.Outputs), o => Assert.True(
            o.Reason is IncrementalStepRunReason.Cached or IncrementalStepRunReason.Unchanged, $"{edit}: output is {o.Reason}"));
    }

    [Fact]
    public void NothingInThePipelineHoldsACompilation()
    {
        GeneratorRunResult result = Run(Pattern, Other, Unrelated);
        object[] values = [.. ((string[])[TrackingNames.Parse, TrackingNames.Analyze, TrackingNames.Plan])
            .SelectMany(name => result.TrackedSteps[name]).SelectMany(static s => s.Outputs).Select(static o => o.Value)];
        Assert.Equal(6, values.Length);
        Walker walker = new();
        Assert.All(values, v => Assert.Null(walker.FindCompilerObject(v)));
        Assert.True(walker.Visited > 100, "the walk went nowhere");
    }

    [Fact]
    public void TheWalkFindsWhatItLooksFor()
    {
        CSharpCompilation compilation = Compiler.Create(Compiler.Usings + Pattern);
        SyntaxTree tree = compilation.SyntaxTrees[0];
        Assert.NotNull(new Walker().FindCompilerObject((1, new List<object> { compilation.GetTypeByMetadataName("P")! })));
        Assert.NotNull(new Walker().FindCompilerObject(new object[] { tree.GetRoot() }));
        Assert.NotNull(new Walker().FindCompilerObject(new { Where = tree.GetRoot().GetLocation() }));
        Assert.NotNull(new Walker().FindCompilerObject(new Dictionary<string, object> { ["a"] = compilation.GetSemanticModel(tree) }));
        Assert.NotNull(new Walker().FindCompilerObject(() => compilation));
        Assert.Null(new Walker().FindCompilerObject(new { Text = "a", Numbers = new[] { 1, 2 } }));
    }

    private const string Mixture = "[ExpertMixture(TopK = 2), Expert<P>, Expert<O>] public sealed partial class M;";

    /// <summary>A new text of P, of the mixture or of something unrelated, and what the mixture's plan and output then are.</summary>
    public static TheoryData<string, string, string, string, IncrementalStepRunReason> MixtureEdits { get; } = new()
    {
        { "nothing", Pattern, Mixture, Unrelated, IncrementalStepRunReason.Cached },
        { "an unrelated file", Pattern, Mixture, Unrelated + " class More;", IncrementalStepRunReason.Cached },
        { "white space", Pattern, Mixture.Replace(" ", "\n  "), Unrelated, IncrementalStepRunReason.Cached },
        { "an expert's comment", Pattern.Replace("q >= k", "q /* later */ >= k"), Mixture, Unrelated, IncrementalStepRunReason.Cached },
        { "an expert's body, with the same facts", Pattern.Replace("q - k < Window", "k > q - Window"), Mixture, Unrelated, IncrementalStepRunReason.Cached },
        { "an expert's score modifier", Pattern.Replace("bool", "float Score(float s) => s * 2; bool"), Mixture, Unrelated, IncrementalStepRunReason.Cached },
        { "another expert of the project", Pattern, Mixture, "[MoBA.SparseExpert] partial class X { bool Attends(int q, int k) => q >= k; }", IncrementalStepRunReason.Cached },
        { "an expert's cost", Pattern.Replace("= 5", "= 6"), Mixture, Unrelated, IncrementalStepRunReason.Modified },
        { "an expert's facts", Pattern.Replace("q >= k && ", ""), Mixture, Unrelated, IncrementalStepRunReason.Modified },
        { "the top-k", Pattern, Mixture.Replace("2", "1"), Unrelated, IncrementalStepRunReason.Modified },
        { "the order", Pattern, Mixture.Replace("Expert<P>, Expert<O>", "Expert<O>, Expert<P>"), Unrelated, IncrementalStepRunReason.Modified },
    };

    [Theory]
    [MemberData(nameof(MixtureEdits))]
    public void AMixtureIsPlannedAnewOnlyIfItsTableChanges(string edit, string pattern, string mixture, string unrelated, IncrementalStepRunReason reason)
    {
        GeneratorRunResult result = Run([(Pattern, pattern), (Other, Other), (Mixture, mixture), (Unrelated, unrelated)]);
        var plan = Assert.Single(result.TrackedSteps[TrackingNames.PlanMixture].SelectMany(static s => s.Outputs));
        Assert.True(plan.Reason == reason, $"{edit}: the plan is {plan.Reason}");
        Assert.Null(new Walker().FindCompilerObject(plan.Value));
        var spec = Assert.Single(result.TrackedSteps[TrackingNames.ParseMixture].SelectMany(static s => s.Outputs));
        Assert.Null(new Walker().FindCompilerObject(spec.Value));
        Assert.Contains("M.g.cs", result.GeneratedSources.Select(static s => s.HintName));
    }

    /// <summary>Why each step of pattern P ran, after an edit.</summary>
    private static (string Step, IncrementalStepRunReason Reason)[] Edit(string pattern, string other, string unrelated)
    {
        GeneratorRunResult result = Run(pattern, other, unrelated);
        return [.. ((string[])[TrackingNames.Parse, TrackingNames.Analyze, TrackingNames.Plan]).SelectMany(name => result.TrackedSteps[name]
            .SelectMany(static s => s.Outputs)
            .Where(static o => o.Value.ToString()!.Contains("Name = P,", StringComparison.Ordinal))
            .Select(o => (name, o.Reason)))];
    }

    private static GeneratorRunResult Run(string pattern, string other, string unrelated) =>
        Run([(Pattern, pattern), (Other, other), (Unrelated, unrelated)]);

    /// <summary>Runs the generator on some files and again on what an edit makes of them.</summary>
    private static GeneratorRunResult Run(params (string Before, string After)[] files)
    {
        CSharpCompilation before = Compiler.Create([.. files.Select(static f => Compiler.Usings + f.Before)]);
        CSharpCompilation after = before;
        foreach ((SyntaxTree old, (string source, string edited)) in before.SyntaxTrees.Zip(files))
        {
            if (source != edited)
            {
                after = after.ReplaceSyntaxTree(old, Compiler.Parse(Compiler.Usings + edited, old.FilePath));
            }
        }

        return Compiler.Driver(track: true).RunGenerators(before).RunGenerators(after).GetRunResult().Results.Single();
    }

    /// <summary>Walks everything that a value reaches, by assignability: an exact type is never an interface.</summary>
    private sealed class Walker
    {
        private static readonly Type[] Banned =
            [typeof(ISymbol), typeof(SyntaxNode), typeof(SyntaxTree), typeof(Compilation), typeof(Location), typeof(SemanticModel), typeof(IOperation)];

        private readonly HashSet<object> _seen = new(ReferenceEqualityComparer.Instance);

        public int Visited => _seen.Count;

        public string? FindCompilerObject(object? value, string path = "value")
        {
            if (value is null || value is string || value.GetType().IsPrimitive || value.GetType().IsEnum || value is Type or Assembly or Module)
            {
                return null;
            }

            if (Banned.FirstOrDefault(b => b.IsAssignableFrom(value.GetType())) is { } banned)
            {
                return $"{path} is a {banned.Name}";
            }

            if (!_seen.Add(value))
            {
                return null;
            }

            if (value is IEnumerable items and not IDictionary)
            {
                foreach (object? item in items)
                {
                    if (FindCompilerObject(item, path + "[]") is { } found)
                    {
                        return found;
                    }
                }
            }

            for (Type? type = value.GetType(); type is not null && type != typeof(object); type = type.BaseType)
            {
                foreach (FieldInfo field in type.GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly)
                    .Where(static f => !f.FieldType.IsPointer && !f.FieldType.IsByRefLike))
                {
                    if (FindCompilerObject(field.GetValue(value), $"{path}.{field.Name}") is { } found)
                    {
                        return found;
                    }
                }
            }

            return null;
        }
    }
}
