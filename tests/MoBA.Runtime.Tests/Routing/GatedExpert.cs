using MoBA.Runtime.Cpu;
using MoBA.Runtime.Cuda;
using MoBA.Runtime.Portable;

namespace MoBA.Runtime.Tests;

/// <summary>A test expert behind a block gate, with pairs that are always attended where there are any.</summary>
internal sealed class GatedExpert(ISparseExpert inner, BlockGate gate, Func<int, int, bool>? always = null) : ISparseExpert
{
    private readonly ISparseExpert? _always = always is null ? null : new Besides(inner, always);

    public BlockGate Gate => gate;

    public ExpertInfo Info => inner.Info with { Gate = gate, AlwaysPredicate = always is null ? null : "always(q, k)" };

    public IReadOnlyDictionary<string, object?> ParameterValues => inner.ParameterValues;

    public bool Attends(int q, int k, int head) => inner.Attends(q, k, head);

    public bool Always(int q, int k, int head) => always is not null && always(q, k);

    public float Score(float score, int q, int k, int head, int heads) => inner.Score(score, q, k, head, heads);

    public CpuKernel Bind(in AttentionExtent extent) => inner.Bind(extent);

    public CpuKernel? BindAlways(in AttentionExtent extent) => _always?.Bind(extent);

    public void LaunchPortable(PortableLaunch launch) => throw new NotSupportedException();

    public void LaunchCuda(CudaLaunch launch) => throw new NotSupportedException();

    public ISparseExpert With(IReadOnlyDictionary<string, object> parameters) => throw new NotSupportedException();

    private sealed class Besides(ISparseExpert inner, Func<int, int, bool> always) : TestExpert
    {
        protected override bool Modifies => inner.Info.ScoreModifier is not null;

        public override bool Attends(int q, int k, int head) => inner.Attends(q, k, head) && always(q, k);

        public override float Score(float score, int q, int k, int head, int heads) => inner.Score(score, q, k, head, heads);
    }
}
