using ILGPU;

namespace MoBA.Runtime.Portable;

/// <summary>What pass "route" of a mixture reads and writes. Results are [rank, head, token] and [head, token].</summary>
public struct RouteParameters
{
    /// <summary>A linear router's weights, [query head, expert, piece].</summary>
    public ArrayView<Float4> Weights;

    /// <summary>Its biases, [query head, expert].</summary>
    public ArrayView<float> Bias;

    /// <summary>1 where the router gives the logits, 0 where the caller does.</summary>
    public int HasRouter;

    /// <summary>The logits, by the strides below: scratch, or the caller's.</summary>
    public ArrayView<float> Logits;

    /// <summary>Logits from a token to the next.</summary>
    public long TokenStride;

    /// <summary>Logits from a head to the next.</summary>
    public long HeadStride;

    /// <summary>Logits from an expert to the next.</summary>
    public long ExpertStride;

    /// <summary>Two factors whose product gives back what queries were divided by.</summary>
    public float Factor;

    /// <summary>The second of them.</summary>
    public float FactorRest;

    /// <summary>Experts.</summary>
    public int Experts;

    /// <summary>Chosen experts, the highest logit first; -1 - e in the first rank where the logit of e is infinite or NaN.</summary>
    public ArrayView<int> Chosen;

    /// <summary>Softmax over the chosen logits; in the first rank the logit itself where it is infinite or NaN.</summary>
    public ArrayView<float> Shares;

    /// <summary>Entropy of the softmax over all logits, in nats.</summary>
    public ArrayView<float> Entropy;

    /// <summary>Experts that a token is sent to.</summary>
    public int TopK;

    /// <summary>From a rank to the next in <see cref="Chosen"/> and <see cref="Shares"/>.</summary>
    public long RankStride;

    internal readonly float Logit(int token, int head, int expert) =>
        Logits[(token * TokenStride) + (head * HeadStride) + (expert * ExpertStride)];
}

/// <summary>Pass "route": one thread sends one token of one head to its experts.</summary>
public static class RouteKernel
{
    /// <summary>Launched over [query tokens, query heads] of the whole call.</summary>
    public static void Run(Index2D index, PortableProblem problem, RouteParameters p)
    {
        long place = ((long)index.Y * problem.Rows) + index.X;
        for (int expert = p.Experts - 1; expert >= 0; expert--)
        {
            if (p.HasRouter != 0)
                p.Logits[(index.X * p.TokenStride) + (index.Y * p.HeadStride) + (expert * p.ExpertStride)] = Logit(index, expert, problem, p);
        }

        for (int expert = 0; expert < p.Experts; expert++)
        {
            float logit = p.Logit(index.X, index.Y, expert);
            if (CentroidKernel.IsFinite(logit))
                continue;
            p.Chosen[place] = -1 - expert;
            p.Shares[place] = logit;
            return;
        }

        Choose(index, place, p);
        p.Entropy[place] = Entropy(index, p);
    }

    // weights . q + bias
    private static float Logit(Index2D index, int expert, PortableProblem problem, RouteParameters p)
    {
        long row = ((long)index.Y * p.Experts) + expert, query = problem.QueryAt(index.X, index.Y);
        float sum = 0f;
        for (int piece = 0; piece < problem.Pieces; piece++)
        {
            Float4 q = problem.Queries[query + (piece * problem.QueryPieceStride)], w = p.Weights[(row * problem.Pieces) + piece];
            sum = sum + (Given(q.X, p) * w.X) + (Given(q.Y, p) * w.Y) + (Given(q.Z, p) * w.Z) + (Given(q.W, p) * w.W);
        }

        return sum + p.Bias[row];
    }

    // An element of a query as the caller gave it: weights may be too small for one that was divided.
    private static float Given(float q, RouteParameters p) => q * p.Factor * p.FactorRest;

    // The best experts and the softmax over their logits.
    private static void Choose(Index2D index, long place, RouteParameters p)
    {
        float first = 0f, sum = 0f, last = float.PositiveInfinity;
        int chosen = -1;
        for (int rank = 0; rank < p.TopK; rank++)
        {
            chosen = Next(index, last, chosen, p);
            last = p.Logit(index.X, index.Y, chosen);
            first = rank == 0 ? last : first;
            float weight = PortableMath.Exp(last - first);
            p.Chosen[(rank * p.RankStride) + place] = chosen;
            p.Shares[(rank * p.RankStride) + place] = weight;
            sum += weight;
        }

        for (int rank = 0; rank < p.TopK; rank++)
            p.Shares[(rank * p.RankStride) + place] /= sum;
    }

    // The best expert after the one that was chosen last; of equal ones the lower.
    private static int Next(Index2D index, float last, int chosen, RouteParameters p)
    {
        int best = -1;
        float most = 0f;
        for (int expert = 0; expert < p.Experts; expert++)
        {
            float logit = p.Logit(index.X, index.Y, expert);
            if ((logit < last || (logit == last && expert > chosen)) && (best < 0 || logit > most))
            {
                best = expert;
                most = logit;
            }
        }

        return best;
    }

    private static float Entropy(Index2D index, RouteParameters p)
    {
        float max = float.NegativeInfinity, sum = 0f, moment = 0f;
        for (int expert = 0; expert < p.Experts; expert++)
            max = PortableMath.Max(max, p.Logit(index.X, index.Y, expert));
        for (int expert = 0; expert < p.Experts; expert++)
        {
            float distance = p.Logit(index.X, index.Y, expert) - max, weight = PortableMath.Exp(distance);
            sum += weight;
            moment += weight > 0f ? weight * distance : 0f;          // not 0 * infinity
        }

        return PortableMath.Max(0f, PortableMath.Log(sum) - (moment / sum));
    }
}
