using System.ComponentModel;

namespace MoBA.Runtime.Cuda;

#pragma warning disable CS1591, RS0016
[EditorBrowsable(EditorBrowsableState.Never)]
public static class GateKernel
{
    public static void Choose(CudaProblem problem, CudaRouting routing) => Memory.SetInt(routing.Routes, problem.Heads);
}

[EditorBrowsable(EditorBrowsableState.Never)]
public static class AmpereRouted
{
    public static void Attend<TPattern, TRuns, TQuery, TKey>(CudaProblem problem, TPattern pattern, CudaRouting routing)
        where TPattern : unmanaged, ICudaPattern<TRuns, TQuery, TKey>
        where TRuns : unmanaged
        where TQuery : unmanaged
        where TKey : unmanaged => Memory.SetInt(routing.Partials, problem.Heads);
}

[EditorBrowsable(EditorBrowsableState.Never)]
public static class HopperFinish
{
    public static void Finish<TPattern, TRuns, TQuery, TKey>(CudaProblem problem, TPattern pattern, CudaRouting routing)
        where TPattern : unmanaged, ICudaPattern<TRuns, TQuery, TKey>
        where TRuns : unmanaged
        where TQuery : unmanaged
        where TKey : unmanaged => Memory.SetInt(problem.Output, routing.BlockCount);
}

[EditorBrowsable(EditorBrowsableState.Never)]
public static class AmpereFinish
{
    public static void Finish<TPattern, TRuns, TQuery, TKey>(CudaProblem problem, TPattern pattern, CudaRouting routing)
        where TPattern : unmanaged, ICudaPattern<TRuns, TQuery, TKey>
        where TRuns : unmanaged
        where TQuery : unmanaged
        where TKey : unmanaged => Memory.SetInt(problem.Output, routing.BlockCount);
}

internal sealed class GateTiles(TileShape shape) : TilePrinter(shape)
{
    public override string Target => "sm_80";

    public override int Threads => 128;

    public override int SharedBytes => 1024;

    public override int Queries => 64;

    public override int Keys => 64;

    protected override SoftmaxPrinter Softmax => throw new NotSupportedException();

    protected override IEnumerable<string>? PrintOwn(string name, string[] operands) => null;
}

[EditorBrowsable(EditorBrowsableState.Never)]
public struct OwnBlockPattern<TPattern, TRuns, TQuery, TKey> : ICudaPattern<TRuns, TQuery, TKey>
    where TPattern : unmanaged, ICudaPattern<TRuns, TQuery, TKey>
    where TRuns : unmanaged
    where TQuery : unmanaged
    where TKey : unmanaged
{
    public TPattern Inner;
    public int BlockSize;
    public CudaDivisor ByBlockSize;

    public readonly bool HasScore => Inner.HasScore;

    public readonly bool ReadsTables => Inner.ReadsTables;

    public readonly bool HasColumns => Inner.HasColumns;

    public readonly bool HasNear => Inner.HasNear;

    public readonly float ScoreBound => Inner.ScoreBound;

    public readonly TRuns Runs(long q0, long q1, int keys, int head, int keyTile) => Inner.Runs(q0, q1, keys, head, keyTile);

    public readonly int Next(TRuns runs, int k0) => Inner.Next(runs, k0);

    public readonly TileKind Classify(long q0, long q1, long k0, long k1, int head) => Inner.Classify(q0, q1, k0, k1, head);

    public readonly TQuery Query(int q, int head, int heads) => Inner.Query(q, head, heads);

    public readonly TKey Key(int k, int head, int heads) => Inner.Key(k, head, heads);

    public readonly bool Attends(TQuery q, TKey k) => Inner.Attends(q, k);

    public readonly int AttendedColumns(TQuery q, int firstKey) => Inner.AttendedColumns(q, firstKey);

    public readonly float Score(float score, TQuery q, TKey k) => Inner.Score(score, q, k);

    public readonly float NearLimit(float scale) => Inner.NearLimit(scale);

    public readonly float ScoreNear(float score, float scale, float unit, float shift, TQuery q, TKey k) => Inner.ScoreNear(score, scale, unit, shift, q, k);
}
[EditorBrowsable(EditorBrowsableState.Never)]
public struct OwnOrAlwaysPattern<TPattern, TRuns, TQuery, TKey, TAlways, TAlwaysRuns, TAlwaysQuery, TAlwaysKey> : ICudaPattern<TRuns, TQuery, TKey>
    where TPattern : unmanaged, ICudaPattern<TRuns, TQuery, TKey>
    where TRuns : unmanaged
    where TQuery : unmanaged
    where TKey : unmanaged
    where TAlways : unmanaged, ICudaPattern<TAlwaysRuns, TAlwaysQuery, TAlwaysKey>
    where TAlwaysRuns : unmanaged
    where TAlwaysQuery : unmanaged
    where TAlwaysKey : unmanaged
{
    public TPattern Inner;
    public TAlways Always;
    public int BlockSize;
    public CudaDivisor ByBlockSize;

    public readonly bool HasScore => Inner.HasScore;

    public readonly bool ReadsTables => Inner.ReadsTables;

    public readonly bool HasColumns => Inner.HasColumns;

    public readonly bool HasNear => Inner.HasNear;

    public readonly float ScoreBound => Inner.ScoreBound;

    public readonly TRuns Runs(long q0, long q1, int keys, int head, int keyTile) => Inner.Runs(q0, q1, keys, head, keyTile);

    public readonly int Next(TRuns runs, int k0) => Inner.Next(runs, k0);

    public readonly TileKind Classify(long q0, long q1, long k0, long k1, int head) => Inner.Classify(q0, q1, k0, k1, head);

    public readonly TQuery Query(int q, int head, int heads) => Inner.Query(q, head, heads);

    public readonly TKey Key(int k, int head, int heads) => Inner.Key(k, head, heads);

    public readonly bool Attends(TQuery q, TKey k) => Inner.Attends(q, k);

    public readonly int AttendedColumns(TQuery q, int firstKey) => Inner.AttendedColumns(q, firstKey);

    public readonly float Score(float score, TQuery q, TKey k) => Inner.Score(score, q, k);

    public readonly float NearLimit(float scale) => Inner.NearLimit(scale);

    public readonly float ScoreNear(float score, float scale, float unit, float shift, TQuery q, TKey k) => Inner.ScoreNear(score, scale, unit, shift, q, k);
}
[EditorBrowsable(EditorBrowsableState.Never)]
public struct RoutedPattern<TPattern, TRuns, TQuery, TKey, TAlways, TAlwaysRuns, TAlwaysQuery, TAlwaysKey> : ICudaPattern<TRuns, TQuery, TKey>
    where TPattern : unmanaged, ICudaPattern<TRuns, TQuery, TKey>
    where TRuns : unmanaged
    where TQuery : unmanaged
    where TKey : unmanaged
    where TAlways : unmanaged, ICudaPattern<TAlwaysRuns, TAlwaysQuery, TAlwaysKey>
    where TAlwaysRuns : unmanaged
    where TAlwaysQuery : unmanaged
    where TAlwaysKey : unmanaged
{
    public TPattern Inner;
    public TAlways Always;

    public readonly bool HasScore => Inner.HasScore;

    public readonly bool ReadsTables => Inner.ReadsTables;

    public readonly bool HasColumns => Inner.HasColumns;

    public readonly bool HasNear => Inner.HasNear;

    public readonly float ScoreBound => Inner.ScoreBound;

    public readonly TRuns Runs(long q0, long q1, int keys, int head, int keyTile) => Inner.Runs(q0, q1, keys, head, keyTile);

    public readonly int Next(TRuns runs, int k0) => Inner.Next(runs, k0);

    public readonly TileKind Classify(long q0, long q1, long k0, long k1, int head) => Inner.Classify(q0, q1, k0, k1, head);

    public readonly TQuery Query(int q, int head, int heads) => Inner.Query(q, head, heads);

    public readonly TKey Key(int k, int head, int heads) => Inner.Key(k, head, heads);

    public readonly bool Attends(TQuery q, TKey k) => Inner.Attends(q, k);

    public readonly int AttendedColumns(TQuery q, int firstKey) => Inner.AttendedColumns(q, firstKey);

    public readonly float Score(float score, TQuery q, TKey k) => Inner.Score(score, q, k);

    public readonly float NearLimit(float scale) => Inner.NearLimit(scale);

    public readonly float ScoreNear(float score, float scale, float unit, float shift, TQuery q, TKey k) => Inner.ScoreNear(score, scale, unit, shift, q, k);
}
#pragma warning restore CS1591, RS0016
