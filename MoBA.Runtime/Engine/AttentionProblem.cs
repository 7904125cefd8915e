namespace MoBA.Runtime;

/// <summary>One packed sequence of a call.</summary>
/// <param name="FirstQueryToken">Token of its first query in q.</param>
/// <param name="Queries">Its queries.</param>
/// <param name="FirstKeyToken">Token of its first key in k and v.</param>
/// <param name="Keys">Its keys; key positions are [0, Keys).</param>
/// <param name="Position">Absolute position of its first query.</param>
internal readonly record struct AttentionSequence(int FirstQueryToken, int Queries, int FirstKeyToken, int Keys, int Position);

/// <summary>One checked call: what a backend computes. The tensors are pinned for as long as the call lasts.</summary>
internal sealed unsafe class AttentionProblem
{
    /// <summary>Queries [query tokens, query heads, dim].</summary>
    public required TensorView Q { get; init; }

    /// <summary>Keys [key tokens, key heads, dim].</summary>
    public required TensorView K { get; init; }

    /// <summary>Values [key tokens, key heads, dim].</summary>
    public required TensorView V { get; init; }

    /// <summary>Output [query tokens, query heads, dim]; every row of every sequence is written.</summary>
    public required TensorView Output { get; init; }

    /// <summary>Natural log-sum-exp, dense [query tokens, query heads], or null where it was not asked for.</summary>
    public required float* Lse { get; init; }

    /// <summary>Chosen blocks of a block gate, dense [query tokens, route heads, TopK], the own block first, -1 where there are
    /// fewer; or null where they were not asked for.</summary>
    public int* Routes { get; init; }

    /// <summary>Where a device tells of its path, <see cref="Cuda.UnionVerdict.Length"/> ints, or null where it was not asked for.</summary>
    public int* Overlap { get; init; }

    /// <summary>The path that was asked for.</summary>
    public AttendPath Path { get; init; }

    /// <summary>Query heads.</summary>
    public required int QueryHeads { get; init; }

    /// <summary>Key heads; query head h reads key head h / (QueryHeads / KeyHeads).</summary>
    public required int KeyHeads { get; init; }

    /// <summary>Components of a row: a multiple of 8, at most 256.</summary>
    public required int Dim { get; init; }

    /// <summary>Factor of the raw scores.</summary>
    public required float Scale { get; init; }

    /// <summary>The sequences; together they cover every query token.</summary>
    public required AttentionSequence[] Sequences { get; init; }

    /// <summary>The positions of all sequences that have queries and keys, or null where there is none.</summary>
    public required AttentionExtent? Extent { get; init; }

    /// <summary>The same call of some of its sequences.</summary>
    public AttentionProblem Part(Range sequences) => Copy(Sequences[sequences], Output);

    /// <summary>The same call into another output.</summary>
    public AttentionProblem Into(TensorView output) => Copy(Sequences, output);

    /// <summary>Key head that query head <paramref name="head"/> reads.</summary>
    public int KeyHead(int head) => head / (QueryHeads / KeyHeads);

    private AttentionProblem Copy(AttentionSequence[] sequences, TensorView output) => new()
    {
        Q = Q,
        K = K,
        V = V,
        Output = output,
        Lse = Lse,
        Routes = Routes,
        Overlap = Overlap,
        Path = Path,
        QueryHeads = QueryHeads,
        KeyHeads = KeyHeads,
        Dim = Dim,
        Scale = Scale,
        Sequences = sequences,
        Extent = Extent,
    };
}
