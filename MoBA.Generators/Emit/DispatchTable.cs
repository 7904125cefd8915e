using System.Globalization;
using MoBA.Generators.Analyze;
using MoBA.Generators.Model;
using MoBA.Generators.Plan;

namespace MoBA.Generators.Emit;

/// <summary>A router's dispatch table as text, for the head of an emitted file.</summary>
internal static class DispatchTable
{
    /// <summary>What each id stands for: geometry, cost and facts.</summary>
    public static IEnumerable<string> Of(MixturePlan plan) => Align(
        plan.Entries.Select(Row).Prepend(["id", "expert", "geometry", "keys/token", "proven"]));

    /// <summary>The kernels of each id.</summary>
    public static IEnumerable<string> Kernels(MixturePlan plan) => Align(
        plan.Entries.Select(static (e, id) => new[] { Place.Number(id), e.Summary is null ? $"those of {e.Expert.Assembly}" : Kernels(e.Summary) }));

    private static string[] Row(DispatchEntry entry, int id) => entry.Summary is not { } expert
        ? [Place.Number(id), entry.Expert.Name, $"as {entry.Expert.Assembly} says", "", ""]
        : [Place.Number(id), entry.Expert.Name, Geometry(expert.Gate), Cost(expert.KeysPerToken), string.Join(", ", Facts(expert))];

    private static string Geometry(GateSpec? gate) => gate is null ? "static"
        : $"{Place.Number(gate.TopK)} blocks of {Place.Number(gate.BlockSize)}, {(gate.Pooling == Pooling.Mean ? "mean" : "min and max")}, by {(gate.Scope == RouteScope.QueryHead ? "query head" : "key head")}";

    private static string Cost(double? keys) => keys?.ToString("N0", CultureInfo.InvariantCulture) ?? "unknown";

    private static IEnumerable<string> Facts(ExpertSummary expert)
    {
        yield return expert.Causal == Proof.None ? "not causal" : "causal" + AtDefaults(expert.Causal);
        if (expert.AttendsItself != Proof.None)
        {
            yield return "attends itself" + AtDefaults(expert.AttendsItself);
        }

        if (expert.Dense != Proof.None)
        {
            yield return "dense" + AtDefaults(expert.Dense);
        }
    }

    private static string AtDefaults(Proof proof) => proof == Proof.Always ? "" : " at the defaults";

    private static string Kernels(ExpertSummary expert)
    {
        string name = expert.Class.FlatName();
        string always = expert.HasAlways ? $", {name}_Always_Cpu, {name}_Always_Portable" : "";
        return $"{expert.Class.KernelNamespace()}: {name}_Cpu, {name}_Portable{always}";
    }

    /// <summary>Columns as wide as their widest cell.</summary>
    private static IEnumerable<string> Align(IEnumerable<string[]> rows)
    {
        string[][] all = [.. rows];
        int[] widths = [.. Enumerable.Range(0, all[0].Length).Select(c => all.Max(r => r[c].Length))];
        return all.Select(r => string.Join("  ", r.Select((cell, c) => cell.PadRight(widths[c]))).TrimEnd());
    }
}
