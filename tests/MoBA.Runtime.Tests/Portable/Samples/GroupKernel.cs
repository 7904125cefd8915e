using ILGPU;
using MoBA.Runtime.Portable;

namespace MoBA.Runtime.Tests.Portable.Samples;

/// <summary>Group[q] == Group[k] || Everyone &amp;&amp; (k &amp; 3) == head, with Group in any order.</summary>
public static class GroupKernel
{
    public struct Parameters
    {
        public PortableTable Group;
        public int Everyone;
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
                row.Accumulate(k0, row.Scores(k0));
            }
            else if (kind != TileKind.Empty)
            {
                // Partial tile: -infinity where the predicate does not hold.
                PortableScores scores = row.Scores(k0);
                scores.Keep(Attended(k0, row, p));
                row.Accumulate(k0, scores);
            }
        }

        // Pass 3: divide by the softmax sum.
        row.Finish();
    }

    private static bool Attends(int q, int k, int head, Parameters p) => p.Group[q] == p.Group[k] || (p.Everyone != 0 && (k & 3) == head);

    private static TileKind Classify(int q0, int q1, int k0, int k1, int head, Parameters p)
    {
        int queryLo = p.Group.Min(q0, q1), queryHi = p.Group.Max(q0, q1);
        int keyLo = p.Group.Min(k0, k1), keyHi = p.Group.Max(k0, k1);
        bool all = queryLo == keyHi && queryHi == keyLo;
        if (all)
            return TileKind.Full;
        bool any = (queryLo <= keyHi && queryHi >= keyLo) || p.Everyone != 0;
        return any ? TileKind.Partial : TileKind.Empty;
    }

    private static PortableTiles Tiles0(PortableRow row, Parameters p) =>
        row.Tiles(0, row.Keys - 1);

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
