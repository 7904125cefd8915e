using System.ComponentModel;
using System.Diagnostics.CodeAnalysis;
using System.Reflection;

namespace MoBA.Runtime.Cuda;

/// <summary>A pattern whose queries and keys are one number each, position and head, from which what the expert's pattern knows of them is made
/// again: ILGPU 1.5.3 loses its way where a struct of several numbers is part of what an adapter knows.</summary>
/// <typeparam name="TPattern">The expert's pattern.</typeparam>
/// <typeparam name="TRuns">Its runs.</typeparam>
/// <typeparam name="TQuery">What it knows of a query.</typeparam>
/// <typeparam name="TKey">What it knows of a key.</typeparam>
[EditorBrowsable(EditorBrowsableState.Never)]
public struct OneNumberPattern<TPattern, TRuns, TQuery, TKey> : ICudaPattern<TRuns, long, long>
    where TPattern : unmanaged, ICudaPattern<TRuns, TQuery, TKey>
    where TRuns : unmanaged
    where TQuery : unmanaged
    where TKey : unmanaged
{
    /// <summary>The expert's pattern.</summary>
    public TPattern Inner;

    /// <summary>Query heads.</summary>
    public int Heads;

    /// <inheritdoc/>
    public readonly bool HasScore => Inner.HasScore;

    /// <inheritdoc/>
    public readonly bool ReadsTables => Inner.ReadsTables;

    /// <inheritdoc/>
    public readonly bool HasColumns => Inner.HasColumns;

    /// <inheritdoc/>
    public readonly bool HasNear => Inner.HasNear;

    /// <inheritdoc/>
    public readonly float ScoreBound => Inner.ScoreBound;

    /// <inheritdoc/>
    public readonly TRuns Runs(long q0, long q1, int keys, int head, int keyTile) => Inner.Runs(q0, q1, keys, head, keyTile);

    /// <inheritdoc/>
    public readonly int Next(TRuns runs, int k0) => Inner.Next(runs, k0);

    /// <inheritdoc/>
    public readonly TileKind Classify(long q0, long q1, long k0, long k1, int head) => Inner.Classify(q0, q1, k0, k1, head);

    /// <inheritdoc/>
    public readonly long Query(int q, int head, int heads) => ((long)head << 32) | (uint)q;

    /// <inheritdoc/>
    public readonly long Key(int k, int head, int heads) => ((long)head << 32) | (uint)k;

    /// <inheritdoc/>
    public readonly bool Attends(long q, long k) => Inner.Attends(QueryOf(q), KeyOf(k));

    /// <inheritdoc/>
    public readonly int AttendedColumns(long q, int firstKey) => Inner.AttendedColumns(QueryOf(q), firstKey);

    /// <inheritdoc/>
    public readonly float Score(float score, long q, long k) => Inner.Score(score, QueryOf(q), KeyOf(k));

    /// <inheritdoc/>
    public readonly float NearLimit(float scale) => Inner.NearLimit(scale);

    /// <inheritdoc/>
    public readonly float ScoreNear(float score, float scale, float unit, float shift, long q, long k) =>
        Inner.ScoreNear(score, scale, unit, shift, QueryOf(q), KeyOf(k));

    private readonly TQuery QueryOf(long q) => Inner.Query((int)q, (int)(q >> 32), Heads);

    private readonly TKey KeyOf(long k) => Inner.Key((int)k, (int)(k >> 32), Heads);
}

/// <summary>Where <see cref="OneNumberPattern{TPattern, TRuns, TQuery, TKey}"/> is needed.</summary>
internal static class OneNumber
{
    private const BindingFlags Fields = BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic;

    /// <summary>Whether a pattern has a parameter that is a struct, and knows several numbers of a query or of a key.</summary>
    [UnconditionalSuppressMessage("Trimming", "IL2090", Justification = "Fields of structs without references are kept, as their layout is.")]
    public static bool IsNeeded<TPattern, TQuery, TKey>() =>
        typeof(TPattern).GetFields(Fields).Any(static field => !field.FieldType.IsPrimitive)
        && (typeof(TQuery).GetFields(Fields).Length > 1 || typeof(TKey).GetFields(Fields).Length > 1);
}
