using System.Numerics.Tensors;

namespace MoBA.Runtime;

// Routes that somebody else chose, judged by the gate's definition.
public static partial class ReferenceAttention
{
    /// <summary>Compares the routes that a kernel chose with those that the gate's definition asks for, so that a near tie is told
    /// from a fault.</summary>
    /// <param name="expert">A pattern with a block gate.</param>
    /// <param name="routes">[query tokens, route heads, TopK], as in <see cref="AttentionResult{T}.Routes"/>.</param>
    /// <param name="q">[query tokens, query heads, dim].</param>
    /// <param name="k">[key tokens, key heads, dim].</param>
    /// <param name="options">Those of the call that returned the routes.</param>
    /// <param name="cancellationToken">Looked at once a row.</param>
    /// <typeparam name="T"><c>float</c>, <see cref="Half"/> or <see cref="BFloat16"/>.</typeparam>
    /// <exception cref="ArgumentException">The expert has no gate, a route is no block of its sequence, or a tensor's shape or element
    /// type, or an option, does not fit.</exception>
    public static RouteGap CompareRoutes<T>(
        ISparseExpert expert, Tensor<int> routes, Tensor<T> q, Tensor<T> k, AttentionOptions? options = null,
        CancellationToken cancellationToken = default)
        where T : unmanaged
    {
        ArgumentNullException.ThrowIfNull(expert);
        ArgumentNullException.ThrowIfNull(routes);
        var problem = new ReferenceProblem<T>(q, k, k, options ?? new());
        ReferenceRoutes given = ReferenceRoutes.Of(expert, routes, problem);
        var gate = new ReferenceGate<T>(problem, expert.Gate!, cancellationToken);
        ReferenceRoutes wanted = gate.Routes(cancellationToken);

        RouteGap gap = new((long)problem.QueryTokens * gate.RouteHeads, 0, 0, null);
        foreach (ReferenceRow row in problem.Rows())
        {
            cancellationToken.ThrowIfCancellationRequested();
            for (int head = 0; head < gate.RouteHeads; head++)
            {
                ReadOnlySpan<int> route = given.Row(row.Token, head), best = wanted.Row(row.Token, head);
                if (route.SequenceEqual(best))
                    continue;

                string? fault = Fault(route, best, gate.PastBlocks(row));
                gap = gap with
                {
                    Different = gap.Different + 1,
                    Deficit = Math.Max(gap.Deficit, fault is null ? Deficit(gate.Gates(row, head), route) : 0),
                    Fault = gap.Fault ?? (fault is null ? null : $"token {row.Token}, route head {head}, [{string.Join(", ", route.ToArray())}]: {fault}"),
                };
            }
        }

        return gap;
    }

    /// <summary>What is wrong with a route whatever its gates are.</summary>
    private static string? Fault(ReadOnlySpan<int> route, ReadOnlySpan<int> wanted, int pastBlocks)
    {
        if (route[0] != wanted[0])
            return $"slot 0 must be {wanted[0]}, the own block";

        int chosen = wanted.Length - 1 - wanted[1..].Count(-1);
        for (int slot = 1; slot < route.Length; slot++)
        {
            if (slot > chosen ? route[slot] != -1 : route[slot] < 0 || route[slot] >= pastBlocks)
                return $"slot {slot} must be {(slot > chosen ? "-1, for there are no more past blocks" : $"a past block, 0 to {pastBlocks - 1}")}";
            if (slot > 1 && slot <= chosen && route[slot] <= route[slot - 1])
                return $"slot {slot} must be a later block than slot {slot - 1}";
        }

        return null;
    }

    private static double Deficit((double Gate, double Magnitude)[] gates, ReadOnlySpan<int> route)
    {
        (double worst, double best, double magnitude) = (double.PositiveInfinity, double.NegativeInfinity, 0);
        for (int block = 0; block < gates.Length; block++)
        {
            bool chosen = route[1..].Contains(block);
            magnitude = Math.Max(magnitude, gates[block].Magnitude);
            worst = chosen && gates[block].Gate.CompareTo(worst) < 0 ? gates[block].Gate : worst;
            best = !chosen && gates[block].Gate.CompareTo(best) > 0 ? gates[block].Gate : best;
        }

        // Equal gates have no deficit, though the later block should have won.
        return best == worst ? 0 : (best - worst) / magnitude;
    }
}
