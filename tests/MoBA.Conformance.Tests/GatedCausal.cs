using MoBA.Patterns;
using MoBA.Runtime;
using MoBA.Runtime.Cpu;
using MoBA.Runtime.Cuda;
using MoBA.Runtime.Portable;

namespace MoBA.Conformance.Tests;

/// <summary>The gallery's causal pattern behind any block gate.</summary>
internal sealed class GatedCausal(BlockGate gate) : ISparseExpert
{
    private readonly Causal _causal = new();

    public BlockGate Gate => gate;

    public ExpertInfo Info { get; } = Causal.Info with { Name = nameof(GatedCausal), Gate = gate };

    public IReadOnlyDictionary<string, object?> ParameterValues => new Dictionary<string, object?>();

    public bool Attends(int q, int k, int head) => ((ISparseExpert)_causal).Attends(q, k, head);

    public float Score(float score, int q, int k, int head, int heads) => score;

    public CpuKernel Bind(in AttentionExtent extent) => ((ISparseExpert)_causal).Bind(extent);

    public void LaunchPortable(PortableLaunch launch) => ((ISparseExpert)_causal).LaunchPortable(launch);

    public void LaunchCuda(CudaLaunch launch) => ((ISparseExpert)_causal).LaunchCuda(launch);

    public ISparseExpert With(IReadOnlyDictionary<string, object> parameters) => throw new NotSupportedException("It has no parameters.");
}
