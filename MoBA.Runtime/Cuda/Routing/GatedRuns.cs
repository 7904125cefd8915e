namespace MoBA.Runtime.Cuda;

/// <summary>Own blocks alone: attention of one pattern.</summary>
internal sealed class OwnBlocksRun(CallKernels kernels) : IGatedRun
{
    /// <inheritdoc/>
    public void Run<TOwn, TOwnRuns, TOwnQuery, TOwnKey, TRouted, TRoutedRuns, TRoutedQuery, TRoutedKey>(TOwn own, TRouted routed, string source)
        where TOwn : unmanaged, ICudaPattern<TOwnRuns, TOwnQuery, TOwnKey>
        where TOwnRuns : unmanaged
        where TOwnQuery : unmanaged
        where TOwnKey : unmanaged
        where TRouted : unmanaged, ICudaPattern<TRoutedRuns, TRoutedQuery, TRoutedKey>
        where TRoutedRuns : unmanaged
        where TRoutedQuery : unmanaged
        where TRoutedKey : unmanaged => kernels.Attend<TOwn, TOwnRuns, TOwnQuery, TOwnKey>(own, source);
}

/// <summary>Pass "own", and passes "routed" and "combine" for as many list heads at a time as there is room for partial outputs of, of some
/// rows or of all; or pass "union"; or both paths, of which the device takes one.</summary>
internal sealed class RoutedRun(
    CallKernels kernels, GatedPasses passes, CudaRouting routing, UnionPath? union, AttendPath path, PassMarks? marks, GatedRows? rows) : IGatedRun
{
    /// <inheritdoc/>
    public bool Gathers => path != AttendPath.Union;

    /// <inheritdoc/>
    public UnionPath? Union => path == AttendPath.Gathered ? null : union;

    /// <inheritdoc/>
    public void RunUnion<TUnion, TUnionRuns, TUnionQuery, TUnionKey>(TUnion pattern, string source)
        where TUnion : unmanaged, ICudaPattern<TUnionRuns, TUnionQuery, TUnionKey>
        where TUnionRuns : unmanaged
        where TUnionQuery : unmanaged
        where TUnionKey : unmanaged
    {
        kernels.Attend<TUnion, TUnionRuns, TUnionQuery, TUnionKey>(pattern, source, routing.Turn, union!.Sets);
        marks?.End("union");
    }

    /// <inheritdoc/>
    public void Run<TOwn, TOwnRuns, TOwnQuery, TOwnKey, TRouted, TRoutedRuns, TRoutedQuery, TRoutedKey>(TOwn own, TRouted routed, string source)
        where TOwn : unmanaged, ICudaPattern<TOwnRuns, TOwnQuery, TOwnKey>
        where TOwnRuns : unmanaged
        where TOwnQuery : unmanaged
        where TOwnKey : unmanaged
        where TRouted : unmanaged, ICudaPattern<TRoutedRuns, TRoutedQuery, TRoutedKey>
        where TRoutedRuns : unmanaged
        where TRoutedQuery : unmanaged
        where TRoutedKey : unmanaged
    {
        if (rows is null)
            kernels.Attend<TOwn, TOwnRuns, TOwnQuery, TOwnKey>(own, source, routing.Turn);
        else
            rows.Attend<TOwn, TOwnRuns, TOwnQuery, TOwnKey>(kernels, own, source);
        marks?.End("own");
        CudaRouting part = routing;
        for (int first = 0; first < routing.ListHeads; first += routing.ListHeadsTogether)
        {
            part.FirstListHead = first;
            part.ListHeadsTogether = Math.Min(routing.ListHeadsTogether, routing.ListHeads - first);
            kernels.Routed<TRouted, TRoutedRuns, TRoutedQuery, TRoutedKey>(routed, source, part);
            marks?.End("routed");
            passes.Combine(part);
            marks?.End("combine");
        }
    }
}
