using System.Collections.Immutable;
using System.Globalization;
using System.Reflection;
using System.Runtime.Loader;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Text;

namespace MoBA.Generators.Tests.Harness;

/// <summary>What the compiler made of some sources.</summary>
/// <param name="Input">The author's compilation.</param>
/// <param name="Output">With the emitted files.</param>
/// <param name="Generator">What the generator did.</param>
internal sealed record Compiled(CSharpCompilation Input, CSharpCompilation Output, GeneratorRunResult Generator)
{
    public IReadOnlyDictionary<string, string> Emitted =>
        Generator.GeneratedSources.ToDictionary(static s => s.HintName, static s => s.SourceText.ToString());

    /// <summary>Errors and warnings inside emitted files: there must never be any.</summary>
    public IEnumerable<string> FaultsInEmitted => Output.GetDiagnostics()
        .Where(d => d.Severity >= DiagnosticSeverity.Warning && d.Location.SourceTree is { } tree && !Input.ContainsSyntaxTree(tree))
        .Select(static d => $"{d} in: {d.Location.SourceTree!.GetText().Lines[d.Location.GetLineSpan().StartLinePosition.Line].ToString().Trim()}");

    /// <summary>Errors of the author's own code, before anything is emitted.</summary>
    public IEnumerable<string> OwnErrors => Input.GetDiagnostics()
        .Where(static d => d.Severity == DiagnosticSeverity.Error).Select(static d => d.ToString());
}

/// <summary>Runs the generator and the analyzer as the C# compiler does, and loads what comes out.</summary>
internal static class Compiler
{
    private static readonly string[] OwnAssemblies = ["MoBA.Dsl", "MoBA.Runtime", "ILGPU", "ILGPU.Algorithms", "System.Numerics.Tensors"];

    public static readonly ImmutableArray<MetadataReference> References =
    [
        .. ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator)
            .Where(static path => Path.GetDirectoryName(path) == Path.GetDirectoryName(typeof(object).Assembly.Location)
                || OwnAssemblies.Contains(Path.GetFileNameWithoutExtension(path)))
            .Select(static path => MetadataReference.CreateFromFile(path)),
    ];

    private static readonly CSharpParseOptions Parsing = new(LanguageVersion.Latest, DocumentationMode.Diagnose);

    /// <summary>Sources open with this unless they say otherwise; it adds no line.</summary>
    public const string Usings = "using System; using System.Collections.Generic; using System.Linq; using MoBA; ";

    public static CSharpCompilation Create(params string[] sources) => Create(sources, References);

    public static CSharpCompilation Create(IEnumerable<string> sources, IEnumerable<MetadataReference> references, string name = "Patterns") =>
        CSharpCompilation.Create(
            name,
            sources.Select((source, i) => Parse(source, $"Source{i}.cs")),
            references,
            new CSharpCompilationOptions(
                OutputKind.DynamicallyLinkedLibrary, nullableContextOptions: NullableContextOptions.Enable, allowUnsafe: true,
                optimizationLevel: OptimizationLevel.Release, warningLevel: 9999));

    public static SyntaxTree Parse(string source, string path) =>
        CSharpSyntaxTree.ParseText(SourceText.From(source, System.Text.Encoding.UTF8), Parsing, path);

    public static GeneratorDriver Driver(bool track = false) => CSharpGeneratorDriver.Create(
        [new PatternGenerator().AsSourceGenerator()], parseOptions: Parsing,
        driverOptions: new GeneratorDriverOptions(IncrementalGeneratorOutputKind.None, track));

    public static Compiled Run(params string[] sources) => Run(Create(sources));

    public static Compiled Run(CSharpCompilation input)
    {
        GeneratorDriver driver = Driver().RunGeneratorsAndUpdateCompilation(input, out Compilation output, out _);
        GeneratorRunResult result = driver.GetRunResult().Results.Single();
        Assert.Null(result.Exception);
        return new Compiled(input, (CSharpCompilation)output, result);
    }

    /// <summary>What the analyzer reports, in source order; its own failures too.</summary>
    public static IReadOnlyList<Diagnostic> Analyze(params string[] sources) => Analyze(Create(sources));

    public static IReadOnlyList<Diagnostic> Analyze(CSharpCompilation compilation)
    {
        CompilationWithAnalyzers analysis = compilation.WithAnalyzers([new PatternAnalyzer()]);
        return [.. analysis.GetAnalyzerDiagnosticsAsync().GetAwaiter().GetResult()
            .OrderBy(static d => d.Location.SourceTree?.FilePath, StringComparer.Ordinal).ThenBy(static d => d.Location.SourceSpan.Start)];
    }

    /// <summary>A diagnostic as the compiler prints it, with the text under its squiggle.</summary>
    public static string Describe(Diagnostic d)
    {
        FileLinePositionSpan span = d.Location.GetLineSpan();
        string under = d.Location.SourceTree?.GetText().ToString(d.Location.SourceSpan) ?? "";
        return $"({span.StartLinePosition.Line + 1},{span.StartLinePosition.Character + 1}): {d.Severity.ToString().ToLowerInvariant()} {d.Id}: "
            + $"{d.GetMessage(CultureInfo.InvariantCulture)}\n    under: {under}\n";
    }

    /// <summary>Compiles without a warning in emitted code and loads the assembly.</summary>
    public static Assembly Load(params string[] sources)
    {
        Compiled compiled = Run(sources);
        Assert.DoesNotContain(compiled.OwnErrors, static e => !IsMissingMember(e));
        string[] faults = [.. compiled.FaultsInEmitted];
        Assert.True(faults.Length == 0, string.Join("\n", faults.Take(20)));
        using MemoryStream image = new();
        Microsoft.CodeAnalysis.Emit.EmitResult result = compiled.Output.Emit(image);
        Assert.True(result.Success, string.Join("\n", result.Diagnostics));
        image.Position = 0;
        return new AssemblyLoadContext("patterns", isCollectible: true).LoadFromStream(image);
    }

    /// <summary>Sources that call emitted members cannot compile before they are emitted.</summary>
    private static bool IsMissingMember(string error) => error.Contains("CS1061") || error.Contains("CS0117");
}
