namespace MoBA.Runtime.Cuda;

/// <summary>Static patterns as kernels on one device: the seam between the runtime, which checks and places, and the kernels.</summary>
internal interface ICudaAttention : IDisposable
{
    /// <summary>What kernels these are, for people; part of the engine's description.</summary>
    string Description { get; }

    /// <summary>Whether there is a kernel for an expert; it has no block gate.</summary>
    bool Runs(ISparseExpert expert);

    /// <summary>Enqueues the attention of <paramref name="call"/> on <paramref name="stream"/> and returns; the context of the
    /// device is current. May be called from several threads at once.</summary>
    /// <exception cref="ArgumentException">The expert's parameters do not fit the positions of the call.</exception>
    /// <exception cref="InsufficientMemoryException">Workspace cannot be had.</exception>
    /// <exception cref="CudaException">The driver refused.</exception>
    void Launch(ISparseExpert expert, in CudaCall call, CudaStream stream);
}
