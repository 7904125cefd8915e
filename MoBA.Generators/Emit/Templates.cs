using Scriban;
using Scriban.Runtime;

namespace MoBA.Generators.Emit;

/// <summary>The layouts of emitted files, parsed once a process. A template places text; what the text is was decided in Plan/.</summary>
internal static class Templates
{
    public static readonly IReadOnlyList<string> Names = ["expert", "class", "info", "cpu", "portable", "cuda", "gate", "mixture", "mixture_class"];

    private static readonly Dictionary<string, Lazy<Template>> s_parsed =
        Names.ToDictionary(static name => name, static name => new Lazy<Template>(() => Parse(name)));

    /// <summary>A template filled in; a name that the model lacks is an error and never an empty text.</summary>
    public static string Render(string name, ScriptObject model)
    {
        TemplateContext context = new()
        {
            StrictVariables = true,
            NewLine = "\n",
            LimitToString = 0,
            LoopLimit = 0,
        };
        context.PushCulture(System.Globalization.CultureInfo.InvariantCulture);
        context.PushGlobal(model);
        return s_parsed[name].Value.Render(context);
    }

    private static Template Parse(string name)
    {
        using Stream stream = typeof(Templates).Assembly.GetManifestResourceStream($"{name}.scriban")
            ?? throw new InvalidOperationException($"the template {name} is not in this assembly");
        using StreamReader reader = new(stream);
        Template template = Template.Parse(reader.ReadToEnd().Replace("\r\n", "\n"), name);
        return template.HasErrors
            ? throw new InvalidOperationException($"template {name}: {string.Join("; ", template.Messages)}")
            : template;
    }
}
