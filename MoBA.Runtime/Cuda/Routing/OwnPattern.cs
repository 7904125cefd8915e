using System.ComponentModel;
using MoBA.Runtime.Portable;

namespace MoBA.Runtime.Cuda;

/// <summary>What a gated expert attends whatever its gate chose: the query's own block, and what <c>Always</c> names.</summary>
/// <typeparam name="TPattern">The expert's pattern.</typeparam>
/// <typeparam name="TRuns">Its runs.</typeparam>
/// <typeparam name="TQuery">What it knows of a query.</typeparam>
/// <typeparam name="TKey">What it knows of a key.</typeparam>
/// <typeparam name="TAlways">The pattern of <c>Always</c> within the expert's; <see cref="NoKeysPattern"/> where there is none.</typeparam>
/// <typeparam name="TAlwaysRuns">Its runs.</typeparam>
/// <typeparam name="TAlwaysQuery">What it knows of a query.</typeparam>
/// <typeparam name="TAlwaysKey">What it knows of a key.</typeparam>
[EditorBrowsable(EditorBrowsableState.Never)]
public struct OwnPattern<TPattern, TRuns, TQuery, TKey, TAlways, TAlwaysRuns, TAlwaysQuery, TAlwaysKey>
    : ICudaPattern<OwnRuns, OwnQuery<TQuery, TAlwaysQuery>, OwnKey<TKey, TAlwaysKey>>
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

    /// <summary>Divides by the keys of a block.</summary>
    public CudaDivisor ByBlockSize;

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
    public readonly OwnRuns Runs(long q0, long q1, int keys, int head, int keyTile)
    {
        CudaRun own = CudaRun.Of(FirstKey(q0), FirstKey(q1) + ByBlockSize.Divisor - 1, q1 < 0 ? 0 : keys, keyTile);
        OwnRuns runs;
        runs.First = own.First;
        runs.End = own.End;
        runs.FirstQuery = (int)q0;
        runs.LastQuery = (int)q1;
        runs.Keys = keys;
        runs.Head = head;
        runs.KeyTile = keyTile;
        return runs;
    }

    /// <inheritdoc/>
    public readonly int Next(OwnRuns runs, int k0)
    {
        CudaRun own;
        own.First = runs.First;
        own.End = runs.End;
        TAlwaysRuns always = Always.Runs(runs.FirstQuery, runs.LastQuery, runs.Keys, runs.Head, runs.KeyTile);
        return PortableMath.Min(own.From(k0), Always.Next(always, k0));
    }

    /// <inheritdoc/>
    public readonly TileKind Classify(long q0, long q1, long k0, long k1, int head)
    {
        long first = FirstKey(q0), last = FirstKey(q1);
        TileKind always = Always.Classify(q0, q1, k0, k1, head);
        if (q1 < 0 | k1 < first | k0 >= last + ByBlockSize.Divisor)
            return always;
        TileKind kind = Inner.Classify(q0, q1, k0, k1, head);
        bool within = first == last & q0 >= 0 & k0 >= first & k1 < first + ByBlockSize.Divisor;
        return within | kind == TileKind.Empty | always == TileKind.Full ? kind : TileKind.Partial;
    }

    /// <inheritdoc/>
    public readonly OwnQuery<TQuery, TAlwaysQuery> Query(int q, int head, int heads)
    {
        OwnQuery<TQuery, TAlwaysQuery> query;
        query.Inner = Inner.Query(q, head, heads);
        query.Always = Always.Query(q, head, heads);
        query.First = (int)FirstKey(q);
        query.End = q < 0 ? 0 : query.First + ByBlockSize.Divisor;
        return query;
    }

    /// <inheritdoc/>
    public readonly OwnKey<TKey, TAlwaysKey> Key(int k, int head, int heads)
    {
        OwnKey<TKey, TAlwaysKey> key;
        key.Inner = Inner.Key(k, head, heads);
        key.Always = Always.Key(k, head, heads);
        key.Position = k;
        return key;
    }

    /// <inheritdoc/>
    public readonly bool Attends(OwnQuery<TQuery, TAlwaysQuery> q, OwnKey<TKey, TAlwaysKey> k) =>
        Inner.Attends(q.Inner, k.Inner) & (IsOwn(q, k) | Always.Attends(q.Always, k.Always));

    /// <inheritdoc/>
    public readonly int AttendedColumns(OwnQuery<TQuery, TAlwaysQuery> q, int firstKey)
    {
        int own = CudaColumns.BeforeKey(q.End, firstKey) & ~CudaColumns.BeforeKey(q.First, firstKey);
        return Inner.AttendedColumns(q.Inner, firstKey) & (own | Always.AttendedColumns(q.Always, firstKey));
    }

    /// <inheritdoc/>
    public readonly float Score(float score, OwnQuery<TQuery, TAlwaysQuery> q, OwnKey<TKey, TAlwaysKey> k) => Inner.Score(score, q.Inner, k.Inner);

    /// <inheritdoc/>
    public readonly float NearLimit(float scale) => Inner.NearLimit(scale);

    /// <inheritdoc/>
    public readonly float ScoreNear(float score, float scale, float unit, float shift, OwnQuery<TQuery, TAlwaysQuery> q, OwnKey<TKey, TAlwaysKey> k) =>
        Inner.ScoreNear(score, scale, unit, shift, q.Inner, k.Inner);

    // Of the own block of a query; of the first one where the query stands before it.
    private readonly long FirstKey(long q) => (long)ByBlockSize.DivNatural(q < 0 ? 0 : (int)q) * ByBlockSize.Divisor;

    private readonly bool IsOwn(OwnQuery<TQuery, TAlwaysQuery> q, OwnKey<TKey, TAlwaysKey> k) =>
        k.Position >= q.First & k.Position < q.End;
}

/// <summary>The runs of such a pattern: the run of own blocks, and what those of <c>Always</c> are made from, which are of a type of their own: ILGPU
/// 1.5.3 loses its way in a struct of structs of structs.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public struct OwnRuns
{
    /// <summary>The own blocks of the queries, which follow each other: a <see cref="CudaRun"/>.</summary>
    public int First, End;

    /// <summary>The queries.</summary>
    public int FirstQuery, LastQuery;

    /// <summary>Keys of the sequence, and the query head.</summary>
    public int Keys, Head;

    /// <summary>Keys in a tile.</summary>
    public int KeyTile;
}

/// <summary>What the pattern knows of a query.</summary>
/// <typeparam name="TQuery">What the expert's knows.</typeparam>
/// <typeparam name="TAlwaysQuery">What that of <c>Always</c> knows.</typeparam>
[EditorBrowsable(EditorBrowsableState.Never)]
public struct OwnQuery<TQuery, TAlwaysQuery>
    where TQuery : unmanaged
    where TAlwaysQuery : unmanaged
{
    /// <summary>For the expert's pattern.</summary>
    public TQuery Inner;

    /// <summary>For that of <c>Always</c>.</summary>
    public TAlwaysQuery Always;

    /// <summary>The first key of the own block.</summary>
    public int First;

    /// <summary>The key behind its last one; 0 where the query stands before the keys.</summary>
    public int End;
}

/// <summary>What the pattern knows of a key.</summary>
/// <typeparam name="TKey">What the expert's knows.</typeparam>
/// <typeparam name="TAlwaysKey">What that of <c>Always</c> knows.</typeparam>
[EditorBrowsable(EditorBrowsableState.Never)]
public struct OwnKey<TKey, TAlwaysKey>
    where TKey : unmanaged
    where TAlwaysKey : unmanaged
{
    /// <summary>For the expert's pattern.</summary>
    public TKey Inner;

    /// <summary>For that of <c>Always</c>.</summary>
    public TAlwaysKey Always;

    /// <summary>Its position.</summary>
    public int Position;
}
