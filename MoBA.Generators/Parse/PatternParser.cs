using System.Collections.Immutable;
using Microsoft.CodeAnalysis;
using MoBA.Generators.Model;

namespace MoBA.Generators.Parse;

/// <summary>Parse: a class with <c>[SparseExpert]</c> becomes a <see cref="PatternSpec"/>, or diagnostics.</summary>
internal sealed class PatternParser(INamedTypeSymbol type, Compilation compilation, DiagnosticSink sink, CancellationToken cancellation)
{
    public const string Attribute = "MoBA.SparseExpertAttribute";

    private const string AttendsForm = "'bool Attends(int q, int k)' or 'bool Attends(int q, int k, int head)'";
    private const string AlwaysForm = "'bool Always(int q, int k)' or 'bool Always(int q, int k, int head)'";
    private const string ScoreForm = "'float Score(float score, int q, int k, int head, int heads)', where trailing arguments can be left out";

    private readonly ClassParser _class = new(type, compilation, sink, cancellation);

    /// <summary>The spec of <paramref name="type"/>, or null after at least one error was reported.</summary>
    public static PatternSpec? Parse(
        INamedTypeSymbol type, Compilation compilation, DiagnosticSink sink, CancellationToken cancellation) =>
        new PatternParser(type, compilation, sink, cancellation).Parse();

    private PatternSpec? Parse()
    {
        if (_class.IsNameless)
        {
            return null;
        }

        _class.CheckShape();
        if (AttributeReader.Find(type, AttributeReader.ExpertMixture) is not null)
        {
            sink.Report(Diagnostics.ExpertAndMixture, _class.Location, type.Name);
        }
        else
        {
            _class.CheckAlone(AttributeReader.Expert, AttributeReader.ExpertMixture);
        }

        ParameterTable parameters = new(type, compilation, sink, cancellation);
        GateSpec? gate = GateParser.Parse(type, sink, cancellation);
        IMethodSymbol? attends = FindAttends();
        IMethodSymbol? score = Find("Score", ScoreForm, static m => ScoreFault(m));
        IMethodSymbol? always = gate is null ? null : Find("Always", AlwaysForm, static m => PredicateFault(m));
        if (sink.HasErrors || attends is null)
        {
            return null;
        }

        ExpressionParser parser = new(parameters, compilation, sink, cancellation);
        Expr? predicate = parser.ParseMethod(attends, isScore: false);
        Expr? modifier = score is null ? null : parser.ParseMethod(score, isScore: true);
        Expr[] demands = [.. parser.TakeDemands()];
        Expr? besides = always is null ? null : parser.ParseMethod(always, isScore: false);
        if (sink.HasErrors || predicate is null)
        {
            return null;
        }

        parameters.ReportUnused();
        return new PatternSpec
        {
            Class = _class.Spec(ParameterTable.IsParameter),
            Parameters = new(parameters.Specs()),
            NestedExperts = new(parameters.NestedExperts),
            Attends = predicate,
            AttendsTakesHead = attends.Parameters.Length == 3,
            Score = modifier,
            ScoreArity = score?.Parameters.Length ?? 0,
            Demands = new(demands),
            Gate = gate,
            Always = besides,
            AlwaysTakesHead = always?.Parameters.Length == 3,
            AlwaysDemands = new(parser.TakeDemands()),
            TakenMembers = new(new[] { "Info", "Classify", "KeyRanges" }.Where(name => ClassParser.Taken(type, name) is not null)),
        };
    }

    private IMethodSymbol? FindAttends()
    {
        ImmutableArray<IMethodSymbol> candidates = Methods("Attends");
        if (candidates.IsEmpty)
        {
            sink.Report(Diagnostics.NoAttends, _class.Location, type.Name);
            return null;
        }

        return Single(candidates, AttendsForm, static m => PredicateFault(m));
    }

    /// <summary>A method that an expert need not have.</summary>
    private IMethodSymbol? Find(string name, string form, Func<IMethodSymbol, string?> fault)
    {
        ImmutableArray<IMethodSymbol> candidates = Methods(name);
        return candidates.IsEmpty ? null : Single(candidates, form, fault);
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

    /// <summary>Why a method is no predicate, or null.</summary>
    public static string? PredicateFault(IMethodSymbol m) =>
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
}
