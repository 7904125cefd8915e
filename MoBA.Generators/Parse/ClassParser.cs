using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using MoBA.Generators.Model;

namespace MoBA.Generators.Parse;

/// <summary>Parse: what experts and mixtures have in common, the class that code is added to.</summary>
internal sealed class ClassParser(INamedTypeSymbol type, Compilation compilation, DiagnosticSink sink, CancellationToken cancellation)
{
    /// <summary>The first declaration of the class that carries code of the author: where the class itself is pointed at.</summary>
    public Location? Location => type.Locations.FirstOrDefault();

    /// <summary>The compiler says that a name is missing.</summary>
    public bool IsNameless => ContainingTypes().Prepend(type).Any(static t => t.Name.Length == 0);

    /// <summary>Reports a class that nothing can be added to.</summary>
    public void CheckShape()
    {
        if (compilation.GetTypeByMetadataName("MoBA.Runtime.ISparseExpert") is null)
        {
            sink.Report(Diagnostics.NoRuntime, Location, type.Name);
        }

        if (!DeclarationsArePartial(type) || ContainingTypes().Any(static t => !DeclarationsArePartial(t)))
        {
            sink.Report(Diagnostics.NotPartial, Location, type.Name);
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
            sink.Report(Diagnostics.NotAPlainClass, Location, type.Name, fault);
        }
    }

    /// <summary>Reports an attribute that means nothing without another, which the class does not have.</summary>
    public void CheckAlone(string attribute, string wanted)
    {
        if (AttributeReader.Find(type, attribute) is { } found)
        {
            sink.Report(
                Diagnostics.LoneAttribute, AttributeReader.Location(found, cancellation), AttributeReader.Text(attribute), type.Name, AttributeReader.Text(wanted));
        }
    }

    /// <summary>The class.</summary>
    /// <param name="canBeSet">Whether a required property is one that a copy sets.</param>
    public ClassSpec Spec(Func<IPropertySymbol, bool> canBeSet) => new()
    {
        Namespace = type.ContainingNamespace.IsGlobalNamespace ? "" : Qualified(type.ContainingNamespace),
        ContainingTypes = new(ContainingTypes().Reverse().Select(t => new ContainingType(Keyword(t), t.Name))),
        Name = type.Name,
        FullName = type.ToDisplayString(SymbolDisplayFormat.FullyQualifiedFormat),
        Twin = Twin(),
        Summary = Documentation.FirstParagraph(type, cancellation),
        CannotBuild = WhyNotBuilt(canBeSet),
    };

    /// <summary>Whether the compiler added a member itself: an analyzer sees what was emitted, the generator does not.</summary>
    public static bool IsEmitted(ISymbol member) => member.GetAttributes().Any(static a =>
        a.AttributeClass?.ToDisplayString() == "System.CodeDom.Compiler.GeneratedCodeAttribute"
        && a.ConstructorArguments is [{ Value: "MoBA.Generators" }, ..]);

    /// <summary>What has a name that the compiler wants for a property: the class, or a member that is the author's own or inherited.</summary>
    public static ISymbol? Taken(INamedTypeSymbol type, string name) => type.Name == name
        ? type
        : ParameterTable.Lineage(type).SelectMany(t => t.GetMembers(name)).FirstOrDefault(static m => !IsEmitted(m));

    /// <summary>Reports a name that the compiler cannot have.</summary>
    /// <param name="type">The class.</param>
    /// <param name="name">The name.</param>
    /// <param name="taken">What has it: the class itself, a member of it, a base class or a member of one.</param>
    /// <param name="purpose">What the property is for.</param>
    /// <param name="sink">Where it is reported.</param>
    public static void ReportTaken(INamedTypeSymbol type, string name, ISymbol taken, string purpose, DiagnosticSink sink)
    {
        bool isMember = type.Equals(taken.ContainingSymbol, SymbolEqualityComparer.Default);
        INamedTypeSymbol owner = taken as INamedTypeSymbol ?? taken.ContainingType;
        string what = type.Equals(taken, SymbolEqualityComparer.Default) ? "the class has that name itself" : $"'{(isMember ? type : owner).Name}' has a member of that name already";
        sink.Report(Diagnostics.TakenName, (isMember ? taken : type).Locations.FirstOrDefault(), name, type.Name, purpose, what);
    }

    private string? WhyNotBuilt(Func<IPropertySymbol, bool> canBeSet)
    {
        if (type.InstanceConstructors.All(static c => !c.Parameters.IsEmpty))
        {
            return "it has no constructor without arguments";
        }

        ISymbol? other = ParameterTable.Lineage(type).SelectMany(static t => t.GetMembers()).FirstOrDefault(m =>
            m is IFieldSymbol { IsRequired: true } || (m is IPropertySymbol { IsRequired: true } p && !canBeSet(p)));
        return other is null ? null : $"its required member '{other.Name}' is no parameter";
    }

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
