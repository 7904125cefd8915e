using System.Collections.Immutable;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using MoBA.Generators.Model;

namespace MoBA.Generators.Parse;

/// <summary>Parse: a class with <c>[SparseExpert]</c> becomes a <see cref="PatternSpec"/>, or diagnostics.</summary>
internal sealed class PatternParser(INamedTypeSymbol type, Compilation compilation, DiagnosticSink sink, CancellationToken cancellation)
{
    public const string Attribute = "MoBA.SparseExpertAttribute";

    private const string AttendsForm = "'bool Attends(int q, int k)' or 'bool Attends(int q, int k, int head)'";
    private const string ScoreForm = "'float Score(float score, int q, int k, int head, int heads)', where trailing arguments can be left out";

    /// <summary>The spec of <paramref name="type"/>, or null after at least one error was reported.</summary>
    public static PatternSpec? Parse(
        INamedTypeSymbol type, Compilation compilation, DiagnosticSink sink, CancellationToken cancellation) =>
        new PatternParser(type, compilation, sink, cancellation).Parse();

    private PatternSpec? Parse()
    {
        if (ContainingTypes().Prepend(type).Any(static t => t.Name.Length == 0))
        {
            return null; // the compiler says that a name is missing
        }

        CheckShape();
        ParameterTable parameters = new(type, compilation, sink, cancellation);
        IMethodSymbol? attends = FindAttends();
        IMethodSymbol? score = FindScore();
        if (sink.HasErrors || attends is null)
        {
            return null;
        }

        ExpressionParser parser = new(parameters, compilation, sink, cancellation);
        Expr? predicate = parser.ParseMethod(attends, isScore: false);
        Expr? modifier = score is null ? null : parser.ParseMethod(score, isScore: true);
        if (sink.HasErrors || predicate is null)
        {
            return null;
        }

        parameters.ReportUnused();
        return new PatternSpec
        {
            Namespace = type.ContainingNamespace.IsGlobalNamespace ? "" : Qualified(type.ContainingNamespace),
            ContainingTypes = new(ContainingTypes().Reverse().Select(t => new ContainingType(Keyword(t), t.Name))),
            Name = type.Name,
            Twin = Twin(),
            Summary = Documentation.FirstParagraph(type, cancellation),
            Parameters = new(parameters.Specs()),
            NestedExperts = new(parameters.NestedExperts),
            Attends = predicate,
            AttendsTakesHead = attends.Parameters.Length == 3,
            Score = modifier,
            ScoreArity = score?.Parameters.Length ?? 0,
            Demands = new(parser.Demands),
            CannotBuild = WhyNotBuilt(),
            TakenMembers = new(new[] { "Info", "Classify", "KeyRanges" }.Where(
                name => ParameterTable.Lineage(type).Any(t => !t.GetMembers(name).IsEmpty))),
        };
    }

    /// <summary>The first declaration of the class that carries code of the author: where the class itself is pointed at.</summary>
    private Location? ClassLocation => type.Locations.FirstOrDefault();

    private void CheckShape()
    {
        if (compilation.GetTypeByMetadataName("MoBA.Runtime.ISparseExpert") is null)
        {
            sink.Report(Diagnostics.NoRuntime, ClassLocation, type.Name);
        }

        if (!DeclarationsArePartial(type) || ContainingTypes().Any(static t => !DeclarationsArePartial(t)))
        {
            sink.Report(Diagnostics.NotPartial, ClassLocation, type.Name);
        }

        string? fault =
            type.TypeKind != TypeKind.Class ? $"a {type.TypeKind.ToString().ToLowerInvariant()}"
            : type.IsRecord ? "a record"
            : type.IsStatic ? "static"
            : type.IsAbstract ? "abstract"
            : type.IsGenericType && type.TypeParameters.Length > 0 ? "generic"
            : ContainingTypes().Any(static t => t.TypeParameters.Length > 0) ? "nested in a generic type"
            : type.IsFileLocal || ContainingTypes().Any(static t => t.IsFileLocal) ? "file-local"
            : null;
        if (fault is not null)
        {
            sink.Report(Diagnostics.NotAPlainClass, ClassLocation, type.Name, fault);
        }
    }

    private string? WhyNotBuilt()
    {
        if (type.InstanceConstructors.All(static c => !c.Parameters.IsEmpty))
        {
            return "it has no constructor without arguments";
        }

        ISymbol? other = ParameterTable.Lineage(type).SelectMany(static t => t.GetMembers()).FirstOrDefault(static m =>
            m is IFieldSymbol { IsRequired: true } || (m is IPropertySymbol { IsRequired: true } p && !ParameterTable.IsParameter(p)));
        return other is null ? null : $"its required member '{other.Name}' is no parameter";
    }

    private IMethodSymbol? FindAttends()
    {
        ImmutableArray<IMethodSymbol> candidates = Methods("Attends");
        if (candidates.IsEmpty)
        {
            sink.Report(Diagnostics.NoAttends, ClassLocation, type.Name);
            return null;
        }

        return Single(candidates, AttendsForm, m => AttendsFault(m));
    }

    private IMethodSymbol? FindScore()
    {
        ImmutableArray<IMethodSymbol> candidates = Methods("Score");
        return candidates.IsEmpty ? null : Single(candidates, ScoreForm, static m => ScoreFault(m));
    }

    private ImmutableArray<IMethodSymbol> Methods(string name) =>
        [.. type.GetMembers(name).OfType<IMethodSymbol>().Where(static m => m.MethodKind == MethodKind.Ordinary && !m.IsImplicitlyDeclared)];

    private IMethodSymbol? Single(ImmutableArray<IMethodSymbol> candidates, string form, Func<IMethodSymbol, string?> fault)
    {
        if (candidates.Length > 1)
        {
            sink.Report(Diagnostics.WrongSignature, candidates[1].Locations.FirstOrDefault(), candidates[1].Name,
                "there is another method of this name", form);
            return null;
        }

        if (fault(candidates[0]) is { } text)
        {
            sink.Report(Diagnostics.WrongSignature, candidates[0].Locations.FirstOrDefault(), candidates[0].Name, text, form);
            return null;
        }

        return candidates[0];
    }

    private static string? AttendsFault(IMethodSymbol m) =>
        CommonFault(m)
        ?? (m.ReturnType.SpecialType != SpecialType.System_Boolean ? $"it returns {m.ReturnType.ToDisplayString()}"
        : m.Parameters.Length is not (2 or 3) ? $"it takes {m.Parameters.Length} arguments"
        : m.Parameters.FirstOrDefault(static p => p.Type.SpecialType != SpecialType.System_Int32) is { } p ? $"'{p.Name}' is {p.Type.ToDisplayString()}"
        : MisplacedArgument(m, ["q", "k", "head"]));

    private static string? ScoreFault(IMethodSymbol m) =>
        CommonFault(m)
        ?? (m.ReturnType.SpecialType != SpecialType.System_Single ? $"it returns {m.ReturnType.ToDisplayString()}"
        : m.Parameters.Length is < 1 or > 5 ? $"it takes {m.Parameters.Length} arguments"
        : m.Parameters[0].Type.SpecialType != SpecialType.System_Single ? $"'{m.Parameters[0].Name}' is {m.Parameters[0].Type.ToDisplayString()}"
        : m.Parameters.Skip(1).FirstOrDefault(static p => p.Type.SpecialType != SpecialType.System_Int32) is { } p ? $"'{p.Name}' is {p.Type.ToDisplayString()}"
        : MisplacedArgument(m, ["score", "q", "k", "head", "heads"]));

    /// <summary>Arguments are known by their place; one that bears the name of another would silently mean something else.</summary>
    private static string? MisplacedArgument(IMethodSymbol m, string[] roles) => m.Parameters
        .Where(p => Array.IndexOf(roles, p.Name) is >= 0 and var role && role != p.Ordinal)
        .Select(p => $"argument {p.Ordinal + 1} is {roles[p.Ordinal]} whatever its name, and is named '{p.Name}'")
        .FirstOrDefault();

    private static string? CommonFault(IMethodSymbol m) =>
        m.IsGenericMethod ? "it is generic"
        : m.IsAsync ? "it is async"
        : m.IsAbstract || m.IsVirtual || m.IsOverride ? "it is virtual"
        : m.Parameters.Any(static p => p.RefKind != RefKind.None) ? "it takes an argument by reference"
        : null;

    /// <summary>File names do not tell cases apart, C# does: which one of such a family every name on the way here is.</summary>
    private string Twin()
    {
        List<int> places = [];
        for (INamespaceOrTypeSymbol s = type; s.ContainingSymbol is INamespaceOrTypeSymbol parent; s = parent)
        {
            places.Add(parent.GetMembers().OfType<INamespaceOrTypeSymbol>().Select(static m => m.Name).Distinct().Count(name =>
                string.Equals(name, s.Name, StringComparison.OrdinalIgnoreCase) && string.CompareOrdinal(name, s.Name) < 0));
        }

        return places.All(static p => p == 0) ? "" : string.Concat(places.Select(static p => $"-{p}"));
    }

    private IEnumerable<INamedTypeSymbol> ContainingTypes()
    {
        for (INamedTypeSymbol? t = type.ContainingType; t is not null; t = t.ContainingType)
        {
            yield return t;
        }
    }

    private static bool DeclarationsArePartial(INamedTypeSymbol symbol) => symbol.DeclaringSyntaxReferences
        .All(static r => r.GetSyntax() is TypeDeclarationSyntax d && d.Modifiers.Any(SyntaxKind.PartialKeyword));

    private static string Keyword(INamedTypeSymbol t) => t switch
    {
        { IsRecord: true, IsValueType: true } => "record struct",
        { IsRecord: true } => "record",
        { TypeKind: TypeKind.Struct } => "struct",
        { TypeKind: TypeKind.Interface } => "interface",
        _ => "class",
    };

    private static string Qualified(INamespaceSymbol ns) => ns.ToDisplayString(SymbolDisplayFormat.FullyQualifiedFormat
        .WithGlobalNamespaceStyle(SymbolDisplayGlobalNamespaceStyle.Omitted));
}
