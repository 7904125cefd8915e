using MoBA.Runtime.Cpu;
using MoBA.Runtime.Cuda;
using MoBA.Runtime.Portable;

namespace MoBA.Runtime.Tests.Cuda.Emulation;

/// <summary>Keys at most <see cref="Width"/> positions back and not ahead, through a gate, for kernels; with <paramref name="sinks"/> the
/// first keys always.</summary>
internal sealed class BandExpert(BlockGate gate, Proof causal = Proof.Always, int sinks = 0, bool byHead = false, bool modifies = false) : ISparseExpert
{
    public const int Width = 1 << 20;

    private static readonly Causal _causal = new();

    public BlockGate Gate => gate;

    public ExpertInfo Info => _causal.Info with
    {
        Name = nameof(BandExpert),
        Gate = gate,
        Causal = causal,
        DependsOnHead = byHead,
        ScoreModifier = modifies ? "score" : null,
        AlwaysPredicate = sinks > 0 ? "k < sinks" : null,
    };

    public IReadOnlyDictionary<string, object?> ParameterValues => _causal.ParameterValues;

    public bool Attends(int q, int k, int head) => q >= k && q - k <= Width;

    public bool Always(int q, int k, int head) => k < sinks;

    public float Score(float score, int q, int k, int head, int heads) => score;

    public CpuKernel Bind(in AttentionExtent extent) => _causal.Bind(extent);

    public void LaunchPortable(PortableLaunch launch) => throw new NotSupportedException();

    public void LaunchCuda(CudaLaunch launch) =>
        launch.Run<PlainBandPattern, int, int, int>(new() { Band = new() { Width = Width } }, "band");

    public void LaunchCudaAlways(CudaLaunch launch)
    {
        if (sinks > 0)
            launch.Run<SinkBandPattern, SinkBandRuns, int, int>(new() { Width = 0, Sinks = sinks }, "sinks");
    }

    public ISparseExpert With(IReadOnlyDictionary<string, object> parameters) => throw new NotSupportedException();
}
