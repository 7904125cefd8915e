using System.Text;
using MoBA.Generators.Analyze;
using MoBA.Generators.Model;
using MoBA.Generators.Plan;
using Scriban.Runtime;

namespace MoBA.Generators.Emit;

/// <summary>Emit: a <see cref="KernelPlan"/> becomes the text of one C# file.</summary>
internal sealed partial class ExpertEmitter
{
    private readonly KernelPlan _plan;
    private readonly PatternSpec _spec;
    private readonly CSharpPrinter _author = new(new AuthorDialect());
    private readonly CSharpPrinter _cpu = new(new CpuDialect());
    private readonly CSharpPrinter _cpuBounds = new(new CpuDialect(), inBounds: true);
    private readonly CSharpPrinter _portable = new(new PortableDialect());
    private readonly CSharpPrinter _portableBounds = new(new PortableDialect(), inBounds: true);

    private ExpertEmitter(KernelPlan plan) => (_plan, _spec) = (plan, plan.Spec);

    /// <summary>The emitted file's name: the class's full name.</summary>
    public static string HintName(PatternSpec spec)
    {
        string name = string.Join(".", (string[])[
            .. spec.Namespace.Length == 0 ? [] : new[] { spec.Namespace },
            .. spec.ContainingTypes.Select(static t => t.Name),
            spec.Name]).Replace("@", "");
        return string.Concat(name.Select(static c => c == '.' || char.IsLetterOrDigit(c) ? c : '_')) + spec.Twin + ".g.cs";
    }

    public static string Emit(KernelPlan plan) => new ExpertEmitter(plan).Emit();

    private string FlatName => Flat(_spec.ContainingTypes.Select(static t => t.Name).Append(_spec.Name));

    /// <summary>One level below MoBA.Generated: in a namespace of the author's own shape, a neighbour named Math would hide
    /// System.Math.</summary>
    private string KernelNamespace =>
        "MoBA.Generated." + (_spec.Namespace.Length == 0 ? "Global" : Names.Identifier(Flat(_spec.Namespace.Split('.'))));

    /// <summary>Names joined to one identifier; A_B and A.B stay apart.</summary>
    private static string Flat(IEnumerable<string> names) =>
        string.Join("_", names.Select(static n => n.TrimStart('@').Replace("_", "__")));

    private string CpuClass => $"{FlatName}_Cpu";

    private string PortableClass => $"{FlatName}_Portable";

    private string Emit()
    {
        ScriptObject model = new()
        {
            ["name"] = _spec.Name,
            ["arguments"] = _spec.AttendsTakesHead ? "q, k, head" : "q, k",
            ["predicate"] = _author.Print(_spec.Attends),
            ["score_modifier"] = _spec.Score is null ? null : _author.Print(_spec.Score),
            ["picture_tile"] = _plan.Facts.PictureTile.ToString(System.Globalization.CultureInfo.InvariantCulture),
            ["picture"] = Picture(),
            ["facts"] = FactLines.Of(_spec, _plan.Facts).ToArray(),
            ["kernel_namespace"] = KernelNamespace,
            ["class_text"] = Enclose(Templates.Render("class", ClassModel())),
            ["cpu_text"] = Indent(Templates.Render("cpu", CpuModel())),
            ["portable_text"] = Indent(Templates.Render("portable", PortableModel())),
        };
        return Templates.Render("expert", model);
    }

    /// <summary>The author's class inside its namespace and its enclosing types.</summary>
    private string Enclose(string text)
    {
        foreach (ContainingType type in _spec.ContainingTypes.Reverse())
        {
            text = $"partial {type.Keyword} {Names.Identifier(type.Name)}\n{{\n{Indent(text)}}}\n";
        }

        return _spec.Namespace.Length == 0 ? text : $"namespace {_spec.Namespace}\n{{\n{Indent(text)}}}\n";
    }

    private static string Indent(string text)
    {
        StringBuilder indented = new();
        foreach (string line in text.TrimEnd('\n').Split('\n'))
        {
            indented.Append(line.Length == 0 ? "" : "    ").Append(line).Append('\n');
        }

        return indented.ToString();
    }

    private string[] Picture() => _plan.Facts.Picture.TrimEnd('\n').Split('\n');

    private ScriptObject ClassModel() => new()
    {
        ["identifier"] = Names.Identifier(_spec.Name),
        ["kernel"] = $"global::{KernelNamespace}.{CpuClass}",
        ["portable"] = $"global::{KernelNamespace}.{PortableClass}",
        ["info_taken"] = IsTaken("Info"),
        ["classify_taken"] = IsTaken("Classify"),
        ["key_ranges_taken"] = IsTaken("KeyRanges"),
        ["attends_arguments"] = _spec.AttendsTakesHead ? "q, k, head" : "q, k",
        ["score_call"] = _spec.ScoreArity == 0
            ? "score"
            : $"Score({string.Join(", ", new[] { "score", "q", "k", "head", "heads" }.Take(_spec.ScoreArity))})",
        ["nested_experts"] = Experts(_spec.NestedExperts),
        ["own_experts"] = Experts(_spec.NestedExperts.Where(static e => !e.Contains('.'))),
        ["parameters"] = Parameters(_spec.Parameters),
        ["own_parameters"] = Parameters(_spec.Parameters.Where(static p => p.IsOwn)),
        ["can_build"] = _spec.CannotBuild is null,
        ["cannot_build"] = Names.Literal($"'{_spec.Name}' cannot be copied with other parameters: {_spec.CannotBuild}"),
    };

    private bool IsTaken(string member) => _spec.Name == member || _spec.TakenMembers.Contains(member);

    private static ScriptObject[] Experts(IEnumerable<string> paths) => [.. paths.Select(static path => new ScriptObject
    {
        ["access"] = Names.Access(path),
        ["read"] = $"this.{Names.Access(path)}",
        ["literal"] = Names.Literal(path),
    })];

    private ScriptObject[] Parameters(IEnumerable<ParameterSpec> parameters) => [.. parameters.Select(ParameterModel)];

    private ScriptObject ParameterModel(ParameterSpec p)
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
            ["default"] = p.Default is null ? "null" : Names.Literal(_author.Print(p.Default)),
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
            ["portable_value"] = p.Kind switch
            {
                ParameterKind.Int32Table => $"launch.Table(this.{access}, {monotone})",
                ParameterKind.SingleTable => $"launch.Table(this.{access})",
                ParameterKind.Boolean => $"this.{access} ? 1 : 0",
                _ => $"this.{access}",
            },
        };
    }

    /// <summary>The declaration of a value that has a name.</summary>
    private static string Declare(CSharpPrinter printer, NamedValue value, string intType)
    {
        string type = value.Value.Type switch { ExprType.Bool => "bool", ExprType.Float => "float", _ => intType };
        return $"{type} {value.Name} = {printer.Print(value.Value)};";
    }

    private static string[] DeclareBounds(CSharpPrinter printer, IEnumerable<NamedValue> values) =>
        [.. values.Select(v => Declare(printer, v, "long"))];

    private static string Flag(bool value) => value ? "true" : "false";
}
