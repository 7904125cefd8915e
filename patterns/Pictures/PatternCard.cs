using System.Globalization;
using MoBA.Patterns;
using MoBA.Runtime;
using Spectre.Console;

namespace MoBA.Program;

/// <summary>A pattern as a person wants to meet it: its picture, and beside it what is known of it.</summary>
internal static class PatternCard
{
    private const int LabelWidth = 7;

    /// <summary>Lays the card out.</summary>
    /// <param name="entry">Name and origin.</param>
    /// <param name="expert">The pattern with its parameters.</param>
    /// <param name="tokens">Length of the sequence drawn.</param>
    /// <param name="density">How much of it is attended.</param>
    /// <param name="coloured">Whether colours may be used.</param>
    /// <param name="measured">Lines to add below.</param>
    public static Grid Draw(
        GalleryEntry entry, ISparseExpert expert, int tokens, Density density, bool coloured, IReadOnlyList<(string Name, string Text)> measured)
    {
        Grid facts = new Grid().AddColumn(new GridColumn().NoWrap().Width(LabelWidth).PadLeft(0).PadRight(2)).AddColumn(new GridColumn().PadLeft(0).PadRight(0));
        foreach ((string name, string text) in Facts(expert, tokens, density).Concat(measured))
        {
            facts.AddRow(new Text(name, new Style(Color.Grey)), new Text(text));
        }

        GridColumn picture = new GridColumn().NoWrap().Width(TerminalPicture.Width).PadLeft(0).PadRight(3);
        return new Grid()
            .AddColumn(picture)
            .AddColumn(new GridColumn().PadLeft(0).PadRight(0))
            .AddRow(TerminalPicture.Draw(expert, tokens, coloured), new Rows(new Text(entry.Name, new Style(decoration: Decoration.Bold)), new Text(entry.Origin), facts));
    }

    private static IEnumerable<(string Name, string Text)> Facts(ISparseExpert expert, int tokens, Density density)
    {
        ExpertInfo info = expert.Info;
        yield return ("attends", info.Predicate);
        if (info.ScoreModifier is not null)
        {
            yield return ("score", info.ScoreModifier);
        }

        if (info.Parameters.Count > 0)
        {
            yield return ("with", ExpertSettings.Describe(expert));
        }

        yield return ("density", $"{density} of {tokens} x {tokens} pairs");
        yield return ("proven", Proven(info));
    }

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
