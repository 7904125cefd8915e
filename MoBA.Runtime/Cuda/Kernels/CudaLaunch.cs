using System.ComponentModel;

namespace MoBA.Runtime.Cuda;

/// <summary>One launch of a tensor-core kernel: what a generated expert needs to hand its parameters and tables over.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public abstract class CudaLaunch
{
    /// <summary>Copies an int table to the device.</summary>
    public abstract CudaTable Table(ReadOnlyMemory<int> values, bool monotone);

    /// <summary>Copies a float table to the device.</summary>
    public abstract CudaFloatTable Table(ReadOnlyMemory<float> values);

    /// <summary>Runs the attention kernel that is compiled with <paramref name="pattern"/>.</summary>
    /// <param name="pattern">The pattern with its parameters.</param>
    /// <param name="source">A hash of the pattern's emitted text, by which compiled kernels are kept.</param>
    public abstract void Run<TPattern, TRuns, TQuery, TKey>(TPattern pattern, string source)
        where TPattern : unmanaged, ICudaPattern<TRuns, TQuery, TKey>
        where TRuns : unmanaged
        where TQuery : unmanaged
        where TKey : unmanaged;
}
