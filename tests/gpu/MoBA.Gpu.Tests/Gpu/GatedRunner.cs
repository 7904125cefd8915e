using MoBA.Gpu.Tests.Reference;
using MoBA.Runtime;

namespace MoBA.Gpu.Tests.Gpu;

/// <summary>Judges calls of gated experts: the routes by the gate's definition, and outputs by the routes.</summary>
internal static class GatedRunner
{
    /// <summary>What is wrong with a case, in one line that begins with the case; null where nothing is.</summary>
    public static string? Fault(AttentionEngine engine, ReferenceDevice reference, GatedCase at)
    {
        ProgressLog.Default.Start($"case {at}");
        try
        {
            AttentionInputs inputs = at.Normal();
            return Fault(reference, at.Expert, inputs, CaseRunner.Run(engine, at.Expert, inputs, at.Layout)) is { } fault ? $"{at}: {fault}" : null;
        }
        catch (Exception exception)
        {
            return $"{at}: {exception.GetType().Name}: {exception.Message.ReplaceLineEndings(" | ")}";
        }
        finally
        {
            ProgressLog.Default.Done($"case {at}");
        }
    }

    /// <summary>What is wrong with an outcome; null where nothing is.</summary>
    public static string? Fault(ReferenceDevice reference, ISparseExpert expert, AttentionInputs inputs, GpuOutcome outcome)
    {
        if (outcome.Damage is not null)
            return outcome.Damage;
        return outcome.Routes is not { } routes
            ? "no routes came back though they were asked for"
            : RouteJudge.Fault(new(inputs, expert.Gate!), expert.Gate!, routes)
            ?? Judge.Fault(inputs, reference.Attend(inputs, expert, RouteMask.Of(inputs, expert, routes)), outcome.Output, outcome.Lse);
    }

    /// <summary>The first difference of two outcomes; null where they are the same bits.</summary>
    public static string? Difference(GpuOutcome wanted, GpuOutcome actual)
    {
        if (actual.Damage is not null)
            return actual.Damage;
        int route = wanted.Routes!.Blocks.AsSpan().CommonPrefixLength(actual.Routes!.Blocks);
        if (route < wanted.Routes.Blocks.Length)
            return $"routes differ first at {route}: {wanted.Routes.Blocks[route]} became {actual.Routes.Blocks[route]}";
        int output = wanted.Output.AsSpan().CommonPrefixLength(actual.Output), lse = wanted.Lse.AsSpan().CommonPrefixLength(actual.Lse);
        return output < wanted.Output.Length ? $"output differs first at element {output}"
            : lse < wanted.Lse.Length ? $"lse differs first at row {lse}: {wanted.Lse[lse]:R} became {actual.Lse[lse]:R}"
            : null;
    }
}
