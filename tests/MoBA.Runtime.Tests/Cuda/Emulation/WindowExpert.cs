using MoBA.Runtime.Cpu;
using MoBA.Runtime.Cuda;
using MoBA.Runtime.Portable;

namespace MoBA.Runtime.Tests.Cuda.Emulation;

/// <summary>Keys at most <paramref name="width"/> positions back and not ahead, for kernels, with a bonus for near ones where scores are
/// modified.</summary>
internal sealed class WindowExpert(int width, bool modifies = false) : ISparseExpert
{
    private readonly Rows _rows = new(width, modifies);

    public ExpertInfo Info => _rows.Info with { Name = nameof(WindowExpert), Causal = Proof.Always };

    public IReadOnlyDictionary<string, object?> ParameterValues => _rows.ParameterValues;

    public bool Attends(int q, int k, int head) => _rows.Attends(q, k, head);

    public float Score(float score, int q, int k, int head, int heads) => _rows.Score(score, q, k, head, heads);

    public CpuKernel Bind(in AttentionExtent extent) => _rows.Bind(extent);

    public void LaunchPortable(PortableLaunch launch) => throw new NotSupportedException();

    public void LaunchCuda(CudaLaunch launch)
    {
        if (modifies)
            launch.Run<BandPattern, int, int, int>(new() { Width = width }, "window with a bonus");
        else
            launch.Run<PlainBandPattern, int, int, int>(new() { Band = new() { Width = width } }, "window");
    }

    public ISparseExpert With(IReadOnlyDictionary<string, object> parameters) => throw new NotSupportedException();

    private sealed class Rows(int width, bool modifies) : TestExpert
    {
        protected override bool Modifies => modifies;

        public override bool Attends(int q, int k, int head) => q >= k && q - k <= width;

        public override float Score(float score, int q, int k, int head, int heads) => modifies ? score - ((q - k) * 0.01f) : score;
    }
}
