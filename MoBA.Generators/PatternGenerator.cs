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
/// The whole pipeline: Parse, Analyze, Plan, Emit, for patterns and for mixtures of them. It carries value-equal records alone, so an edit that leaves a pattern's
/// meaning as it was stops at the first step. Faults are the analyzer's to report; here a broken pattern gives nothing.
/// </summary>
[Generator(LanguageNames.CSharp)]
public sealed class PatternGenerator : IIncrementalGenerator
{
    private static readonly Encoding Utf8 = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false);

    /// <inheritdoc/>
    public void Initialize(IncrementalGeneratorInitializationContext context)
    {
        IncrementalValuesProvider<KernelPlan> plans = Parsed(context, PatternParser.Attribute, TrackingNames.Parse, PatternParser.Parse)
            .Select(static (spec, _) => (Spec: spec, Facts: PatternFacts.Of(spec)))
            .WithTrackingName(TrackingNames.Analyze)
            .Select(static (p, _) => KernelPlan.Of(p.Spec, p.Facts))
            .WithTrackingName(TrackingNames.Plan);
        context.RegisterSourceOutput(plans, static (output, plan) =>
            output.AddSource(plan.Spec.Class.HintName(), SourceText.From(ExpertEmitter.Emit(plan), Utf8)));

        // A mixture needs of its experts what stands in its dispatch table, and not how they attend.
        IncrementalValueProvider<EquatableArray<ExpertSummary>> experts = plans
            .Select(static (plan, _) => ExpertSummary.Of(plan))
            .WithTrackingName(TrackingNames.Summarize)
            .Collect()
            .Select(static (all, _) => new EquatableArray<ExpertSummary>(all));
        IncrementalValuesProvider<MixturePlan> mixtures = Parsed(context, AttributeReader.ExpertMixture, TrackingNames.ParseMixture, MixtureParser.Parse)
            .Combine(experts)
            .Select(static (p, _) => MixturePlan.Of(p.Left, p.Right))
            .Where(static plan => plan is not null)
            .Select(static (plan, _) => plan!)
            .WithTrackingName(TrackingNames.PlanMixture);
        context.RegisterSourceOutput(mixtures, static (output, plan) =>
            output.AddSource(plan.Spec.Class.HintName(), SourceText.From(MixtureEmitter.Emit(plan), Utf8)));
    }

    private delegate T? Parser<T>(INamedTypeSymbol type, Compilation compilation, DiagnosticSink sink, CancellationToken cancellation);

    /// <summary>What the classes with an attribute say, those without a fault.</summary>
    private static IncrementalValuesProvider<T> Parsed<T>(
        IncrementalGeneratorInitializationContext context, string attribute, string step, Parser<T> parse)
        where T : class => context.SyntaxProvider
        .ForAttributeWithMetadataName(
            attribute,
            static (node, _) => node is TypeDeclarationSyntax,
            (c, cancellation) => IsFirst(c, attribute)
                ? parse((INamedTypeSymbol)c.TargetSymbol, c.SemanticModel.Compilation, new DiagnosticSink(null), cancellation) : null)
        .Where(static spec => spec is not null)
        .Select(static (spec, _) => spec!)
        .WithTrackingName(step);

    /// <summary>Whether this declaration of a partial class carries its first attribute: a second one is the compiler's to
    /// report, and must not emit the class twice.</summary>
    private static bool IsFirst(GeneratorAttributeSyntaxContext c, string attribute) => c.TargetSymbol.GetAttributes()
        .First(a => a.AttributeClass?.ToDisplayString() == attribute).ApplicationSyntaxReference is { } first
        && first.SyntaxTree == c.TargetNode.SyntaxTree && c.TargetNode.Span.Contains(first.Span);
}

/// <summary>Names of the pipeline's steps, for the tests that watch them.</summary>
internal static class TrackingNames
{
    public const string Parse = nameof(Parse);
    public const string Analyze = nameof(Analyze);
    public const string Plan = nameof(Plan);
    public const string Summarize = nameof(Summarize);
    public const string ParseMixture = nameof(ParseMixture);
    public const string PlanMixture = nameof(PlanMixture);
}
