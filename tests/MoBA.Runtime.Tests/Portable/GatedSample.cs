using MoBA.Runtime.Cpu;
using MoBA.Runtime.Cuda;
using MoBA.Runtime.Portable;
using MoBA.Runtime.Tests.Portable.Samples;

namespace MoBA.Runtime.Tests.Portable;

/// <summary>An expert that is portable kernels, a block gate, and the predicates that they stand for.</summary>
internal sealed class GatedSample(BlockGate? gate, Action<PortableLaunch> launch, Func<int, int, int, bool> attends) : ISparseExpert
{
    /// <summary>The kernel of what is attended whatever the gate chose, if there is one.</summary>
    public Action<PortableLaunch>? LaunchAlways { get; init; }

    /// <summary>What that kernel stands for, <see cref="Attends"/> included.</summary>
    public Func<int, int, int, bool> AlwaysAttends { get; init; } = (_, _, _) => false;

    /// <summary>The score modifier.</summary>
    public Func<float, int, int, int, int, float> Modify { get; init; } = (score, _, _, _, _) => score;

    public BlockGate? Gate => gate;

    public ExpertInfo Info { get; } = new()
    {
        Name = "GatedSample",
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
        Gate = gate,
    };

    public static GatedSample Causal(BlockGate? gate) => Window(gate, int.MaxValue, 0);

    public static GatedSample Window(BlockGate? gate, int window, int sinks) => new(
        gate,
        launch => launch.Run(SinkWindowKernel.Attend, new SinkWindowKernel.Parameters { Window = window, Sinks = sinks }),
        (q, k, _) => q >= k && (q - k < window || k < sinks));

    /// <summary>Causal; a window and the first keys always.</summary>
    public static GatedSample CausalAlways(BlockGate? gate, int window, int sinks) => new(
        gate,
        launch => launch.Run(SinkWindowKernel.Attend, new SinkWindowKernel.Parameters { Window = int.MaxValue, Sinks = 0 }),
        (q, k, _) => q >= k)
    {
        LaunchAlways = launch => launch.Run(SinkWindowKernel.Attend, new SinkWindowKernel.Parameters { Window = window, Sinks = sinks }),
        AlwaysAttends = (q, k, _) => q >= k && (q - k < window || k < sinks),
    };

    public static GatedSample Everything(BlockGate? gate) => new(
        gate,
        launch => launch.Run(EverythingKernel.Attend, default(EverythingKernel.Parameters)),
        (_, _, _) => true);

    public static GatedSample Alibi(BlockGate? gate) => new(
        gate,
        launch => launch.Run(AlibiCausalKernel.Attend, new AlibiCausalKernel.Parameters { MaxBias = 8f }),
        (q, k, _) => q >= k)
    {
        Modify = (score, q, k, head, heads) => score - (float.Exp2(-8f * (head + 1) / heads) * (q - k)),
    };

    public bool Attends(int q, int k, int head) => attends(q, k, head);

    public bool Always(int q, int k, int head) => AlwaysAttends(q, k, head);

    public float Score(float score, int q, int k, int head, int heads) => Modify(score, q, k, head, heads);

    public CpuKernel Bind(in AttentionExtent extent) => null!;

    public void LaunchPortable(PortableLaunch portable) => launch(portable);

    public void LaunchCuda(CudaLaunch cuda) => throw new NotSupportedException();

    public void LaunchPortableAlways(PortableLaunch portable) => LaunchAlways?.Invoke(portable);

    public IReadOnlyDictionary<string, object?> ParameterValues => new Dictionary<string, object?>();

    public ISparseExpert With(IReadOnlyDictionary<string, object> parameters) => this;
}
