using MoBA.Runtime.Cpu;
using MoBA.Runtime.Cuda;
using MoBA.Runtime.Portable;

namespace MoBA.Runtime.Tests.Portable;

/// <summary>An expert that is a portable kernel and the predicate that it stands for.</summary>
internal sealed class SampleExpert(
    Action<PortableLaunch> launch, Func<int, int, int, bool> attends, Func<double, int, int, int, double>? score = null) : ISparseExpert
{
    public ExpertInfo Info { get; } = new()
    {
        Name = "Sample",
        Summary = "",
        Predicate = "",
        Parameters = [],
        Causal = Proof.None,
        AttendsItself = Proof.None,
        Dense = Proof.None,
        DependsOnHead = true,
        TokenLimit = int.MaxValue,
        MaxKeyRanges = 2,
        Picture = "",
    };

    /// <summary>What <see cref="Bind"/> throws, if anything.</summary>
    public ArgumentException? Refusal { get; init; }

    public bool Attends(int q, int k, int head) => attends(q, k, head);

    public float Score(float value, int q, int k, int head, int heads) => score is null ? value : (float)score(value, q, k, head);

    public CpuKernel Bind(in AttentionExtent extent) => Refusal is null ? null! : throw Refusal;

    public void LaunchPortable(PortableLaunch portable) => launch(portable);

    public void LaunchCuda(CudaLaunch cuda) => throw new NotSupportedException();

    public IReadOnlyDictionary<string, object?> ParameterValues => new Dictionary<string, object?>();

    public ISparseExpert With(IReadOnlyDictionary<string, object> parameters) => this;
}
