using System.Globalization;
using System.Text;
using MoBA.Generators.Model;

namespace MoBA.Generators.Emit;

/// <summary>Where emitted code goes: files, namespaces and enclosing types.</summary>
internal static class Place
{
    /// <summary>The attribute of what is emitted.</summary>
    public static readonly string GeneratedCode =
        $"[global::System.CodeDom.Compiler.GeneratedCode(\"MoBA.Generators\", \"{typeof(Place).Assembly.GetName().Version.ToString(3)}\")]";

    /// <summary>The emitted file's name: the class's full name.</summary>
    public static string HintName(this ClassSpec c)
    {
        string name = string.Join(".", (string[])[
            .. c.Namespace.Length == 0 ? [] : new[] { c.Namespace },
            .. c.ContainingTypes.Select(static t => t.Name),
            c.Name]).Replace("@", "");
        return string.Concat(name.Select(static x => x == '.' || char.IsLetterOrDigit(x) ? x : '_')) + c.Twin + ".g.cs";
    }

    /// <summary>One level below MoBA.Generated: in a namespace of the author's own shape, a neighbour named Math would hide
    /// System.Math.</summary>
    public static string KernelNamespace(this ClassSpec c) =>
        "MoBA.Generated." + (c.Namespace.Length == 0 ? "Global" : Names.Identifier(Flat(c.Namespace.Split('.'))));

    /// <summary>The class and its enclosing types as one identifier.</summary>
    public static string FlatName(this ClassSpec c) => Flat(c.ContainingTypes.Select(static t => t.Name).Append(c.Name));

    /// <summary>The author's class inside its namespace and its enclosing types.</summary>
    public static string Enclose(this ClassSpec c, string text)
    {
        foreach (ContainingType type in c.ContainingTypes.Reverse())
        {
            text = $"partial {type.Keyword} {Names.Identifier(type.Name)}\n{{\n{Indent(text)}}}\n";
        }

        return c.Namespace.Length == 0 ? text : $"namespace {c.Namespace}\n{{\n{Indent(text)}}}\n";
    }

    /// <summary>Lines moved in by one level.</summary>
    public static string Indent(string text)
    {
        StringBuilder indented = new();
        foreach (string line in text.TrimEnd('\n').Split('\n'))
        {
            indented.Append(line.Length == 0 ? "" : "    ").Append(line).Append('\n');
        }

        return indented.ToString();
    }

    /// <summary>Names joined to one identifier; A_B and A.B stay apart.</summary>
    private static string Flat(IEnumerable<string> names) =>
        string.Join("_", names.Select(static n => n.TrimStart('@').Replace("_", "__")));

    public static string Number(int value) => value.ToString(CultureInfo.InvariantCulture);
}
