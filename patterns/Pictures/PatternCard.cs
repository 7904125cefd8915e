using System.Globalization;
using MoBA.Patterns;
using MoBA.Runtime;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace MoBA.Program;

/// <summary>A pattern as a person wants to meet it: its picture, and beside it what is known of it.</summary>
internal static class PatternCard
{
    private const int LabelWidth = 7;

    /// <summary>Lays the card out.</summary>
    /// <param name="entry">Name and origin.</param>
    /// <param name="pattern">The pattern with its parameters.</param>
    /// <param name="picture">The picture of it.</param>
    /// <param name="tokens">Length of the sequence drawn.</param>
    /// <param name="density">How much of it is attended.</param>
    /// <param name="measured">Lines to add below.</param>
    public static Grid Draw(
        GalleryEntry entry, Pattern pattern, IRenderable picture, int tokens, Density density, IReadOnlyList<(string Name, string Text)> measured)
    {
        Grid facts = new Grid().AddColumn(new GridColumn().NoWrap().Width(LabelWidth).PadLeft(0).PadRight(2)).AddColumn(new GridColumn().PadLeft(0).PadRight(0));
        IEnumerable<(string Name, string Text)> known = pattern is ExpertPattern expert ? Facts(expert.Expert) : Facts((MixturePattern)pattern);
        foreach ((string name, string text) in known.Append(("density", $"{density} of {tokens} x {tokens} pairs")).Concat(measured))
        {
            facts.AddRow(new Text(name, new Style(Color.Grey)), new Text(text));
        }

        return new Grid()
            .AddColumn(new GridColumn().NoWrap().Width(TerminalPicture.Width).PadLeft(0).PadRight(3))
            .AddColumn(new GridColumn().PadLeft(0).PadRight(0))
            .AddRow(picture, new Rows(new Text(entry.Name, new Style(decoration: Decoration.Bold)), new Text(entry.Origin), facts));
    }

    private static IEnumerable<(string Name, string Text)> Facts(ISparseExpert expert)
    {
        ExpertInfo info = expert.Info;
        yield return ("attends", info.Predicate);
        if (expert.Gate is { } gate)
        {
            yield return ("gate", Describe(gate));
        }

        if (info.AlwaysPredicate is not null)
        {
            yield return ("always", info.AlwaysPredicate);
        }

        if (info.ScoreModifier is not null)
        {
            yield return ("score", info.ScoreModifier);
        }

        if (info.Parameters.Count > 0)
        {
            yield return ("with", ExpertSettings.Describe(expert.ParameterValues));
        }

        yield return ("proven", Proven(info));
    }

    private static IEnumerable<(string Name, string Text)> Facts(MixturePattern mixture)
    {
        MixtureInfo info = mixture.Mixture.Info;
        string combined = info.Combine == Combine.Weighted ? "added up by weight" : "in one softmax";
        yield return ("routes", $"each token of each head to {(info.TopK == 1 ? "its best expert" : $"its {info.TopK} best experts, {combined}")}");
        yield return ("experts", string.Join("; ", info.Experts.Select(expert => $"{expert.Name}: {expert.Info.Predicate}")));
        yield return ("with", mixture.Settings);
    }

    /// <summary>A gate in words.</summary>
    public static string Describe(BlockGate gate) =>
        $"the own block of {gate.BlockSize} keys, and {(gate.TopK == 1 ? "no other" : $"the {gate.TopK - 1} best past ones")}, by {(gate.Pooling == Pooling.Mean ? "the mean of their keys" : "their keys' least and greatest values")}"
        + (gate.Scope == RouteScope.KeyGroup ? "; one route for the query heads of a key head" : "");

    /// <summary>What the compiler proved, and for which parameter values.</summary>
    private static string Proven(ExpertInfo info)
    {
        List<string> facts = [];
        Add(info.Causal, "causal");
        Add(info.AttendsItself, "every token sees itself");
        Add(info.Dense, "dense");
        facts.Add(info.MaxKeyRanges == 1 ? "one run of keys a tile" : $"at most {info.MaxKeyRanges} runs of keys a tile");
        facts.Add(info.TokenLimit == AttentionExtent.MaxPosition ? "no overflow" : string.Create(CultureInfo.InvariantCulture, $"no overflow to {info.TokenLimit:#,0} tokens"));
        if (info.DependsOnHead)
        {
            facts.Add("differs by head");
        }

        return string.Join("; ", facts);

        void Add(Proof proof, string fact)
        {
            if (proof != Proof.None)
            {
                facts.Add(proof == Proof.Always ? fact : $"{fact} (default values)");
            }
        }
    }
}
