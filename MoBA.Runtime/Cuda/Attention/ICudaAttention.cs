namespace MoBA.Runtime.Cuda;

/// <summary>Experts as kernels on one device: the seam between the runtime, which checks and places, and the kernels.</summary>
internal interface ICudaAttention : IDisposable
{
    /// <summary>What kernels these are, for people; part of the engine's description.</summary>
    string Description { get; }

    /// <summary>Why there is no kernel for an expert on these sequences, and what to do, as a sentence that begins with its name; null
    /// where there is one.</summary>
    string? WhyNot(ISparseExpert expert, ReadOnlySpan<AttentionSequence> sequences);

    /// <summary>Enqueues the attention of <paramref name="call"/> on <paramref name="stream"/> and returns; the context of the
    /// device is current. May be called from several threads at once.</summary>
    /// <param name="expert">The expert.</param>
    /// <param name="call">What it attends.</param>
    /// <param name="stream">Where.</param>
    /// <param name="marks">Marks the end of every pass where there are several; null measures nothing.</param>
    /// <returns>Bytes of scratch memory that the passes hand things on in; it is given back already, in the stream's order.</returns>
    /// <exception cref="ArgumentException">The expert's parameters do not fit the positions of the call.</exception>
    /// <exception cref="InsufficientMemoryException">Workspace cannot be had.</exception>
    /// <exception cref="CudaException">The driver refused.</exception>
    long Launch(ISparseExpert expert, in CudaCall call, CudaStream stream, PassMarks? marks);

    /// <summary>As <see cref="Launch"/>, of a mixture, each of whose experts has a kernel.</summary>
    /// <param name="mixture">The mixture, and where its routes go.</param>
    /// <param name="call">What it attends.</param>
    /// <param name="stream">Where.</param>
    /// <param name="marks">Marks the end of every pass; null measures nothing.</param>
    /// <returns>Bytes of scratch memory, as for an expert.</returns>
    /// <exception cref="ArgumentException">An expert's parameters do not fit the positions of the call.</exception>
    /// <exception cref="InsufficientMemoryException">Workspace cannot be had.</exception>
    /// <exception cref="CudaException">The driver refused.</exception>
    long LaunchMixture(CudaMixtureCall mixture, in CudaCall call, CudaStream stream, PassMarks? marks);
}
