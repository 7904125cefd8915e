using System.Globalization;
using MoBA.Generators.Analyze;
using MoBA.Generators.Model;

namespace MoBA.Generators.Emit;

/// <summary>Proven facts as sentences, for the head of an emitted file.</summary>
internal static class FactLines
{
    public static IEnumerable<string> Of(PatternSpec spec, PatternFacts facts)
    {
        string defaults = string.Join(", ", spec.Parameters.Where(static p => p.Default is not null)
            .Select(p => $"{p.Path} = {new CSharpPrinter(new AuthorDialect()).Print(p.Default!)}"));
        string atDefaults = defaults.Length == 0 ? "" : $" at the defaults ({defaults})";
        yield return facts.Causal switch
        {
            Proof.Always => "causal: no query attends a later key",
            Proof.AtDefaults => $"causal{atDefaults}",
            _ => "not causal: a query may attend later keys",
        };
        if (facts.AttendsItself != Proof.None)
        {
            yield return "every query attends itself" + (facts.AttendsItself == Proof.Always ? "" : atDefaults);
        }

        if (facts.Dense != Proof.None)
        {
            yield return "dense: every pair is attended" + (facts.Dense == Proof.Always ? "" : atDefaults);
        }

        yield return facts.MaxKeyRanges == 1
            ? "a tile of queries sees one run of keys"
            : $"a tile of queries sees at most {Number(facts.MaxKeyRanges)} runs of keys";
        yield return facts.DependsOnHead ? "heads differ" : "every head is alike";
        yield return facts.TokenLimit >= Overflow.MaxPosition
            ? "nothing overflows at any length"
            : $"nothing overflows below {Number(facts.TokenLimit)} tokens{atDefaults}";
    }

    /// <summary>What a gate routes.</summary>
    public static string Of(GateSpec gate)
    {
        string size = $"{Number(gate.BlockSize)} keys";
        string blocks = gate.TopK switch
        {
            1 => $"the own block of {size} alone",
            2 => $"the own block and the best past block of {size}",
            _ => $"the own block and the {Number(gate.TopK - 1)} best past blocks of {size}",
        };
        string by = gate.TopK == 1 ? "" : gate.Pooling == Pooling.Mean ? ", by the mean of their keys" : ", by the least and greatest of their keys";
        return $"gate: {blocks}{by}{(gate.Scope == RouteScope.KeyGroup ? "; one route for the query heads of a key head" : "")}";
    }

    private static string Number(int value) => value.ToString("N0", CultureInfo.InvariantCulture);
}
