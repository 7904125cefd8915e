using MoBA.Runtime.Cuda;

namespace MoBA.Runtime.Tests.Cuda.Emulation;

/// <summary>Keys at most <see cref="Width"/> positions back and not ahead, with a bonus for near ones.</summary>
public struct BandPattern : ICudaPattern<int, int, int>
{
    public int Width;

    public readonly bool HasScore => true;

    public readonly bool ReadsTables => false;

    public readonly int Runs(long q0, long q1, int keys, int head, int keyTile)
    {
        int first = (int)q0 - Width;
        return first < 0 ? 0 : (int)((uint)first / (uint)keyTile) * keyTile;
    }

    public readonly int Next(int runs, int k0) => k0 > runs ? k0 : runs;

    public readonly TileKind Classify(long q0, long q1, long k0, long k1, int head)
    {
        if (k0 > q1 | q0 - k1 > Width)
            return TileKind.Empty;
        return k1 <= q0 & q1 - k0 <= Width ? TileKind.Full : TileKind.Partial;
    }

    public readonly int Query(int q, int head, int heads) => q;

    public readonly int Key(int k, int head, int heads) => k;

    public readonly bool Attends(int q, int k) => q >= k & q - k <= Width;

    public readonly bool HasColumns => true;

    public readonly int AttendedColumns(int q, int firstKey) => CudaColumns.Before(q + 1L, firstKey) & ~CudaColumns.Before((long)q - Width, firstKey);

    public readonly float Score(float score, int q, int k) => score - ((q - k) * 0.01f);

    public readonly bool HasNear => true;

    public readonly float NearLimit(float scale) => 0.5f / scale;

    public readonly float ScoreNear(float score, float scale, float unit, float shift, int q, int k) => (((score * scale) + ((k - q) * 0.01f)) * unit) + shift;

    public readonly float ScoreBound => float.PositiveInfinity;
}

/// <summary>The same pairs without the bonus.</summary>
public struct PlainBandPattern : ICudaPattern<int, int, int>
{
    public BandPattern Band;

    public readonly bool HasScore => false;

    public readonly bool ReadsTables => false;

    public readonly int Runs(long q0, long q1, int keys, int head, int keyTile) => Band.Runs(q0, q1, keys, head, keyTile);

    public readonly int Next(int runs, int k0) => Band.Next(runs, k0);

    public readonly TileKind Classify(long q0, long q1, long k0, long k1, int head) => Band.Classify(q0, q1, k0, k1, head);

    public readonly int Query(int q, int head, int heads) => q;

    public readonly int Key(int k, int head, int heads) => k;

    public readonly bool Attends(int q, int k) => Band.Attends(q, k);

    public readonly bool HasColumns => true;

    public readonly int AttendedColumns(int q, int firstKey) => Band.AttendedColumns(q, firstKey);

    public readonly float Score(float score, int q, int k) => score;

    public readonly bool HasNear => false;

    public readonly float NearLimit(float scale) => 0f;

    public readonly float ScoreNear(float score, float scale, float unit, float shift, int q, int k) => score;

    public readonly float ScoreBound => float.PositiveInfinity;
}

/// <summary>The same pairs, with scores that saturate at 5.</summary>
public struct CappedBandPattern : ICudaPattern<int, int, int>
{
    public BandPattern Band;

    public readonly bool HasScore => true;

    public readonly bool ReadsTables => false;

    public readonly int Runs(long q0, long q1, int keys, int head, int keyTile) => Band.Runs(q0, q1, keys, head, keyTile);

    public readonly int Next(int runs, int k0) => Band.Next(runs, k0);

    public readonly TileKind Classify(long q0, long q1, long k0, long k1, int head) => Band.Classify(q0, q1, k0, k1, head);

    public readonly int Query(int q, int head, int heads) => q;

    public readonly int Key(int k, int head, int heads) => k;

    public readonly bool Attends(int q, int k) => Band.Attends(q, k);

    public readonly bool HasColumns => false;

    public readonly int AttendedColumns(int q, int firstKey) => -1;

    public readonly float Score(float score, int q, int k) => 5f * CudaMath.Tanh(score * 0.2f);

    public readonly bool HasNear => true;

    public readonly float NearLimit(float scale) => CudaMath.NearLimit(0.2f * scale);

    public readonly float ScoreNear(float score, float scale, float unit, float shift, int q, int k) => CudaMath.TanhNear(score, 5f * unit, 0.2f * scale, shift);

    public readonly float ScoreBound => 5f;
}
