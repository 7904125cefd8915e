using System.ComponentModel;

namespace MoBA.Runtime.Cuda;

/// <summary>The pattern of a call without keys: no query sees any, whatever the expert.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public struct NoKeysPattern : ICudaPattern<int, int, int>
{
    /// <summary>A kernel parameter cannot be empty.</summary>
    public int None;

    /// <inheritdoc/>
    public readonly bool HasScore => false;

    /// <inheritdoc/>
    public readonly bool ReadsTables => false;

    /// <inheritdoc/>
    public readonly int Runs(long q0, long q1, int keys, int head, int keyTile) => 0;

    /// <inheritdoc/>
    public readonly int Next(int runs, int k0) => int.MaxValue;

    /// <inheritdoc/>
    public readonly TileKind Classify(long q0, long q1, long k0, long k1, int head) => TileKind.Empty;

    /// <inheritdoc/>
    public readonly int Query(int q, int head, int heads) => q;

    /// <inheritdoc/>
    public readonly int Key(int k, int head, int heads) => k;

    /// <inheritdoc/>
    public readonly bool Attends(int q, int k) => false;

    /// <inheritdoc/>
    public readonly float Score(float score, int q, int k) => score;

    /// <inheritdoc/>
    public readonly bool HasColumns => true;

    /// <inheritdoc/>
    public readonly int AttendedColumns(int q, int firstKey) => 0;

    /// <inheritdoc/>
    public readonly bool HasNear => false;

    /// <inheritdoc/>
    public readonly float NearLimit(float scale) => 0f;

    /// <inheritdoc/>
    public readonly float ScoreNear(float score, float scale, float unit, float shift, int q, int k) => score;

    /// <inheritdoc/>
    public readonly float ScoreBound => float.PositiveInfinity;
}
