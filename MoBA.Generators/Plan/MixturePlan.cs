using MoBA.Generators.Analyze;
using MoBA.Generators.Model;

namespace MoBA.Generators.Plan;

/// <summary>What a mixture's dispatch table says of an expert that is compiled with it. An edit of the expert that changes none of
/// this leaves the mixture as it was.</summary>
internal sealed record ExpertSummary(
    ClassSpec Class, bool InfoTaken, bool HasAlways, GateSpec? Gate, Proof Causal, Proof AttendsItself, Proof Dense, double? KeysPerToken)
{
    public static ExpertSummary Of(KernelPlan plan) => new(
        plan.Spec.Class, plan.Spec.TakenMembers.Contains("Info"), plan.Besides is not null, plan.Spec.Gate, plan.Facts.Causal, plan.Facts.AttendsItself,
        plan.Facts.Dense, plan.Facts.KeysPerToken);
}

/// <summary>One entry of a dispatch table.</summary>
/// <param name="Expert">The expert as the mixture has it.</param>
/// <param name="Summary">What is known of it; null where another assembly knows.</param>
internal sealed record DispatchEntry(MixtureExpert Expert, ExpertSummary? Summary);

/// <summary>Everything that is decided about a mixture; the emission only spells it.</summary>
internal sealed record MixturePlan(MixtureSpec Spec, EquatableArray<DispatchEntry> Entries)
{
    /// <summary>The plan of a mixture, or null where one of its experts is not compiled, because of a fault of its own.</summary>
    public static MixturePlan? Of(MixtureSpec spec, EquatableArray<ExpertSummary> compiled)
    {
        DispatchEntry[] entries = [.. spec.Experts.Select(e => new DispatchEntry(e, compiled.FirstOrDefault(c => c.Class.FullName == e.FullName)))];
        return entries.All(static e => e.Summary is not null || e.Expert.Assembly is not null) ? new(spec, new(entries)) : null;
    }
}
