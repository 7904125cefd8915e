using MoBA.Generators.Model;
using Scriban.Runtime;

namespace MoBA.Generators.Emit;

/// <summary>How an expert's parameters are spelled in its class and in its kernels.</summary>
internal static class ParameterModels
{
    private static readonly CSharpPrinter s_author = new(new AuthorDialect());

    /// <summary>Nested experts.</summary>
    public static ScriptObject[] OfExperts(IEnumerable<string> paths) => [.. paths.Select(static path => new ScriptObject
    {
        ["access"] = Names.Access(path),
        ["read"] = $"this.{Names.Access(path)}",
        ["literal"] = Names.Literal(path),
    })];

    public static ScriptObject[] Of(IEnumerable<ParameterSpec> parameters) => [.. parameters.Select(Of)];

    private static ScriptObject Of(ParameterSpec p)
    {
        string access = Names.Access(p.Path);
        string member = Names.Member(p.Path);
        string literal = Names.Literal(p.Path);
        string element = p.Kind is ParameterKind.Int32 or ParameterKind.Int32Table ? "int" : p.Kind == ParameterKind.Boolean ? "bool" : "float";
        bool isInt = p.Kind == ParameterKind.Int32Table;
        string monotone = p.IsMonotone ? "true" : "false";
        return new ScriptObject
        {
            ["access"] = access,
            ["read"] = $"this.{access}",
            ["member"] = member,
            ["literal"] = literal,
            ["value"] = $"this.{access}" + (!p.IsTable ? "" : p.IsMemory ? ".ToArray()" : "?.Clone()"),
            ["kind"] = p.Kind.ToString(),
            ["default"] = p.Default is null ? "null" : Names.Literal(s_author.Print(p.Default)),
            ["is_monotone"] = monotone,
            ["field"] = Names.Field(p.Path),
            ["type"] = !p.IsTable ? element : p.IsMemory ? $"ReadOnlyMemory<{element}>" : $"{element}[]",
            ["field_type"] = !p.IsTable ? element : isInt ? "IntTable" : "FloatTable",
            ["field_value"] = !p.IsTable ? member : isInt ? $"new IntTable({member}, {monotone}, {literal})" : $"new FloatTable({member}, {literal})",
            ["portable_type"] = p.Kind switch
            {
                ParameterKind.Int32Table => "PortableTable",
                ParameterKind.SingleTable => "PortableFloatTable",
                ParameterKind.Single => "float",
                _ => "int",
            },
            ["cuda_type"] = p.Kind switch
            {
                ParameterKind.Int32Table => "CudaTable",
                ParameterKind.SingleTable => "CudaFloatTable",
                ParameterKind.Single => "float",
                _ => "int",
            },
            ["device_value"] = p.Kind switch
            {
                ParameterKind.Int32Table => $"launch.Table(this.{access}, {monotone})",
                ParameterKind.SingleTable => $"launch.Table(this.{access})",
                ParameterKind.Boolean => $"this.{access} ? 1 : 0",
                _ => $"this.{access}",
            },
        };
    }
}
