using System.Globalization;
using MoBA.Generators.Analyze;
using MoBA.Generators.Model;
using MoBA.Generators.Plan;
using Scriban.Runtime;

namespace MoBA.Generators.Emit;

/// <summary>Emit: a <see cref="MixturePlan"/> becomes the text of one C# file.</summary>
internal static class MixtureEmitter
{
    public static string Emit(MixturePlan plan) => Templates.Render("mixture", new()
    {
        ["name"] = plan.Spec.Class.Name,
        ["meaning"] = Meaning(plan.Spec),
        ["cost_tokens"] = KeysEstimate.Tokens.ToString("N0", CultureInfo.InvariantCulture),
        ["table"] = DispatchTable.Of(plan).ToArray(),
        ["kernels"] = DispatchTable.Kernels(plan).ToArray(),
        ["class_text"] = plan.Spec.Class.Enclose(Templates.Render("mixture_class", ClassModel(plan))),
    });

    private static string Meaning(MixtureSpec spec) => (spec.TopK, spec.Combine) switch
    {
        (1, _) => "a router sends every token of every head to its best expert",
        (_, Combine.Weighted) => $"a router sends every token of every head to its {Place.Number(spec.TopK)} best experts and adds up their outputs, weighted",
        _ => $"a router sends every token of every head to its {Place.Number(spec.TopK)} best experts and merges their outputs as one softmax",
    };

    private static ScriptObject ClassModel(MixturePlan plan)
    {
        MixtureSpec spec = plan.Spec;
        return new()
        {
            ["identifier"] = Names.Identifier(spec.Class.Name),
            ["full_name"] = spec.Class.FullName,
            ["generated_code"] = Place.GeneratedCode,
            ["info_accessibility"] = spec.InfoName == "Info" ? "public" : "private",
            ["info"] = spec.InfoName,
            ["name"] = Names.Literal(spec.Class.Name),
            ["summary"] = Names.Literal(spec.Class.Summary),
            ["top_k"] = Place.Number(spec.TopK),
            ["combine"] = spec.Combine.ToString(),
            ["experts"] = plan.Entries.Select(Expert).ToArray(),
            ["can_build"] = spec.Class.CannotBuild is null,
            ["cannot_build"] = Names.Literal($"'{spec.Class.Name}' cannot be copied with other parameters: {spec.Class.CannotBuild}"),
        };
    }

    private static ScriptObject Expert(DispatchEntry entry, int id) => new()
    {
        ["id"] = Place.Number(id),
        ["identifier"] = Names.Identifier(entry.Expert.Name),
        ["literal"] = Names.Literal(entry.Expert.Name),
        ["type"] = entry.Expert.FullName,
        ["modifiers"] = entry.Expert.Accessibility is null ? null : entry.Expert.Accessibility + (entry.Expert.IsRequired ? " required" : ""),
        ["initializer"] = entry.Expert.IsRequired ? "" : " = new();",
        ["info"] = entry.Summary is { InfoTaken: true, Class: var c } ? $"global::{c.KernelNamespace()}.{c.FlatName()}_Cpu.Info" : $"{entry.Expert.FullName}.Info",
    };
}
