using System.Globalization;
using MoBA.Runtime;

namespace MoBA.Gpu.Tests;

/// <summary>
/// Whether routes are those of a block gate. What no rounding touches must be exact: the own block, how many others, their order. Which others
/// may differ where gates are equal but for float sums and the rounding of centroids: a block that was left out may beat one that was chosen by
/// 1e-5 of the gates' magnitude, and by what a component of a centroid makes whose mean lies in the middle of two elements.
/// </summary>
internal static class RouteJudge
{
    private const double Share = 1e-5;

    /// <summary>What is wrong, in one line, of the first wrong row; null where nothing is.</summary>
    /// <param name="oracle">The gate by its definition.</param>
    /// <param name="gate">Its numbers.</param>
    /// <param name="routes">What was chosen.</param>
    public static string? Fault(GateOracle oracle, BlockGate gate, BlockRoutes routes)
    {
        if ((routes.Rows, routes.Heads, routes.TopK) != (oracle.Rows, oracle.RouteHeads, gate.TopK))
            return $"routes are {routes.Rows} rows of {routes.Heads} heads, TopK {routes.TopK}: {oracle.Rows}, {oracle.RouteHeads}, {gate.TopK} are wanted";
        string?[] faults = new string?[oracle.Rows];
        Parallel.For(0, oracle.Rows, number =>
        {
            GateRow row = oracle.Row(number);
            ReadOnlySpan<int> route = routes.Row(row.Token, row.RouteHead);
            if ((Shape(row, route) ?? (route.Length > 1 && row.Past >= route.Length ? Choice(oracle.Gates(row), route[1..]) : null)) is { } fault)
                faults[number] = $"routes of [token {row.Token}, route head {row.RouteHead}] at position {row.Position}, [{string.Join(' ', route.ToArray())}]: {fault}";
        });
        return Array.Find(faults, fault => fault is not null);
    }

    /// <summary>What is wrong with a row whatever its gates are.</summary>
    public static string? Shape(GateRow row, ReadOnlySpan<int> route)
    {
        if (route[0] != row.Own)
            return $"the own block is {row.Own}";
        int chosen = Math.Min(route.Length - 1, row.Past);
        for (int slot = 1; slot < route.Length; slot++)
        {
            if (slot > chosen && route[slot] != -1)
                return $"slot {slot} must be -1: there are {row.Past} past blocks";
            if (slot <= chosen && (route[slot] < 0 || route[slot] >= row.Past))
                return $"slot {slot} must be a past block, below {row.Past}";
            if (slot > 1 && slot <= chosen && route[slot] <= route[slot - 1])
                return $"slot {slot} must be a later block than slot {slot - 1}";
        }

        return null;
    }

    /// <summary>Whether a block was left out that beats a chosen one by more than rounding.</summary>
    /// <param name="gates">Of the past blocks.</param>
    /// <param name="chosen">Those of them that were chosen.</param>
    public static string? Choice(ReadOnlySpan<GateValue> gates, ReadOnlySpan<int> chosen)
    {
        (int best, int worst) = (-1, -1);
        for (int block = 0; block < gates.Length; block++)
        {
            if (chosen.Contains(block))
                worst = worst < 0 || gates[block].Value + gates[block].Slack < gates[worst].Value + gates[worst].Slack ? block : worst;
            else
                best = best < 0 || gates[block].Value - gates[block].Slack > gates[best].Value - gates[best].Slack ? block : best;
        }

        if (best < 0 || worst < 0)
            return null;
        (GateValue left, GateValue taken) = (gates[best], gates[worst]);
        double allowed = double.IsFinite(left.Value) && double.IsFinite(taken.Value)
            ? (Share * Math.Max(left.Magnitude, taken.Magnitude)) + left.Slack + taken.Slack
            : 0;
        return left.Value > taken.Value && !(left.Value - taken.Value <= allowed)
            ? $"block {best} was left out with gate {Number(left.Value)}, and block {worst} taken with {Number(taken.Value)}: near ties are {Number(allowed)}"
            : null;
    }

    private static string Number(double value) => value.ToString("G6", CultureInfo.InvariantCulture);
}
