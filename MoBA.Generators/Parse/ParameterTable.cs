using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using MoBA.Generators.Model;

namespace MoBA.Generators.Parse;

/// <summary>The parameters of an expert, in declaration order, and those of nested experts that its predicate reads.</summary>
internal sealed class ParameterTable
{
    private readonly Dictionary<string, ParameterSpec> _specs = [];
    private readonly List<string> _order = [];
    private readonly Dictionary<string, Location?> _locations = [];
    private readonly List<string> _nestedExperts = [];
    private readonly HashSet<string> _readExperts = [];
    private readonly Compilation _compilation;
    private readonly DiagnosticSink _sink;
    private readonly CancellationToken _cancellation;

    public ParameterTable(INamedTypeSymbol type, Compilation compilation, DiagnosticSink sink, CancellationToken cancellation)
    {
        (_compilation, _sink, _cancellation) = (compilation, sink, cancellation);
        foreach (IPropertySymbol property in type.GetMembers().OfType<IPropertySymbol>())
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
            }
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
        INamedTypeSymbol { Name: "ReadOnlyMemory", ContainingNamespace.Name: "System", TypeArguments: [var element] } => TableOf(element),
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
            _readExperts.Add(prefix.Split('.')[0]);
        }

        return _specs[path] = _specs[path] with { IsRead = true };
    }

    /// <summary>The nested expert behind a property; its predicate is read.</summary>
    public void ReadExpert(string path)
    {
        _readExperts.Add(path.Split('.')[0]);
        if (!_nestedExperts.Contains(path))
        {
            _nestedExperts.Add(path);
        }
    }

    public void ReportUnused()
    {
        foreach (string name in _order.Where(p => !_specs[p].IsRead).Concat(_nestedExperts.Where(n => !_readExperts.Contains(n.Split('.')[0]))))
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
            path, KindOf(property.Type)!.Value, DefaultOf(property), IsMonotone(property), property.Type is not IArrayTypeSymbol, IsRead: false);
    }

    private void CheckMonotone(IPropertySymbol property)
    {
        if (IsMonotone(property) && !(IsParameter(property) && KindOf(property.Type) == ParameterKind.Int32Table))
        {
            _sink.Report(Diagnostics.BadMonotone, property.Locations.FirstOrDefault(), property.Name, property.Type.ToDisplayString());
        }
    }

    private static bool IsMonotone(IPropertySymbol property) =>
        property.GetAttributes().Any(static a => a.AttributeClass?.ToDisplayString() == "MoBA.MonotoneAttribute");

    /// <summary>A constant initializer, or the type's default where there is none and the property is not required.</summary>
    private Expr? DefaultOf(IPropertySymbol property)
    {
        ParameterKind kind = KindOf(property.Type)!.Value;
        if (property.IsRequired || kind is ParameterKind.Int32Table or ParameterKind.SingleTable)
        {
            return null;
        }

        object? value = null;
        if (property.DeclaringSyntaxReferences.FirstOrDefault()?.GetSyntax(_cancellation) is PropertyDeclarationSyntax { Initializer: { } initializer })
        {
            Optional<object?> constant = _compilation.GetSemanticModel(initializer.SyntaxTree).GetConstantValue(initializer.Value, _cancellation);
            if (!constant.HasValue)
            {
                return null;
            }

            value = constant.Value;
        }

        return kind switch
        {
            ParameterKind.Int32 => new IntLiteral(Convert.ToInt32(value ?? 0, System.Globalization.CultureInfo.InvariantCulture)),
            ParameterKind.Boolean => new BoolLiteral(value is true),
            _ => new FloatLiteral(Convert.ToSingle(value ?? 0f, System.Globalization.CultureInfo.InvariantCulture)),
        };
    }
}
