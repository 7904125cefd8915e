using ILGPU;

namespace MoBA.Runtime.Portable;

/// <summary>What pass "combine" of a mixture needs: the results of a unit's experts, [rank, unit], and where the router sent it.</summary>
public struct MixParameters
{
    /// <summary>The results.</summary>
    public Partials Partials;

    /// <summary>Chosen experts by rank, head and row.</summary>
    public ArrayView<int> Chosen;

    /// <summary>Weights of the chosen experts, laid out as they are.</summary>
    public ArrayView<float> Shares;

    /// <summary>From a rank to the next in <see cref="Chosen"/>.</summary>
    public long RankStride;

    /// <summary>From a head to the next in <see cref="Chosen"/>.</summary>
    public long HeadStride;

    /// <summary>1 to merge by log-sum-exp, 0 for the weighted sum.</summary>
    public int LogSumExp;
}

/// <summary>Pass "combine" of a mixture: one thread makes one output of the results of a unit's experts, in the order of their ids.</summary>
public static class MixKernel
{
    /// <summary>Launched over [units, 1].</summary>
    public static void Run(Index2D index, PortableProblem problem, MixParameters p)
    {
        PortableUnit unit = problem.Gather.Units.At(index.X);
        long choice = (unit.Head * p.HeadStride) + unit.Row;
        float factor = p.LogSumExp != 0 ? Merge(index.X, unit, choice, problem, p) : 1f;
        long output = problem.OutputAt(unit, unit.Head);
        for (int piece = 0; piece < problem.Pieces; piece++)
        {
            Float4 o = default;
            for (int rank = Next(-1, choice, p); rank >= 0; rank = Next(p.Chosen[choice + (rank * p.RankStride)], choice, p))
            {
                long slot = problem.Gather.RouteAt(rank, index.X);
                float weight = p.LogSumExp != 0 ? p.Partials.Lse[slot] * factor : p.Shares[choice + (rank * p.RankStride)];
                o = CombineKernel.Add(o, weight, p.Partials.Output[(slot * p.Partials.Stride) + (piece * p.Partials.PieceStride)]);
            }

            problem.Output[output + (piece * problem.OutputPieceStride)] = problem.Careful != 0 ? PortableRow.Held(o, problem.ValueFactor) : o;
        }
    }

    // Log-sum-exps become weights; the factor that makes their sum 1, or 0 where no expert saw a key.
    private static float Merge(int index, PortableUnit unit, long choice, PortableProblem problem, MixParameters p)
    {
        float max = float.NegativeInfinity, sum = 0f;
        for (int rank = 0; rank < p.Partials.Ranks; rank++)
        {
            float lse = p.Partials.Lse[problem.Gather.RouteAt(rank, index)];
            max = lse > max ? lse : max;
        }

        for (int rank = Next(-1, choice, p); rank >= 0; rank = Next(p.Chosen[choice + (rank * p.RankStride)], choice, p))
        {
            long slot = problem.Gather.RouteAt(rank, index);
            float lse = p.Partials.Lse[slot], weight = lse == float.NegativeInfinity ? 0f : PortableMath.Exp(lse - max);
            p.Partials.Lse[slot] = weight;
            sum += weight;
        }

        problem.Lse[problem.LseAt(unit, unit.Head)] = sum == 0f ? float.NegativeInfinity : max + PortableMath.Log(sum);
        return sum == 0f ? 0f : 1f / sum;
    }

    // Rank of the chosen expert with the least id above the given one; -1 if there is none.
    private static int Next(int expert, long choice, MixParameters p)
    {
        int result = -1, least = int.MaxValue;
        for (int rank = 0; rank < p.Partials.Ranks; rank++)
        {
            int other = p.Chosen[choice + (rank * p.RankStride)];
            bool closer = other > expert && other < least;
            result = closer ? rank : result;
            least = closer ? other : least;
        }

        return result;
    }
}
