using MoBA.Runtime.Cpu;
using MoBA.Runtime.Cuda;
using MoBA.Runtime.Portable;

namespace MoBA.Runtime;

/// <summary>
/// A sparse attention expert as the engine sees it. The source generator implements it on every class with
/// <c>[SparseExpert]</c>; it is not meant to be implemented by hand.
/// </summary>
public interface ISparseExpert
{
    /// <summary>What the compiler knows and has proven of the expert.</summary>
    ExpertInfo Info { get; }

    /// <summary>The parameters' values by name: <c>int</c>, <c>bool</c>, <c>float</c>, or a copy of a table as <c>int[]</c> or
    /// <c>float[]</c> (null where none was given). What <see cref="With"/> takes.</summary>
    IReadOnlyDictionary<string, object?> ParameterValues { get; }

    /// <summary>The author's own predicate: whether the query at position <paramref name="q"/> of query head
    /// <paramref name="head"/> attends the key at position <paramref name="k"/>. Slow; it is the meaning and the oracle.</summary>
    bool Attends(int q, int k, int head);

    /// <summary>The author's own score modifier, or <paramref name="score"/> unchanged where there is none.</summary>
    float Score(float score, int q, int k, int head, int heads);

    /// <summary>Reads the parameters and tables, checks them against the positions of a call, and binds the CPU kernel to them.</summary>
    /// <exception cref="ArgumentException">A divisor is not positive, a table is too short, missing, or not monotone as
    /// promised, or the predicate would overflow <c>int</c> at these positions. The message names the parameter.</exception>
    CpuKernel Bind(in AttentionExtent extent);

    /// <summary>Launches the portable ILGPU kernel of this expert once per sequence, with its parameters and tables. Nothing is
    /// checked here: the caller has called <see cref="Bind"/> with the positions of the call before it copied tensors.</summary>
    void LaunchPortable(PortableLaunch launch);

    /// <summary>As <see cref="LaunchPortable"/>, the tensor-core kernel of this expert.</summary>
    void LaunchCuda(CudaLaunch launch);

    /// <summary>The block gate, or null where the expert has none.</summary>
    BlockGate? Gate => null;

    /// <summary>The author's own <c>Always</c>: whether the pair is attended, within <see cref="Attends"/>, whatever the gate
    /// chose; false where there is none.</summary>
    bool Always(int q, int k, int head) => false;

    /// <summary>As <see cref="Bind"/>, the kernel of the pairs that are attended whatever the gate chose (Attends and Always), or
    /// null where the expert has no <c>Always</c>.</summary>
    CpuKernel? BindAlways(in AttentionExtent extent) => null;

    /// <summary>As <see cref="LaunchPortable"/>, the kernel of the pairs that are attended whatever the gate chose; does nothing
    /// where the expert has no <c>Always</c>.</summary>
    void LaunchPortableAlways(PortableLaunch launch)
    {
    }

    /// <summary>As <see cref="LaunchCuda"/>, the kernel of the pairs that are attended whatever the gate chose; does nothing where
    /// the expert has no <c>Always</c>.</summary>
    void LaunchCudaAlways(CudaLaunch launch)
    {
    }

    /// <summary>A copy of this expert with other parameter values.</summary>
    /// <param name="parameters">Name to value: <c>int</c>, <c>bool</c>, <c>float</c>, <c>int[]</c> or <c>float[]</c> as the
    /// parameter's type is.</param>
    /// <exception cref="ArgumentException">A name is no parameter of this expert, or a value is of another type.</exception>
    ISparseExpert With(IReadOnlyDictionary<string, object> parameters);
}
