using System.Text;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Text;
using MoBA.Generators.Analyze;
using MoBA.Generators.Emit;
using MoBA.Generators.Model;
using MoBA.Generators.Parse;
using MoBA.Generators.Plan;

namespace MoBA.Generators;

/// <summary>
/// The whole pipeline: Parse, Analyze, Plan, Emit. It carries value-equal records alone, so an edit that leaves a pattern's
/// meaning as it was stops at the first step. Faults are the analyzer's to report; here a broken pattern gives nothing.
/// </summary>
[Generator(LanguageNames.CSharp)]
public sealed class PatternGenerator : IIncrementalGenerator
{
    private static readonly Encoding Utf8 = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false);

    /// <inheritdoc/>
    public void Initialize(IncrementalGeneratorInitializationContext context)
    {
        IncrementalValuesProvider<PatternSpec> specs = context.SyntaxProvider
            .ForAttributeWithMetadataName(
                PatternParser.Attribute,
                static (node, _) => node is TypeDeclarationSyntax,
                static (c, cancellation) => IsFirst(c) ? PatternParser.Parse(
                    (INamedTypeSymbol)c.TargetSymbol, c.SemanticModel.Compilation, new DiagnosticSink(null), cancellation) : null)
            .Where(static spec => spec is not null)
            .Select(static (spec, _) => spec!)
            .WithTrackingName(TrackingNames.Parse);

        IncrementalValuesProvider<KernelPlan> plans = specs
            .Select(static (spec, _) => (Spec: spec, Facts: PatternFacts.Of(spec)))
            .WithTrackingName(TrackingNames.Analyze)
            .Select(static (p, _) => KernelPlan.Of(p.Spec, p.Facts))
            .WithTrackingName(TrackingNames.Plan);

        context.RegisterSourceOutput(plans, static (output, plan) =>
            output.AddSource(plan.Spec.Class.HintName(), SourceText.From(ExpertEmitter.Emit(plan), Utf8)));
    }

    /// <summary>Whether this declaration of a partial class carries its first attribute: a second one is the compiler's to
    /// report, and must not emit the class twice.</summary>
    private static bool IsFirst(GeneratorAttributeSyntaxContext c) => c.TargetSymbol.GetAttributes()
        .First(static a => a.AttributeClass?.ToDisplayString() == PatternParser.Attribute).ApplicationSyntaxReference is { } first
        && first.SyntaxTree == c.TargetNode.SyntaxTree && c.TargetNode.Span.Contains(first.Span);
}

/// <summary>Names of the pipeline's steps, for the tests that watch them.</summary>
internal static class TrackingNames
{
    public const string Parse = nameof(Parse);
    public const string Analyze = nameof(Analyze);
    public const string Plan = nameof(Plan);
}
