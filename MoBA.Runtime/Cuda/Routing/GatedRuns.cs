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

/// <summary>Pass "own", and passes "routed" and "combine" for as many list heads at a time as there is room for partial outputs of; of some
/// rows, or of all.</summary>
internal sealed class RoutedRun(CallKernels kernels, GatedPasses passes, CudaRouting routing, PassMarks? marks, GatedRows? rows) : IGatedRun
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
        where TRoutedKey : unmanaged
    {
        if (rows is null)
            kernels.Attend<TOwn, TOwnRuns, TOwnQuery, TOwnKey>(own, source);
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
