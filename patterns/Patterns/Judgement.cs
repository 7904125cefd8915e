using System.Globalization;
using MoBA.Runtime;

namespace MoBA.Program;

/// <summary>How far an engine's result is from the oracle's: attention with the engine's own routes, and the routes apart from it,
/// so that a near tie of two gates is told from a fault.</summary>
/// <param name="Output">Of the output.</param>
/// <param name="Lse">Of the log-sum-exp, where there is one.</param>
/// <param name="Routes">Of what routes, by name.</param>
/// <param name="NearTies">Rows whose attention is not compared, because a mixture's gated expert chose otherwise by a near tie.</param>
internal sealed record Judgement(ErrorStats Output, ErrorStats? Lse, IReadOnlyList<(string Name, RouteGap Gap)> Routes, int NearTies)
{
    /// <summary>Largest error of a healthy float32 kernel.</summary>
    public const double Tolerance = 1e-4;

    /// <summary>By how much of the gates' size a choice may be worse than the best in float32.</summary>
    public const double RouteTolerance = 1e-5;

    /// <summary>Whether all of it is rounding.</summary>
    public bool Agrees => Output.Max < Tolerance && (Lse is not { } lse || lse.Max < Tolerance)
        && Routes.All(route => route.Gap is { Fault: null, Deficit: < RouteTolerance });

    /// <summary>Routes that differ, over all that routes.</summary>
    public long DifferentRoutes => Routes.Sum(route => route.Gap.Different);

    /// <summary>Compares results; the log-sum-exp where both have it.</summary>
    public static Judgement Of(
        AttentionResult<float> actual, AttentionResult<float> expected, IReadOnlyList<(string Name, RouteGap Gap)> routes, bool[]? leaveOut) => new(
        ErrorStats.Of(actual.Output, expected.Output, leaveOut),
        actual.Lse is { } lse && expected.Lse is { } wanted ? ErrorStats.Of(lse, wanted, leaveOut) : null,
        routes, leaveOut?.Count(row => row) ?? 0);

    /// <summary>A comparison of routes for people.</summary>
    public static string Text(RouteGap gap) => gap.Fault is { } fault
        ? $"WRONG at {fault}"
        : string.Create(
            CultureInfo.InvariantCulture,
            $"{gap.Different} of {gap.Rows} differ from the oracle's{(gap.Different == 0 ? "" : $"; largest gate deficit {gap.Deficit:0.0e+00}{(gap.Deficit < RouteTolerance ? ", near ties" : "  TOO LARGE")}")}");
}
