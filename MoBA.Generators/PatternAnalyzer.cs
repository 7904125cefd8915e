using System.Collections.Immutable;
using System.Reflection;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using MoBA.Generators.Model;
using MoBA.Generators.Parse;

namespace MoBA.Generators;

/// <summary>The generator's own parser, reporting what is wrong with a pattern instead of emitting code for it.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
public sealed class PatternAnalyzer : DiagnosticAnalyzer
{
    /// <inheritdoc/>
    public override ImmutableArray<DiagnosticDescriptor> SupportedDiagnostics { get; } =
    [
        .. typeof(Diagnostics).GetFields(BindingFlags.Public | BindingFlags.Static)
            .Where(static f => f.FieldType == typeof(DiagnosticDescriptor))
            .Select(static f => (DiagnosticDescriptor)f.GetValue(null)!),
    ];

    /// <inheritdoc/>
    public override void Initialize(AnalysisContext context)
    {
        context.ConfigureGeneratedCodeAnalysis(GeneratedCodeAnalysisFlags.None);
        context.EnableConcurrentExecution();
        context.RegisterSymbolAction(Analyze, SymbolKind.NamedType);
    }

    private static void Analyze(SymbolAnalysisContext context)
    {
        var type = (INamedTypeSymbol)context.Symbol;
        DiagnosticSink sink = new(context.ReportDiagnostic);
        if (ParameterTable.IsExpert(type))
        {
            PatternSpec? spec = PatternParser.Parse(type, context.Compilation, sink, context.CancellationToken);
            if (spec is not null)
            {
                PatternLints.Report(type, spec, context.ReportDiagnostic, context.CancellationToken);
            }
        }
        else if (AttributeReader.Find(type, AttributeReader.ExpertMixture) is not null)
        {
            MixtureParser.Parse(type, context.Compilation, sink, context.CancellationToken);
        }
        else
        {
            ClassParser parser = new(type, context.Compilation, sink, context.CancellationToken);
            parser.CheckAlone(AttributeReader.BlockGate, PatternParser.Attribute);
            parser.CheckAlone(AttributeReader.Expert, AttributeReader.ExpertMixture);
        }
    }
}
