using Microsoft.CodeAnalysis;
using MoBA.Generators.Model;

namespace MoBA.Generators.Parse;

/// <summary>Parse: a class with <c>[ExpertMixture]</c> becomes a <see cref="MixtureSpec"/>, or diagnostics.</summary>
internal sealed class MixtureParser(INamedTypeSymbol type, Compilation compilation, DiagnosticSink sink, CancellationToken cancellation)
{
    private readonly ClassParser _class = new(type, compilation, sink, cancellation);
    private readonly List<(INamedTypeSymbol Type, MixtureExpert Spec)> _experts = [];

    /// <summary>The spec of <paramref name="type"/>, or null after at least one error was reported, by this or by the compiler.</summary>
    public static MixtureSpec? Parse(
        INamedTypeSymbol type, Compilation compilation, DiagnosticSink sink, CancellationToken cancellation) =>
        new MixtureParser(type, compilation, sink, cancellation).Parse();

    private MixtureSpec? Parse()
    {
        if (_class.IsNameless)
        {
            return null;
        }

        CheckClass();
        AttributeData[] attributes = [.. AttributeReader.All(type, AttributeReader.Expert)];
        foreach (AttributeData attribute in attributes)
        {
            if (attribute.AttributeClass!.TypeArguments[0] is INamedTypeSymbol { TypeKind: not TypeKind.Error } expert)
            {
                Add(expert, AttributeReader.Location(attribute, cancellation));
            }
        }

        AttributeReader reader = new(AttributeReader.Find(type, AttributeReader.ExpertMixture)!, sink, cancellation);
        int topK = reader.Int("TopK", 1);
        Combine combine = reader.Enum<Combine>("Combine");
        if (attributes.Length == 0)
        {
            sink.Report(Diagnostics.NoExperts, _class.Location, type.Name);
        }
        else
        {
            reader.Demand(topK >= 1 && topK <= attributes.Length, "TopK", topK, $"from 1 to {attributes.Length}, the number of experts");
        }

        return sink.HasErrors || _experts.Count < attributes.Length ? null : new MixtureSpec
        {
            Class = _class.Spec(p => _experts.Exists(e => e.Spec.Name == p.Name)),
            TopK = topK,
            Combine = combine,
            Experts = new(_experts.Select(static e => e.Spec)),
            InfoName = InfoName(),
        };
    }

    private void CheckClass()
    {
        _class.CheckShape();
        if (ParameterTable.Lineage(type).Skip(1).Any(static t => AttributeReader.Find(t, AttributeReader.ExpertMixture) is not null))
        {
            sink.Report(Diagnostics.NotAPlainClass, _class.Location, type.Name, "derived from another mixture");
        }

        if (ParameterTable.IsExpert(type))
        {
            sink.Report(Diagnostics.ExpertAndMixture, _class.Location, type.Name);
        }
        else
        {
            _class.CheckAlone(AttributeReader.BlockGate, PatternParser.Attribute);
            CheckMethods();
        }
    }

    /// <summary>Methods that an expert would be asked by, and a mixture is not.</summary>
    private void CheckMethods()
    {
        foreach (IMethodSymbol method in new[] { "Attends", "Score", "Always" }.SelectMany(name => type.GetMembers(name)).OfType<IMethodSymbol>())
        {
            sink.Report(Diagnostics.MethodOfMixture, method.Locations.FirstOrDefault(), method.Name, type.Name);
        }
    }

    private void Add(INamedTypeSymbol expert, Location? location)
    {
        if (WhyNoExpert(expert) is { } why)
        {
            sink.Report(Diagnostics.NotAnExpert, location, expert.Name, type.Name, why);
            return;
        }

        INamedTypeSymbol? same = _experts.Find(e => e.Spec.Name == expert.Name).Type;
        if (same is not null)
        {
            bool isTwice = same.Equals(expert, SymbolEqualityComparer.Default);
            sink.Report(
                Diagnostics.SameExpert, location, type.Name,
                isTwice ? $"'{expert.Name}' twice" : $"'{same.ToDisplayString()}' and '{expert.ToDisplayString()}', and both would be its property '{expert.Name}'",
                isTwice ? "remove one" : "rename one");
            return;
        }

        string? accessibility = HasOwnProperty(expert) ? null : IsHidden(expert) ? "internal" : "public";
        if (accessibility == "internal" && !CanBuild(expert))
        {
            sink.Report(
                Diagnostics.NotAnExpert, location, expert.Name, type.Name,
                $"it cannot be built without arguments and is less visible than the mixture; declare its property with a value, as in 'internal {expert.Name} {expert.Name} {{ get; init; }} = new() {{ ... }}'");
        }

        _experts.Add((expert, new(
            expert.Name, expert.ToDisplayString(SymbolDisplayFormat.FullyQualifiedFormat), accessibility, !CanBuild(expert),
            IsForeign(expert) ? expert.ContainingAssembly.Name : null)));
    }

    private bool IsForeign(INamedTypeSymbol expert) => !compilation.Assembly.Equals(expert.ContainingAssembly, SymbolEqualityComparer.Default);

    private string? WhyNoExpert(INamedTypeSymbol expert) =>
        AttributeReader.Find(expert, AttributeReader.ExpertMixture) is not null ? "it is a mixture itself; name its experts one by one"
        : !ParameterTable.IsExpert(expert) ? "it has no [SparseExpert]; add [SparseExpert] to it, or name another class"
        : !compilation.IsSymbolAccessibleWithin(expert, compilation.Assembly) ? "it is hidden inside another class; make it public or internal"
        : !IsForeign(expert) ? null
        : !expert.AllInterfaces.Any(static i => i.ToDisplayString() == "MoBA.Runtime.ISparseExpert") ? $"'{expert.ContainingAssembly.Name}' was compiled without MoBA.Generators"
        : !expert.GetMembers("Info").Any(static m => m is IPropertySymbol { IsStatic: true, Type: { } t } && t.ToDisplayString() == "MoBA.Runtime.ExpertInfo")
            ? $"its member 'Info' hides what '{expert.ContainingAssembly.Name}' knows of it"
        : null;

    /// <summary>Whether the author has declared the property of an expert, for a default of his own; reports anything else of its name.</summary>
    private bool HasOwnProperty(INamedTypeSymbol expert)
    {
        ISymbol? taken = ClassParser.Taken(type, expert.Name);
        if (taken is IPropertySymbol p && p.Type.Equals(expert, SymbolEqualityComparer.Default) && ParameterTable.IsParameter(p))
        {
            return true;
        }

        if (taken is not null)
        {
            ClassParser.ReportTaken(type, expert.Name, taken, $"its expert, as 'public {expert.Name} {expert.Name} {{ get; init; }}'", sink);
        }

        return false;
    }

    /// <summary>Whether the class of an expert is less visible than a public property of the mixture would be.</summary>
    private bool IsHidden(INamedTypeSymbol expert) =>
        Visible(type, Accessibility.Public, Accessibility.Protected, Accessibility.ProtectedOrInternal) && !Visible(expert, Accessibility.Public);

    private static bool Visible(INamedTypeSymbol t, params Accessibility[] levels) =>
        levels.Contains(t.DeclaredAccessibility) && (t.ContainingType is null || Visible(t.ContainingType, levels));

    private bool CanBuild(INamedTypeSymbol expert) =>
        expert.InstanceConstructors.Any(c => c.Parameters.All(static p => p.IsOptional) && compilation.IsSymbolAccessibleWithin(c, type))
        && !ParameterTable.Lineage(expert).SelectMany(static t => t.GetMembers())
            .Any(static m => m is IFieldSymbol { IsRequired: true } or IPropertySymbol { IsRequired: true });

    private string InfoName() => new[] { "Info" }.Concat(Enumerable.Range(0, int.MaxValue).Select(static i => i == 0 ? "DispatchTable" : $"DispatchTable{i}"))
        .First(name => ClassParser.Taken(type, name) is null && !_experts.Exists(e => e.Spec.Name == name));
}
