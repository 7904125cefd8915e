using MoBA.Runtime.Cpu;
using MoBA.Runtime.Cuda;
using MoBA.Runtime.Portable;

namespace MoBA.Runtime.Tests;

/// <summary>An expert that is only its predicate and score: enough for the oracle, which asks for no more.</summary>
internal sealed class PredicateExpert(Func<int, int, int, bool> attends, Func<float, int, int, int, int, float>? score = null) : ISparseExpert
{
    public ExpertInfo Info { get; } = new()
    {
        Name = "Predicate",
        Summary = "",
        Predicate = "attends(q, k, head)",
        ScoreModifier = score is null ? null : "score(...)",
        Parameters = [],
        Causal = Proof.None,
        AttendsItself = Proof.None,
        Dense = Proof.None,
        DependsOnHead = true,
        TokenLimit = int.MaxValue,
        MaxKeyRanges = 1,
        Picture = "",
    };

    public BlockGate? Gate { get; init; }

    /// <summary>What is attended besides the routed blocks.</summary>
    public Func<int, int, bool> Besides { get; init; } = static (_, _) => false;

    public bool Always(int q, int k, int head) => Besides(q, k);

    public bool Attends(int q, int k, int head) => attends(q, k, head);

    public float Score(float value, int q, int k, int head, int heads) => score is null ? value : score(value, q, k, head, heads);

    public CpuKernel Bind(in AttentionExtent extent) => throw new NotSupportedException();

    public void LaunchPortable(PortableLaunch launch) => throw new NotSupportedException();

    public void LaunchCuda(CudaLaunch launch) => throw new NotSupportedException();

    public IReadOnlyDictionary<string, object?> ParameterValues => new Dictionary<string, object?>();

    public ISparseExpert With(IReadOnlyDictionary<string, object> parameters) => this;
}
