namespace MoBA.Runtime.Cuda;

/// <summary>Rows of a tensor [tokens, heads, dim] in device memory; components of a row stand side by side.</summary>
/// <param name="Pointer">The first element, 16-byte aligned; 0 in an empty tensor.</param>
/// <param name="TokenStride">Elements from a token to the next, a multiple of 8.</param>
/// <param name="HeadStride">Elements from a head to the next, a multiple of 8.</param>
internal readonly record struct CudaRows(nint Pointer, nint TokenStride, nint HeadStride);

/// <summary>One checked call on device memory: what the kernels compute.</summary>
internal readonly record struct CudaCall
{
    /// <summary>Element type of q, k, v and the output: <see cref="ElementKind.Half"/> or <see cref="ElementKind.BFloat16"/>.</summary>
    public required ElementKind Kind { get; init; }

    /// <summary>Queries [query tokens, query heads, dim].</summary>
    public required CudaRows Q { get; init; }

    /// <summary>Keys [key tokens, key heads, dim].</summary>
    public required CudaRows K { get; init; }

    /// <summary>Values [key tokens, key heads, dim].</summary>
    public required CudaRows V { get; init; }

    /// <summary>Output [query tokens, query heads, dim]; every row is to be written.</summary>
    public required CudaRows Output { get; init; }

    /// <summary>Natural log-sum-exp, dense float [query tokens, query heads]; 0 where it was not asked for.</summary>
    public required nint Lse { get; init; }

    /// <summary>Tokens of q, at least 1.</summary>
    public required int QueryTokens { get; init; }

    /// <summary>Tokens of k and v.</summary>
    public required int KeyTokens { get; init; }

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

    /// <summary>The positions of all sequences that have queries and keys, or null where there is none: then no row sees a
    /// key.</summary>
    public required AttentionExtent? Extent { get; init; }

    /// <summary>Where routes of a block gate go, dense int [query tokens, route heads, TopK]; 0 where they were not asked for.</summary>
    public nint Routes { get; init; }

    /// <summary>The path that was asked for.</summary>
    public AttendPath Path { get; init; }

    /// <summary>Where a block gate's <see cref="UnionVerdict"/> goes; 0 where it was not asked for.</summary>
    public nint Overlap { get; init; }

    /// <summary>What every kernel is told of the call: its tensors.</summary>
    public CudaProblem Problem() => new()
    {
        Q = Q.Pointer,
        K = K.Pointer,
        V = V.Pointer,
        Output = Output.Pointer,
        Lse = Lse,
        QueryTokenStride = Bytes(Q.TokenStride),
        QueryHeadStride = Bytes(Q.HeadStride),
        KeyTokenStride = Bytes(K.TokenStride),
        KeyHeadStride = Bytes(K.HeadStride),
        ValueTokenStride = Bytes(V.TokenStride),
        ValueHeadStride = Bytes(V.HeadStride),
        OutputTokenStride = Bytes(Output.TokenStride),
        OutputHeadStride = Bytes(Output.HeadStride),
        Heads = QueryHeads,
        HeadsPerKeyHead = QueryHeads / KeyHeads,
        Dim = Dim,
        Scale = Scale,

        // The maximum of the raw scores is that of the scaled ones only where the factor is positive.
        ScaleFirst = Scale > 0 ? 0 : 1,
    };

    private static long Bytes(nint elements) => (long)elements * sizeof(ushort);
}
