using ILGPU;
using MoBA.Runtime.Portable;

namespace MoBA.Runtime.Tests.Portable.Samples;

/// <summary>q >= k &amp;&amp; (q - k &lt; Window || k &lt; Sinks)</summary>
public static class SinkWindowKernel
{
    public struct Parameters
    {
        public int Window;
        public int Sinks;
    }

    // One thread attends one query row of one head; the 64 rows of its query tile classify the same key tiles alike. No barrier
    // and no shared memory, so it runs on every ILGPU device.
    public static void Attend(Index2D index, PortableProblem problem, Parameters p)
    {
        // Pass 1: the key tiles that this tile of queries can see.
        PortableRow row = PortableRow.Start(index, problem);
        PortableTiles tiles0 = Tiles0(row, p);
        PortableTiles tiles1 = Tiles1(row, p);

        // Pass 2: online softmax over them, ascending, each tile once. An empty tile costs its classification and nothing else.
        for (int k0 = Next(0, tiles0, tiles1); k0 < row.Keys; k0 = Next(k0 + PortableRow.KeyTile, tiles0, tiles1))
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

    private static bool Attends(int q, int k, int head, Parameters p) => q >= k && (q - k < p.Window || k < p.Sinks);

    private static TileKind Classify(int q0, int q1, int k0, int k1, int head, Parameters p)
    {
        bool all = (long)q0 >= k1 && ((long)q1 - k0 < p.Window || k1 < p.Sinks);
        if (all)
            return TileKind.Full;
        bool any = (long)q1 >= k0 && ((long)q0 - k1 < p.Window || k0 < p.Sinks);
        return any ? TileKind.Partial : TileKind.Empty;
    }

    private static PortableTiles Tiles0(PortableRow row, Parameters p) =>
        row.Tiles((long)row.Q0 - p.Window + 1, row.Q1);

    private static PortableTiles Tiles1(PortableRow row, Parameters p) =>
        row.Tiles(0, PortableMath.Min(row.Q1, (long)p.Sinks - 1));

    // First key of the first tile of any run that does not start before k0.
    private static int Next(int k0, PortableTiles tiles0, PortableTiles tiles1) =>
        PortableMath.Min(tiles0.From(k0), tiles1.From(k0));

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
