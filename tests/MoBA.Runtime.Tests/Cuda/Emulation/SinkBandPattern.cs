using MoBA.Runtime.Cuda;

namespace MoBA.Runtime.Tests.Cuda.Emulation;

/// <summary>The first keys, and those at most <see cref="Width"/> positions back: two runs of key tiles, with nothing between them.</summary>
public struct SinkBandPattern : ICudaPattern<SinkBandRuns, int, int>
{
    public int Sinks, Width;

    public readonly bool HasScore => false;

    public readonly bool ReadsTables => false;

    public readonly SinkBandRuns Runs(long q0, long q1, int keys, int head, int keyTile)
    {
        SinkBandRuns runs;
        runs.First = CudaRun.Of(0, Sinks - 1, keys, keyTile);
        runs.Near = CudaRun.Of(q0 - Width, q1, keys, keyTile);
        return runs;
    }

    public readonly int Next(SinkBandRuns runs, int k0)
    {
        int first = runs.First.From(k0), near = runs.Near.From(k0);
        return first < near ? first : near;
    }

    public readonly TileKind Classify(long q0, long q1, long k0, long k1, int head)
    {
        if (k0 > q1 | (k0 >= Sinks & q0 - k1 > Width))
            return TileKind.Empty;
        return k1 <= q0 & (k1 < Sinks | q1 - k0 <= Width) ? TileKind.Full : TileKind.Partial;
    }

    public readonly int Query(int q, int head, int heads) => q;

    public readonly int Key(int k, int head, int heads) => k;

    public readonly bool Attends(int q, int k) => q >= k & (k < Sinks | q - k <= Width);

    public readonly bool HasColumns => false;

    public readonly int AttendedColumns(int q, int firstKey) => -1;

    public readonly float Score(float score, int q, int k) => score;

    public readonly bool HasNear => false;

    public readonly float NearLimit(float scale) => 0f;

    public readonly float ScoreNear(float score, float scale, float unit, float shift, int q, int k) => score;

    public readonly float ScoreBound => float.PositiveInfinity;
}

/// <summary>The runs of <see cref="SinkBandPattern"/>.</summary>
public struct SinkBandRuns
{
    public CudaRun First, Near;
}
