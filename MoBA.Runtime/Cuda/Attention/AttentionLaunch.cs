namespace MoBA.Runtime.Cuda;

/// <summary>One launch of an attention kernel on a checked call.</summary>
internal sealed class AttentionLaunch(TensorCoreAttention attention, in CudaCall call, CudaStream stream) : TableLaunch(attention.Data)
{
    private readonly CallKernels _kernels = new(attention, call, stream);

    /// <inheritdoc/>
    public override void Run<TPattern, TRuns, TQuery, TKey>(TPattern pattern, string source) =>
        _kernels.Attend<TPattern, TRuns, TQuery, TKey>(pattern, source);
}
