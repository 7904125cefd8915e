namespace MoBA.Runtime.Cpu;

/// <summary>
/// The CPU kernel of one expert with its parameters bound for one call. The source generator derives one from every
/// predicate; the engine runs <see cref="Attend"/> for every tile of queries, on all cores.
/// </summary>
public abstract class CpuKernel
{
    /// <summary>The most runs of keys that <see cref="KeyRanges(long, long, int, int, Span{KeyRange})"/> writes.</summary>
    public abstract int MaxKeyRanges { get; }

    /// <summary>Whether the expert has a score modifier, so that scores stay in natural units until it has run.</summary>
    public virtual bool ModifiesScores => false;

    /// <summary>How much of the tile [<paramref name="q0"/>, <paramref name="q1"/>] x [<paramref name="k0"/>,
    /// <paramref name="k1"/>] (both ends included, absolute positions) the predicate attends. Sound.</summary>
    public abstract TileKind Classify(long q0, long q1, long k0, long k1, int head);

    /// <summary>Writes the runs of keys that queries [<paramref name="q0"/>, <paramref name="q1"/>] (ends included) can see
    /// among keys [0, <paramref name="keys"/>): never misses a key, may hold more than are attended, may overlap, in no
    /// particular order; none is empty.</summary>
    /// <returns>How many runs were written, at most <see cref="MaxKeyRanges"/>.</returns>
    public abstract int KeyRanges(long q0, long q1, int keys, int head, Span<KeyRange> ranges);

    /// <summary>The runs of keys of <see cref="KeyRanges(long, long, int, int, Span{KeyRange})"/> as an array.</summary>
    public KeyRange[] KeyRanges(long q0, long q1, int keys, int head)
    {
        Span<KeyRange> ranges = stackalloc KeyRange[MaxKeyRanges];
        return ranges[..KeyRanges(q0, q1, keys, head, ranges)].ToArray();
    }

    /// <summary>Attends one tile of queries of one head: online softmax over every key tile that the predicate can reach.</summary>
    public abstract void Attend(CpuTile tile);
}
