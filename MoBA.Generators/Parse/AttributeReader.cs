using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace MoBA.Generators.Parse;

/// <summary>Reads the named arguments of an attribute and reports those that are out of range.</summary>
internal sealed class AttributeReader(AttributeData attribute, DiagnosticSink sink, CancellationToken cancellation)
{
    public const string BlockGate = "MoBA.BlockGateAttribute";
    public const string ExpertMixture = "MoBA.ExpertMixtureAttribute";
    public const string Expert = "MoBA.ExpertAttribute<TExpert>";

    /// <summary>The attribute of that full name, or null.</summary>
    public static AttributeData? Find(ITypeSymbol type, string name) => All(type, name).FirstOrDefault();

    /// <summary>Every attribute of that full name, in the order they are written in.</summary>
    public static IEnumerable<AttributeData> All(ITypeSymbol type, string name) =>
        type.GetAttributes().Where(a => a.AttributeClass?.OriginalDefinition.ToDisplayString() == name);

    /// <summary>The attribute as it is written.</summary>
    public static string Text(string name) => name.Replace("MoBA.", "").Replace("Attribute", "");

    public static Location? Location(AttributeData attribute, CancellationToken cancellation) =>
        attribute.ApplicationSyntaxReference?.GetSyntax(cancellation).GetLocation();

    /// <summary>An int, or what the attribute has where none is given.</summary>
    public int Int(string name, int otherwise) =>
        attribute.NamedArguments.FirstOrDefault(a => a.Key == name).Value.Value is int value ? value : otherwise;

    /// <summary>A value of an enum that is named as the author's is.</summary>
    public T Enum<T>(string name)
        where T : struct, Enum
    {
        int value = Int(name, 0);
        Demand(System.Enum.IsDefined(typeof(T), value), name, value, $"one of {string.Join(", ", System.Enum.GetNames(typeof(T)))}");
        return (T)(object)value;
    }

    /// <summary>Reports a value that is not what it must be.</summary>
    public void Demand(bool holds, string name, int value, string wanted)
    {
        if (!holds)
        {
            sink.Report(Diagnostics.BadAttributeValue, Argument(name), name, Text(attribute.AttributeClass!.ToDisplayString()), value, wanted);
        }
    }

    /// <summary>Where an argument's value stands.</summary>
    private Location? Argument(string name) =>
        (attribute.ApplicationSyntaxReference?.GetSyntax(cancellation) as AttributeSyntax)?.ArgumentList?.Arguments
            .FirstOrDefault(a => a.NameEquals?.Name.Identifier.ValueText == name)?.Expression.GetLocation()
        ?? Location(attribute, cancellation);
}
