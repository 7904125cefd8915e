using System.Globalization;
using MoBA.Runtime;
using Spectre.Console;

namespace MoBA.Program;

/// <summary>What each expert of a mixture got, for people.</summary>
internal static class LoadTable
{
    /// <summary>Writes a table, if there are loads.</summary>
    public static void Write(Terminal terminal, IReadOnlyList<ExpertLoad>? loads)
    {
        if (loads is null)
        {
            return;
        }

        Table table = new Table().Border(TableBorder.Simple).AddColumn(new TableColumn("expert").NoWrap());
        foreach (string name in (string[])["tokens x heads", "share", "mean weight", "entropy", "share by head"])
        {
            table.AddColumn(new TableColumn(name).RightAligned().NoWrap().PadLeft(0));
        }

        long[] perHead = [.. Enumerable.Range(0, loads[0].TokensPerHead.Count).Select(head => loads.Sum(load => load.TokensPerHead[head]))];
        foreach (ExpertLoad load in loads)
        {
            table.AddRow(
                load.Name, load.Tokens.ToString(CultureInfo.InvariantCulture), Percent(load.Share), load.MeanWeight.ToString("0.00", CultureInfo.InvariantCulture),
                load.Entropy.ToString("0.00", CultureInfo.InvariantCulture),
                string.Join(" ", load.TokensPerHead.Take(MaxHeads).Select((tokens, head) => Percent((double)tokens / Math.Max(1, perHead[head])))));
        }

        terminal.Out.Write(table);
    }

    /// <summary>One line: every expert's share, and how sure the router was.</summary>
    public static string Line(IReadOnlyList<ExpertLoad> loads) => string.Join(", ", loads.Select(load =>
        string.Create(CultureInfo.InvariantCulture, $"{load.Name} {Percent(load.Share)}{(load.Tokens == 0 ? "" : $" (entropy {load.Entropy:0.00})")}")));

    /// <summary>A share of all for people.</summary>
    public static string Percent(double share) => string.Create(CultureInfo.InvariantCulture, $"{100 * share:0} %");

    private const int MaxHeads = 8;
}
