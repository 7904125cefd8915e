using ILGPU;
using MoBA.Runtime.Portable;

namespace MoBA.Runtime.Tests.Portable.Samples;

/// <summary>q >= k; score - float.Exp2(-MaxBias * (head + 1) / heads) * (q - k).</summary>
public static class AlibiCausalKernel
{
    public struct Parameters
    {
        public float MaxBias;
    }

    // One thread attends one query row of one head; the 64 rows of its query tile classify the same key tiles alike. No barrier
    // and no shared memory, so it runs on every ILGPU device.
    public static void Attend(Index2D index, PortableProblem problem, Parameters p)
    {
        // Pass 1: the key tiles that this tile of queries can see.
        PortableRow row = PortableRow.Start(index, problem);
        PortableTiles tiles0 = Tiles0(row, p);

        // Pass 2: online softmax over them, ascending, each tile once. An empty tile costs its classification and nothing else.
        for (int k0 = tiles0.From(0); k0 < row.Keys; k0 = tiles0.From(k0 + PortableRow.KeyTile))
        {
            TileKind kind = Classify(row.Q0, row.Q1, k0, row.LastKey(k0), row.Head, p);
            if (kind == TileKind.Full && row.IsWhole(k0))
            {
                // Full tile: no mask code.
                PortableScores scores = row.Scores(k0);
                Modify(ref scores, k0, row, p);
                row.Accumulate(k0, scores);
            }
            else if (kind != TileKind.Empty)
            {
                // Partial tile: -infinity where the predicate does not hold.
                PortableScores scores = row.Scores(k0);
                Modify(ref scores, k0, row, p);
                scores.Keep(Attended(k0, row, p));
                row.Accumulate(k0, scores);
            }
        }

        // Pass 3: divide by the softmax sum.
        row.Finish();
    }

    private static bool Attends(int q, int k, int head, Parameters p) => q >= k;

    private static float Score(float score, int q, int k, int head, int heads, Parameters p) =>
        score - (PortableMath.Exp2(-p.MaxBias * (head + 1) / heads) * (q - k));

    // The score modifier on the sixteen keys of a tile.
    private static void Modify(ref PortableScores scores, int k0, PortableRow row, Parameters p)
    {
        scores.S0 = Score(scores.S0, row.Q, row.KeyAt(k0 + 0), row.Head, row.Heads, p);
        scores.S1 = Score(scores.S1, row.Q, row.KeyAt(k0 + 1), row.Head, row.Heads, p);
        scores.S2 = Score(scores.S2, row.Q, row.KeyAt(k0 + 2), row.Head, row.Heads, p);
        scores.S3 = Score(scores.S3, row.Q, row.KeyAt(k0 + 3), row.Head, row.Heads, p);
        scores.S4 = Score(scores.S4, row.Q, row.KeyAt(k0 + 4), row.Head, row.Heads, p);
        scores.S5 = Score(scores.S5, row.Q, row.KeyAt(k0 + 5), row.Head, row.Heads, p);
        scores.S6 = Score(scores.S6, row.Q, row.KeyAt(k0 + 6), row.Head, row.Heads, p);
        scores.S7 = Score(scores.S7, row.Q, row.KeyAt(k0 + 7), row.Head, row.Heads, p);
        scores.S8 = Score(scores.S8, row.Q, row.KeyAt(k0 + 8), row.Head, row.Heads, p);
        scores.S9 = Score(scores.S9, row.Q, row.KeyAt(k0 + 9), row.Head, row.Heads, p);
        scores.S10 = Score(scores.S10, row.Q, row.KeyAt(k0 + 10), row.Head, row.Heads, p);
        scores.S11 = Score(scores.S11, row.Q, row.KeyAt(k0 + 11), row.Head, row.Heads, p);
        scores.S12 = Score(scores.S12, row.Q, row.KeyAt(k0 + 12), row.Head, row.Heads, p);
        scores.S13 = Score(scores.S13, row.Q, row.KeyAt(k0 + 13), row.Head, row.Heads, p);
        scores.S14 = Score(scores.S14, row.Q, row.KeyAt(k0 + 14), row.Head, row.Heads, p);
        scores.S15 = Score(scores.S15, row.Q, row.KeyAt(k0 + 15), row.Head, row.Heads, p);
    }

    private static TileKind Classify(int q0, int q1, int k0, int k1, int head, Parameters p)
    {
        bool all = q0 >= k1;
        if (all)
            return TileKind.Full;
        bool any = q1 >= k0;
        return any ? TileKind.Partial : TileKind.Empty;
    }

    private static PortableTiles Tiles0(PortableRow row, Parameters p) =>
        row.Tiles(0, row.Q1);

    // Bit j: whether the row attends key k0 + j.
    private static int Attended(int k0, PortableRow row, Parameters p)
    {
        int attended = 0, last = row.LastKey(k0);
        for (int k = k0; k <= last; k++)
        {
            if (Attends(row.Q, k, row.Head, p))
                attended |= 1 << (k - k0);
        }

        return attended;
    }
}
