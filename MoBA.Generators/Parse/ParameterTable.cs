using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using MoBA.Generators.Analyze;
using MoBA.Generators.Model;

namespace MoBA.Generators.Parse;

/// <summary>The parameters of an expert, in declaration order, and those of nested experts that its predicate reads.</summary>
internal sealed class ParameterTable
{
    private readonly Dictionary<string, ParameterSpec> _specs = [];
    private readonly List<string> _order = [];
    private readonly Dictionary<string, Location?> _locations = [];
    private readonly List<string> _nestedExperts = [];
    private readonly Dictionary<string, IPropertySymbol> _experts = [];
    private readonly HashSet<string> _readExperts = [];
    private readonly HashSet<string> _own;
    private readonly Compilation _compilation;
    private readonly DiagnosticSink _sink;
    private readonly CancellationToken _cancellation;

    public ParameterTable(INamedTypeSymbol type, Compilation compilation, DiagnosticSink sink, CancellationToken cancellation)
    {
        (_compilation, _sink, _cancellation) = (compilation, sink, cancellation);
        HashSet<string> seen = [];
        foreach (IPropertySymbol property in Lineage(type).SelectMany(static t => t.GetMembers()).OfType<IPropertySymbol>()
            .Where(p => !ClassParser.IsEmitted(p) && seen.Add(p.Name)))
        {
            CheckMonotone(property);
            if (IsParameter(property) && KindOf(property.Type) is not null)
            {
                Add(property, "");
            }
            else if (IsParameter(property) && IsExpert(property.Type))
            {
                _locations[property.Name] = property.Locations.FirstOrDefault();
                _nestedExperts.Add(property.Name);
                _experts[property.Name] = property;
            }
        }

        _own = [.. type.GetMembers().Select(static m => m.Name)];
    }

    /// <summary>A class and its base classes, without <c>object</c>.</summary>
    public static IEnumerable<INamedTypeSymbol> Lineage(INamedTypeSymbol type)
    {
        for (INamedTypeSymbol? t = type; t is { SpecialType: not SpecialType.System_Object }; t = t.BaseType)
        {
            yield return t;
        }
    }

    public IReadOnlyList<string> NestedExperts => _nestedExperts;

    public IEnumerable<ParameterSpec> Specs() => _order.Select(path => _specs[path]);

    public static bool IsExpert(ITypeSymbol type) =>
        type.GetAttributes().Any(static a => a.AttributeClass?.ToDisplayString() == PatternParser.Attribute);

    /// <summary>A parameter can be set by whoever builds the expert, and never changes afterwards.</summary>
    public static bool IsParameter(IPropertySymbol p) =>
        p is { DeclaredAccessibility: Accessibility.Public or Accessibility.Internal, IsStatic: false, IsIndexer: false, GetMethod: not null, SetMethod.IsInitOnly: true };

    public static ParameterKind? KindOf(ITypeSymbol type) => type switch
    {
        { SpecialType: SpecialType.System_Int32 } => ParameterKind.Int32,
        { SpecialType: SpecialType.System_Boolean } => ParameterKind.Boolean,
        { SpecialType: SpecialType.System_Single } => ParameterKind.Single,
        IArrayTypeSymbol { Rank: 1 } a => TableOf(a.ElementType),
        INamedTypeSymbol { Name: "ReadOnlyMemory", ContainingNamespace: { Name: "System", ContainingNamespace.IsGlobalNamespace: true }, TypeArguments: [var element] } => TableOf(element),
        _ => null,
    };

    /// <summary>The parameter behind a property that the predicate reads; a nested expert's is entered on its first use.</summary>
    public ParameterSpec Read(IPropertySymbol property, string prefix)
    {
        string path = prefix + property.Name;
        if (!_specs.ContainsKey(path))
        {
            Add(property, prefix);
        }

        if (prefix.Length > 0)
        {
            ReadExpert(prefix.TrimEnd('.'));
        }

        return _specs[path] = _specs[path] with { IsRead = true };
    }

    /// <summary>The nested expert behind a property; its predicate is read.</summary>
    public void ReadExpert(string path)
    {
        string[] names = path.Split('.');
        _readExperts.Add(names[0]);
        for (int length = 1; length <= names.Length; length++)
        {
            string outer = string.Join(".", names.Take(length));
            if (!_nestedExperts.Contains(outer))
            {
                _nestedExperts.Add(outer);
            }
        }
    }

    public void ReportUnused()
    {
        foreach (string name in _order.Where(p => !_specs[p].IsRead).Concat(_nestedExperts.Where(n => !_readExperts.Contains(n.Split('.')[0]))).Where(_own.Contains))
        {
            _sink.Report(Diagnostics.UnusedParameter, _locations[name], name);
        }
    }

    private static ParameterKind? TableOf(ITypeSymbol element) => element.SpecialType switch
    {
        SpecialType.System_Int32 => ParameterKind.Int32Table,
        SpecialType.System_Single => ParameterKind.SingleTable,
        _ => null,
    };

    private void Add(IPropertySymbol property, string prefix)
    {
        string path = prefix + property.Name;
        _order.Add(path);
        _locations[path] = property.Locations.FirstOrDefault();
        _specs[path] = new ParameterSpec(
            path, KindOf(property.Type)!.Value, IsBuiltPlainly(prefix) ? DefaultOf(property) : null, IsMonotone(property), property.Type is not IArrayTypeSymbol, IsRead: false);
    }

    /// <summary>Whether the expert behind a prefix is this one, or is built as <c>new()</c>: its parameters then have their own defaults.</summary>
    private bool IsBuiltPlainly(string prefix) => prefix.Length == 0 || (_experts.TryGetValue(prefix.TrimEnd('.'), out IPropertySymbol? expert)
        && expert.DeclaringSyntaxReferences.FirstOrDefault()?.GetSyntax(_cancellation) is PropertyDeclarationSyntax
        {
            Initializer.Value: BaseObjectCreationExpressionSyntax { Initializer: null, ArgumentList: null or { Arguments.Count: 0 } },
        });

    private void CheckMonotone(IPropertySymbol property)
    {
        if (IsMonotone(property) && !(IsParameter(property) && KindOf(property.Type) == ParameterKind.Int32Table))
        {
            _sink.Report(Diagnostics.BadMonotone, property.Locations.FirstOrDefault(), property.Name, property.Type.ToDisplayString());
        }
    }

    private static bool IsMonotone(IPropertySymbol property) =>
        property.GetAttributes().Any(static a => a.AttributeClass?.ToDisplayString() == "MoBA.MonotoneAttribute");

    /// <summary>A constant initializer, or the type's default where there is none and the property is not required; null where
    /// only running the constructor or the getter would tell.</summary>
    private Expr? DefaultOf(IPropertySymbol property)
    {
        ParameterKind kind = KindOf(property.Type)!.Value;
        if (property.IsRequired || kind is ParameterKind.Int32Table or ParameterKind.SingleTable
            || property.ContainingType.InstanceConstructors.Any(static c => !c.IsImplicitlyDeclared)
            || property.DeclaringSyntaxReferences.FirstOrDefault()?.GetSyntax(_cancellation) is not PropertyDeclarationSyntax syntax
            || !_compilation.ContainsSyntaxTree(syntax.SyntaxTree)
            || syntax.AccessorList?.Accessors.Any(static a => a.IsKind(SyntaxKind.GetAccessorDeclaration) && (a.Body ?? (object?)a.ExpressionBody) is not null) != false)
        {
            return null;
        }

        if (syntax.Initializer is not { Value: var initializer })
        {
            return kind switch { ParameterKind.Int32 => Fold.Zero, ParameterKind.Boolean => Fold.False, _ => new FloatLiteral(0) };
        }

        return (kind, _compilation.GetSemanticModel(syntax.SyntaxTree).GetConstantValue(initializer, _cancellation).Value) switch
        {
            (ParameterKind.Boolean, bool b) => Fold.Bool(b),
            (ParameterKind.Int32, var value) when WholeNumber(value) is { } i and >= int.MinValue and <= int.MaxValue => Fold.Int(i),
            (ParameterKind.Single, float f) => new FloatLiteral(f),
            (ParameterKind.Single, var value) when WholeNumber(value) is { } i => new FloatLiteral(i),
            _ => null,
        };
    }

    /// <summary>A constant of any type that C# converts to int or float by itself.</summary>
    private static long? WholeNumber(object? value) => value switch
    {
        int i => i,
        char c => c,
        byte b => b,
        sbyte b => b,
        short s => s,
        ushort s => s,
        uint i => i,
        long l => l,
        _ => null,
    };
}
