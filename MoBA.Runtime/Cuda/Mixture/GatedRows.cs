namespace MoBA.Runtime.Cuda;

/// <summary>The rows that a mixture sends to an expert with a block gate, which alone are attended.</summary>
/// <param name="passes">The mixture's passes.</param>
/// <param name="mixture">What its kernels are told.</param>
/// <param name="rows">The rows, to be written where those of their tokens are.</param>
/// <param name="expert">The expert's id.</param>
internal sealed class GatedRows(MixturePasses passes, CudaMixture mixture, ExpertRows rows, int expert)
{
    /// <summary>Leaves routes to these rows alone.</summary>
    public void Keep(in CudaRouting routing) => passes.Forget(mixture, routing, expert);

    /// <summary>Attends these rows.</summary>
    public void Attend<TPattern, TRuns, TQuery, TKey>(CallKernels kernels, TPattern pattern, string source)
        where TPattern : unmanaged, ICudaPattern<TRuns, TQuery, TKey>
        where TRuns : unmanaged
        where TQuery : unmanaged
        where TKey : unmanaged => kernels.Experts<TPattern, TRuns, TQuery, TKey>(pattern, source, rows);
}
