using ILGPU;

namespace MoBA.Runtime.Portable;

/// <summary>The partial results of a unit's query heads, [rank, head of the unit, unit].</summary>
public struct Partials
{
    /// <summary>Outputs, by the strides below.</summary>
    public ArrayView<Float4> Output;

    /// <summary>Natural log-sum-exps; replaced by weights.</summary>
    public ArrayView<float> Lse;

    /// <summary>Pieces from one partial result to the next.</summary>
    public long Stride;

    /// <summary>Pieces from one piece of a row to the next.</summary>
    public long PieceStride;

    /// <summary>Ranks: the routed ones, the own block's, and one more where there is something beside them.</summary>
    public int Ranks;

    /// <summary>The problem, with these for its results: they stay in the range of sums.</summary>
    internal readonly PortableProblem AsOutput(PortableProblem problem)
    {
        (problem.Output, problem.Lse, problem.SlotStride, problem.OutputPieceStride) = (Output, Lse, Stride, PieceStride);
        problem.ValueFactor = 1;
        return problem;
    }
}

/// <summary>Pass "combine": one thread merges the partial results of one query head of a unit by their log-sum-exps, in the order
/// of their ranks.</summary>
public static class CombineKernel
{
    /// <summary>Launched over [units, heads of a unit]. The problem's output is where the results go.</summary>
    public static void Run(Index2D index, PortableProblem problem, Partials partials)
    {
        PortableGather gather = problem.Gather;
        PortableUnit unit = gather.Units.At(index.X);
        int head = (unit.Head * gather.HeadsPerUnit) + index.Y, routed = 0;
        while (routed < gather.Ranks && gather.Routes[gather.RouteAt(routed, index.X)] >= 0)
            routed++;

        float max = float.NegativeInfinity;
        for (int rank = Next(-1, routed, gather); rank < partials.Ranks; rank = Next(rank, routed, gather))
        {
            float lse = partials.Lse[gather.Partial(rank, index.Y, index.X)];
            max = lse > max ? lse : max;
        }

        float sum = Weigh(index, gather, partials, routed, max);
        problem.Lse[problem.LseAt(unit, head)] = sum == 0f ? float.NegativeInfinity : max + PortableMath.Log(sum);
        float factor = sum == 0f ? 0f : 1f / sum;
        long output = problem.OutputAt(unit, head);
        for (int piece = 0; piece < problem.Pieces; piece++)
        {
            Float4 o = default;
            for (int rank = Next(-1, routed, gather); rank < partials.Ranks; rank = Next(rank, routed, gather))
            {
                long at = gather.Partial(rank, index.Y, index.X);
                o = Add(o, partials.Lse[at] * factor, partials.Output[(at * partials.Stride) + (piece * partials.PieceStride)]);
            }

            problem.Output[output + (piece * problem.OutputPieceStride)] = problem.Careful != 0 ? PortableRow.Held(o, problem.ValueFactor) : o;
        }
    }

    // Log-sum-exps become weights; their sum, 0 where the row saw no key.
    private static float Weigh(Index2D index, PortableGather gather, Partials partials, int routed, float max)
    {
        float sum = 0f;
        for (int rank = Next(-1, routed, gather); rank < partials.Ranks; rank = Next(rank, routed, gather))
        {
            long at = gather.Partial(rank, index.Y, index.X);
            float lse = partials.Lse[at], weight = lse == float.NegativeInfinity ? 0f : PortableMath.Exp(lse - max);
            partials.Lse[at] = weight;
            sum += weight;
        }

        return sum;
    }

    // The next rank that has a result: the routed ones are first and in one run.
    private static int Next(int rank, int routed, PortableGather gather) =>
        rank + 1 < routed ? rank + 1 : PortableMath.Max(rank + 1, gather.Ranks);

    internal static Float4 Add(Float4 sum, float weight, Float4 o)
    {
        sum.X += weight * o.X;
        sum.Y += weight * o.Y;
        sum.Z += weight * o.Z;
        sum.W += weight * o.W;
        return sum;
    }
}
