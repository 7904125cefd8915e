using System.ComponentModel;

namespace MoBA.Runtime.Cuda;

/// <summary>
/// What a tensor-core kernel asks of a pattern. The source generator implements it once per pattern, as a struct of the pattern's
/// parameters and tables; ILGPU compiles it into the attention kernel of an architecture, so that nothing of it is a call.
/// </summary>
/// <typeparam name="TRuns">The runs of key tiles that a tile of queries sees.</typeparam>
/// <typeparam name="TQuery">What the predicate and the score modifier know of a query alone.</typeparam>
/// <typeparam name="TKey">What they know of a key alone.</typeparam>
[EditorBrowsable(EditorBrowsableState.Never)]
public interface ICudaPattern<TRuns, TQuery, TKey>
    where TRuns : unmanaged
    where TQuery : unmanaged
    where TKey : unmanaged
{
    /// <summary>Whether scores are modified.</summary>
    bool HasScore { get; }

    /// <summary>Whether <see cref="Key"/> reads a table, and so must not be asked beyond the last key.</summary>
    bool ReadsTables { get; }

    /// <summary>The key tiles that queries [q0, q1] of a head can see, among keys [0, keys).</summary>
    TRuns Runs(long q0, long q1, int keys, int head, int keyTile);

    /// <summary>First key of the first tile of the runs that does not start before <paramref name="k0"/>, a multiple of the key
    /// tile; <see cref="int.MaxValue"/> if there is none.</summary>
    int Next(TRuns runs, int k0);

    /// <summary>The class of the tile [q0, q1] x [k0, k1], ends included.</summary>
    TileKind Classify(long q0, long q1, long k0, long k1, int head);

    /// <summary>What is known of a query position of a head.</summary>
    TQuery Query(int q, int head, int heads);

    /// <summary>What is known of a key position for a head.</summary>
    TKey Key(int k, int head, int heads);

    /// <summary>Whether the query attends the key; without branches.</summary>
    bool Attends(TQuery q, TKey k);

    /// <summary>Whether the predicate is known for many keys at once.</summary>
    bool HasColumns { get; }

    /// <summary>Which of a thread's columns the query attends, of which the first is key <paramref name="firstKey"/>, as bits of
    /// <see cref="CudaColumns"/>.</summary>
    int AttendedColumns(TQuery q, int firstKey);

    /// <summary>The modified score of a pair.</summary>
    float Score(float score, TQuery q, TKey k);

    /// <summary>Whether there is a shorter way to modified scores where scores are near 0.</summary>
    bool HasNear { get; }

    /// <summary>The size below which q . k is near 0.</summary>
    float NearLimit(float scale);

    /// <summary>The modified score times <paramref name="unit"/>, and <paramref name="shift"/>, of a pair whose q . k is
    /// <paramref name="score"/>, which is near 0.</summary>
    float ScoreNear(float score, float scale, float unit, float shift, TQuery q, TKey k);

    /// <summary>What no modified score exceeds in size, as proven; infinity where nothing is. Asked by the host.</summary>
    float ScoreBound { get; }
}
