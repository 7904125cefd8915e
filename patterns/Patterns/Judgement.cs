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
    /// <summary>What rounding may come to.</summary>
    public Tolerances Within { get; init; } = Tolerances.Single;

    /// <summary>Whether all of it is rounding.</summary>
    public bool Agrees => Output.Max < Within.Output && (Lse is not { } lse || lse.Max < Within.Lse)
        && Routes.All(route => route.Gap.Fault is null && route.Gap.Deficit < Within.Route);

    /// <summary>Routes that differ, over all that routes.</summary>
    public long DifferentRoutes => Routes.Sum(route => route.Gap.Different);

    /// <summary>Compares results; the log-sum-exp where both have it.</summary>
    public static Judgement Of(
        AttentionResult<float> actual, AttentionResult<float> expected, IReadOnlyList<(string Name, RouteGap Gap)> routes, bool[]? leaveOut) => new(
        ErrorStats.Of(actual.Output, expected.Output, leaveOut),
        actual.Lse is { } lse && expected.Lse is { } wanted ? ErrorStats.Of(lse, wanted, leaveOut) : null,
        routes, leaveOut?.Count(row => row) ?? 0);

    /// <summary>A comparison of routes for people.</summary>
    public string Text(RouteGap gap) => gap.Fault is { } fault
        ? $"WRONG at {fault}"
        : string.Create(
            CultureInfo.InvariantCulture,
            $"{gap.Different} of {gap.Rows} differ from the oracle's{(gap.Different == 0 ? "" : $"; largest gate deficit {gap.Deficit:0.0e+00}{(gap.Deficit < Within.Route ? ", near ties" : "  TOO LARGE")}")}");
}

/// <summary>What rounding may come to.</summary>
/// <param name="Output">Largest error of an output.</param>
/// <param name="Lse">Largest error of a log-sum-exp.</param>
/// <param name="Route">By how much of the gates' size a choice may be worse than the best.</param>
internal readonly record struct Tolerances(double Output, double Lse, double Route)
{
    /// <summary>Of a healthy float32 kernel.</summary>
    public static Tolerances Single { get; } = new(1e-4, 1e-4, 1e-5);

    /// <summary>Of a healthy kernel on 16-bit elements. Weights, partial outputs and the output are each rounded once, by at most
    /// <paramref name="rounding"/> of the largest value; a centroid may be rounded to the other neighbour, which is twice that away.</summary>
    /// <param name="rounding">Largest relative error of rounding to an element.</param>
    /// <param name="largest">Largest absolute value.</param>
    public static Tolerances Short(double rounding, double largest) => new(1e-4 + (4 * rounding * largest), 1e-3, 2 * rounding);
}
