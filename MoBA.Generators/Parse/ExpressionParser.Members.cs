using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;
using MoBA.Generators.Model;

namespace MoBA.Generators.Parse;

// Parameters, tables and properties that are read through.
internal sealed partial class ExpressionParser
{
    private Expr ParseProperty(IPropertyReferenceOperation p, Scope scope)
    {
        IPropertySymbol property = p.Property;
        if (property.IsIndexer)
        {
            // Table.Span[i] of a ReadOnlyMemory.
            return p is { Instance: IPropertyReferenceOperation { Property.Name: "Span" } span, Arguments: [var index] } && span.Instance is { } table
                ? ParseLookup(p, table, index.Value, scope)
                : Unsupported(p);
        }

        if (ParameterTable.IsParameter(property) && PathOf(p.Instance, scope) is { } prefix)
        {
            return ParseParameter(p, property, prefix);
        }

        if (property.SetMethod is null && (property.IsStatic || PathOf(p.Instance, scope) is not null) && BodyOf(property) is { } body)
        {
            return Inline(p, property, body, scope with { Prefix = PathOf(p.Instance, scope) ?? "", Values = scope.Values.Clear() });
        }

        return NotAParameter(p, property, property switch
        {
            { IsStatic: true } => "it is static",
            { SetMethod: null } => "it cannot be set when the expert is built",
            { SetMethod.IsInitOnly: false } => "it can change after the expert is built: use init instead of set",
            _ => "it is not public",
        });
    }

    private Expr ParseParameter(IPropertyReferenceOperation p, IPropertySymbol property, string prefix)
    {
        switch (ParameterTable.KindOf(property.Type))
        {
            case ParameterKind.Int32:
                return new ParameterRef(parameters.Read(property, prefix).Path, ExprType.Int);
            case ParameterKind.Boolean:
                return new ParameterRef(parameters.Read(property, prefix).Path, ExprType.Bool);
            case ParameterKind.Single when _isScore:
                return new ParameterRef(parameters.Read(property, prefix).Path, ExprType.Float);
            case ParameterKind.Single:
                return Unsupported(p, "a float");
            case ParameterKind.Int32Table or ParameterKind.SingleTable:
                return Unsupported(p, $"the table '{property.Name}' without an index");
            default:
                return NotAParameter(p, property, $"its type is {property.Type.ToDisplayString()}");
        }
    }

    private Expr ParseLookup(IOperation access, IOperation table, IOperation index, Scope scope)
    {
        if (table is not IPropertyReferenceOperation p || !ParameterTable.IsParameter(p.Property) || PathOf(p.Instance, scope) is not { } prefix)
        {
            return Unsupported(access, $"'{Allowed.Shorten(access.Syntax.ToString())}', whose array is no parameter,");
        }

        return ParameterTable.KindOf(p.Property.Type) switch
        {
            ParameterKind.Int32Table => Entry(ExprType.Int),
            ParameterKind.SingleTable when _isScore => Entry(ExprType.Float),
            ParameterKind.SingleTable => Unsupported(access, "a float table"),
            _ => NotAParameter(p, p.Property, $"its type is {p.Property.Type.ToDisplayString()}"),
        };

        Expr Entry(ExprType element)
        {
            ParameterSpec spec = parameters.Read(p.Property, prefix);
            return new Lookup(spec.Path, spec.IsMonotone, element, Parse(index, scope));
        }
    }

    /// <summary>The path of the expert that a member is read from: empty for <c>this</c>, <c>Local.</c> for a nested one, null for
    /// anything else.</summary>
    private static string? PathOf(IOperation? instance, Scope scope) => instance switch
    {
        IInstanceReferenceOperation { ReferenceKind: InstanceReferenceKind.ContainingTypeInstance } => scope.Prefix,
        IConversionOperation c => PathOf(c.Operand, scope),
        IPropertyReferenceOperation p when ParameterTable.IsParameter(p.Property) && ParameterTable.IsExpert(p.Property.Type)
            && PathOf(p.Instance, scope) is { } prefix => $"{prefix}{p.Property.Name}.",
        _ => null,
    };
}
