using System.ComponentModel;
using ILGPU;

namespace MoBA.Runtime.Cuda;

/// <summary>
/// Pass "route" of a mixture. The first launch computes a router's logits in FP32: a warp has four tokens of a head at a time in registers and
/// meets them with the weights of one expert after the other. The second chooses experts by logits, the router's or the caller's, a thread a row.
/// </summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public static unsafe class RouterKernels
{
    private const float Log2E = 1.44269504f, Ln2 = 0.693147181f;

    /// <summary>Launched over query heads * query tokens / <see cref="CudaMixture.RouteTokens"/>, rounded up.</summary>
    public static void Logits(CudaProblem problem, CudaMixture mixture)
    {
        Tile.Begin();
        int tiles = (mixture.QueryTokens + CudaMixture.RouteTokens - 1) / CudaMixture.RouteTokens;
        int head = Grid.IdxX / tiles, lane = Group.IdxX & 31;
        int first = ((Grid.IdxX - (head * tiles)) * CudaMixture.RouteTokens) + ((Group.IdxX >> 5) * 4);
        for (int turn = 0; turn < CudaMixture.RouteTokens; turn += PlainTiles.BlockThreads / 8)
        {
            if (first + turn < mixture.QueryTokens)
                LogitsOfFour(problem, mixture, head, first + turn, lane);
        }
    }

    /// <summary>Launched over query tokens * query heads threads.</summary>
    /// <param name="mixture">The launch.</param>
    /// <param name="heads">Query heads.</param>
    public static void Choose(CudaMixture mixture, int heads)
    {
        int row = (Grid.IdxX * PlainTiles.BlockThreads) + Group.IdxX;
        if (row >= mixture.QueryTokens * heads)
            return;
        float* logits = (float*)mixture.Logits + ((long)row * mixture.Experts);
        int* chosen = (int*)mixture.Chosen + ((long)row * mixture.TopK);
        float* shares = (float*)mixture.Shares + ((long)row * mixture.TopK);
        int token = row / heads;
        long slots = mixture.SlotsOf(token, row - (token * heads));
        int bad = FirstBad(logits, mixture.Experts);
        for (int slot = 0; slot < mixture.SlotStride; slot++)
            ((int*)mixture.Routes)[slots + slot] = -1;
        if (bad < mixture.Experts)
        {
            Refuse(mixture, chosen, shares, bad, logits[bad]);
            ((float*)mixture.Entropy)[row] = float.NaN;
            return;
        }

        Rank(mixture, logits, chosen, shares);
        ((float*)mixture.Entropy)[row] = Entropy(logits, mixture.Experts, logits[chosen[0]]);
        int sequence = SequenceOf(mixture, token);
        for (int rank = 0; rank < mixture.TopK; rank++)
        {
            int before = 0;
            for (int other = 0; other < mixture.TopK; other++)
                before += chosen[other] < chosen[rank] ? 1 : 0;
            ((int*)mixture.Routes)[slots + before] = (chosen[rank] * mixture.Sequences) + sequence;
            if (mixture.SlotShares != 0)
                ((float*)mixture.SlotShares)[slots + before] = shares[rank];
        }
    }

    /// <summary>Takes the routes of a block gate from rows that were not sent to its expert. Launched over query tokens * query heads
    /// threads.</summary>
    /// <param name="mixture">The launch.</param>
    /// <param name="routing">The gate's.</param>
    /// <param name="heads">Query heads.</param>
    /// <param name="expert">The expert.</param>
    public static void Forget(CudaMixture mixture, CudaRouting routing, int heads, int expert)
    {
        int row = (Grid.IdxX * PlainTiles.BlockThreads) + Group.IdxX;
        if (row >= mixture.QueryTokens * heads)
            return;
        int* chosen = (int*)mixture.Chosen + ((long)row * mixture.TopK);
        int found = 0;
        for (int rank = 0; rank < mixture.TopK; rank++)
            found += chosen[rank] == expert ? 1 : 0;
        if (found > 0)
            return;
        int token = row / heads;
        long slots = routing.SlotsOf(token, row - (token * heads));
        for (int slot = 0; slot < routing.SlotStride; slot++)
            ((int*)routing.Routes)[slots + slot] = -1;
    }

    private static void LogitsOfFour(CudaProblem problem, CudaMixture mixture, int head, int token, int lane)
    {
        RouterQuery q0 = Query(problem, mixture, head, token, lane), q1 = Query(problem, mixture, head, token + 1, lane);
        RouterQuery q2 = Query(problem, mixture, head, token + 2, lane), q3 = Query(problem, mixture, head, token + 3, lane);
        bool far = (lane & 16) != 0, odd = (lane & 8) != 0;
        int row = token + (lane >> 3);
        float* logits = (float*)mixture.Logits + ((((long)row * problem.Heads) + head) * mixture.Experts);
        float kept = 0f;
        for (int expert = 0; expert < mixture.Experts; expert++)
        {
            long place = ((long)head * mixture.Experts) + expert;
            RouterWeights w = RouterWeights.Load((float*)mixture.Weights + (place * problem.Dim), lane * 2, problem.Dim);
            float s0 = w.Dot(q0), s1 = w.Dot(q1), s2 = w.Dot(q2), s3 = w.Dot(q3);
            Warp.Barrier();

            // Each exchange halves the rows that a lane has a part of; eight lanes end with one row's sum.
            float a = (far ? s2 : s0) + Warp.ShuffleXor(far ? s0 : s2, 16);
            float b = (far ? s3 : s1) + Warp.ShuffleXor(far ? s1 : s3, 16);
            float sum = (odd ? b : a) + Warp.ShuffleXor(odd ? a : b, 8);
            sum += Warp.ShuffleXor(sum, 4);
            sum += Warp.ShuffleXor(sum, 2);
            sum += Warp.ShuffleXor(sum, 1);
            kept = (expert & 7) == (lane & 7) ? sum : kept;
            if ((expert & 7) == 7 | expert == mixture.Experts - 1)
            {
                int own = (expert & -8) + (lane & 7);
                if (own <= expert & row < mixture.QueryTokens)
                    logits[own] = kept + ((float*)mixture.Bias)[((long)head * mixture.Experts) + own];
                Warp.Barrier();
            }
        }
    }

    private static RouterQuery Query(CudaProblem problem, CudaMixture mixture, int head, int token, int lane)
    {
        long last = token < mixture.QueryTokens ? token : mixture.QueryTokens - 1;
        return RouterQuery.Load(problem.Q + (last * problem.QueryTokenStride) + (head * problem.QueryHeadStride), lane * 2, problem.Dim);
    }

    private static int FirstBad(float* logits, int experts)
    {
        int expert = 0;
        while (expert < experts && logits[expert] - logits[expert] == 0f)
            expert++;
        return expert;
    }

    private static void Refuse(CudaMixture mixture, int* chosen, float* shares, int expert, float logit)
    {
        for (int rank = 0; rank < mixture.TopK; rank++)
        {
            chosen[rank] = rank == 0 ? -1 - expert : -1;
            shares[rank] = logit;
        }
    }

    // The best experts, of equal logits the lower id, and the softmax over their logits.
    private static void Rank(CudaMixture mixture, float* logits, int* chosen, float* shares)
    {
        float first = 0f, sum = 0f, last = float.PositiveInfinity;
        int previous = -1;
        for (int rank = 0; rank < mixture.TopK; rank++)
        {
            previous = Next(logits, mixture.Experts, last, previous);
            last = logits[previous];
            first = rank == 0 ? last : first;
            float weight = CudaMath.Exp2((last - first) * Log2E);
            chosen[rank] = previous;
            shares[rank] = weight;
            sum += weight;
        }

        for (int rank = 0; rank < mixture.TopK; rank++)
            shares[rank] = shares[rank] / sum;
    }

    // The best expert after the one that was chosen last.
    private static int Next(float* logits, int experts, float last, int previous)
    {
        int best = -1;
        float most = 0f;
        for (int expert = 0; expert < experts; expert++)
        {
            float logit = logits[expert];
            bool isLeft = logit < last | (logit == last & expert > previous);
            bool isBetter = isLeft & (best < 0 | logit > most);
            best = isBetter ? expert : best;
            most = isBetter ? logit : most;
        }

        return best;
    }

    private static float Entropy(float* logits, int experts, float most)
    {
        float sum = 0f, moment = 0f;
        for (int expert = 0; expert < experts; expert++)
        {
            float below = logits[expert] - most, weight = CudaMath.Exp2(below * Log2E);
            sum += weight;
            moment += weight > 0f ? weight * below : 0f;          // not 0 * infinity
        }

        float entropy = (Tile.Log2(sum) * Ln2) - (moment / sum);
        return entropy > 0f ? entropy : 0f;
    }

    // The last sequence that starts at the token or before it: those without queries start where the next one does.
    private static int SequenceOf(CudaMixture mixture, int token)
    {
        int low = 0, high = mixture.Sequences;
        while (high - low > 1)
        {
            int middle = (int)((uint)(low + high) >> 1);
            bool starts = ((int*)mixture.SequenceStarts)[middle] <= token;
            low = starts ? middle : low;
            high = starts ? high : middle;
        }

        return low;
    }
}

/// <summary>What a lane has of a query: two components of every 64. Device code.</summary>
internal struct RouterQuery
{
    /// <summary>The first of each pair, and the second.</summary>
    public float X0, Y0, X1, Y1, X2, Y2, X3, Y3;

    /// <summary>Reads them, zeros beyond the dim.</summary>
    public static RouterQuery Load(long address, int column, int dim)
    {
        int a = column < dim ? Memory.Int(address + (column * 2L)) : 0, b = column + 64 < dim ? Memory.Int(address + (column * 2L) + 128) : 0;
        int c = column + 128 < dim ? Memory.Int(address + (column * 2L) + 256) : 0, d = column + 192 < dim ? Memory.Int(address + (column * 2L) + 384) : 0;
        RouterQuery query = default;
        query.X0 = Tile.Low(a);
        query.Y0 = Tile.High(a);
        query.X1 = Tile.Low(b);
        query.Y1 = Tile.High(b);
        query.X2 = Tile.Low(c);
        query.Y2 = Tile.High(c);
        query.X3 = Tile.Low(d);
        query.Y3 = Tile.High(d);
        return query;
    }
}

/// <summary>What a lane has of an expert's weights, as <see cref="RouterQuery"/>. Device code.</summary>
internal unsafe struct RouterWeights
{
    private RouterQuery _weights;

    /// <summary>Reads them, zeros beyond the dim.</summary>
    public static RouterWeights Load(float* row, int column, int dim)
    {
        RouterWeights weights = default;
        weights._weights.X0 = column < dim ? row[column] : 0f;
        weights._weights.Y0 = column < dim ? row[column + 1] : 0f;
        weights._weights.X1 = column + 64 < dim ? row[column + 64] : 0f;
        weights._weights.Y1 = column + 64 < dim ? row[column + 65] : 0f;
        weights._weights.X2 = column + 128 < dim ? row[column + 128] : 0f;
        weights._weights.Y2 = column + 128 < dim ? row[column + 129] : 0f;
        weights._weights.X3 = column + 192 < dim ? row[column + 192] : 0f;
        weights._weights.Y3 = column + 192 < dim ? row[column + 193] : 0f;
        return weights;
    }

    /// <summary>The lane's part of the product.</summary>
    public readonly float Dot(RouterQuery q) =>
        (_weights.X0 * q.X0) + (_weights.Y0 * q.Y0) + (_weights.X1 * q.X1) + (_weights.Y1 * q.Y1)
        + (_weights.X2 * q.X2) + (_weights.Y2 * q.Y2) + (_weights.X3 * q.X3) + (_weights.Y3 * q.Y3);
}
