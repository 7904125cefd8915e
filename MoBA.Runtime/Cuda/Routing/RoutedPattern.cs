using System.ComponentModel;

namespace MoBA.Runtime.Cuda;

/// <summary>What a gated expert attends in blocks that a query chose: its pattern without what <c>Always</c> names, which pass "own" has.</summary>
/// <typeparam name="TPattern">The expert's pattern.</typeparam>
/// <typeparam name="TRuns">Its runs.</typeparam>
/// <typeparam name="TQuery">What it knows of a query.</typeparam>
/// <typeparam name="TKey">What it knows of a key.</typeparam>
/// <typeparam name="TAlways">The pattern of <c>Always</c> within the expert's.</typeparam>
/// <typeparam name="TAlwaysRuns">Its runs.</typeparam>
/// <typeparam name="TAlwaysQuery">What it knows of a query.</typeparam>
/// <typeparam name="TAlwaysKey">What it knows of a key.</typeparam>
[EditorBrowsable(EditorBrowsableState.Never)]
public struct RoutedPattern<TPattern, TRuns, TQuery, TKey, TAlways, TAlwaysRuns, TAlwaysQuery, TAlwaysKey>
    : ICudaPattern<TRuns, OwnQuery<TQuery, TAlwaysQuery>, OwnKey<TKey, TAlwaysKey>>
    where TPattern : unmanaged, ICudaPattern<TRuns, TQuery, TKey>
    where TRuns : unmanaged
    where TQuery : unmanaged
    where TKey : unmanaged
    where TAlways : unmanaged, ICudaPattern<TAlwaysRuns, TAlwaysQuery, TAlwaysKey>
    where TAlwaysRuns : unmanaged
    where TAlwaysQuery : unmanaged
    where TAlwaysKey : unmanaged
{
    /// <summary>The expert's pattern.</summary>
    public TPattern Inner;

    /// <summary>That of <c>Always</c>.</summary>
    public TAlways Always;

    /// <inheritdoc/>
    public readonly bool HasScore => Inner.HasScore;

    /// <inheritdoc/>
    public readonly bool ReadsTables => Inner.ReadsTables | Always.ReadsTables;

    /// <inheritdoc/>
    public readonly bool HasColumns => Inner.HasColumns & Always.HasColumns;

    /// <inheritdoc/>
    public readonly bool HasNear => Inner.HasNear;

    /// <inheritdoc/>
    public readonly float ScoreBound => Inner.ScoreBound;

    /// <inheritdoc/>
    public readonly TRuns Runs(long q0, long q1, int keys, int head, int keyTile) => Inner.Runs(q0, q1, keys, head, keyTile);

    /// <inheritdoc/>
    public readonly int Next(TRuns runs, int k0) => Inner.Next(runs, k0);

    /// <inheritdoc/>
    public readonly TileKind Classify(long q0, long q1, long k0, long k1, int head)
    {
        TileKind always = Always.Classify(q0, q1, k0, k1, head), kind = Inner.Classify(q0, q1, k0, k1, head);
        return always == TileKind.Empty | kind == TileKind.Empty ? kind : always == TileKind.Full ? TileKind.Empty : TileKind.Partial;
    }

    /// <inheritdoc/>
    public readonly OwnQuery<TQuery, TAlwaysQuery> Query(int q, int head, int heads)
    {
        OwnQuery<TQuery, TAlwaysQuery> query = default;
        query.Inner = Inner.Query(q, head, heads);
        query.Always = Always.Query(q, head, heads);
        return query;
    }

    /// <inheritdoc/>
    public readonly OwnKey<TKey, TAlwaysKey> Key(int k, int head, int heads)
    {
        OwnKey<TKey, TAlwaysKey> key = default;
        key.Inner = Inner.Key(k, head, heads);
        key.Always = Always.Key(k, head, heads);
        return key;
    }

    /// <inheritdoc/>
    public readonly bool Attends(OwnQuery<TQuery, TAlwaysQuery> q, OwnKey<TKey, TAlwaysKey> k) =>
        Inner.Attends(q.Inner, k.Inner) & !Always.Attends(q.Always, k.Always);

    /// <inheritdoc/>
    public readonly int AttendedColumns(OwnQuery<TQuery, TAlwaysQuery> q, int firstKey) =>
        Inner.AttendedColumns(q.Inner, firstKey) & ~Always.AttendedColumns(q.Always, firstKey);

    /// <inheritdoc/>
    public readonly float Score(float score, OwnQuery<TQuery, TAlwaysQuery> q, OwnKey<TKey, TAlwaysKey> k) => Inner.Score(score, q.Inner, k.Inner);

    /// <inheritdoc/>
    public readonly float NearLimit(float scale) => Inner.NearLimit(scale);

    /// <inheritdoc/>
    public readonly float ScoreNear(float score, float scale, float unit, float shift, OwnQuery<TQuery, TAlwaysQuery> q, OwnKey<TKey, TAlwaysKey> k) =>
        Inner.ScoreNear(score, scale, unit, shift, q.Inner, k.Inner);
}
