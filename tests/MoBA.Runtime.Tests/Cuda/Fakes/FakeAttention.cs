using MoBA.Runtime.Cpu;
using MoBA.Runtime.Cuda;

namespace MoBA.Runtime.Tests.Cuda;

/// <summary>Attention as the CPU engine computes it, on the fake device's memory, when the stream comes to it.</summary>
internal sealed unsafe class FakeAttention(FakeCudaDriver driver) : ICudaAttention
{
    private readonly CpuBackend _cpu = new();

    public string Description => "fake kernels";

    /// <summary>The last call.</summary>
    public CudaCall Call { get; private set; }

    /// <summary>What a launch returns.</summary>
    public CudaStatus Status { get; set; }

    /// <summary>The device's context.</summary>
    public CudaDeviceContext? Context { get; set; }

    public string? WhyNot(ISparseExpert expert, ReadOnlySpan<AttentionSequence> sequences) => expert is Nothing ? "Nothing has no kernel." : null;

    public long Launch(ISparseExpert expert, in CudaCall call, CudaStream stream, PassMarks? marks)
    {
        Call = call;
        Context!.Check(Status, "cuLaunchKernel of Fake");
        driver.CtxGetCurrent(out nint context);
        if (context != Context.Primary.Handle)
            throw new InvalidOperationException("The context is not current.");
        AttentionProblem problem = Problem(call);
        Context.Check(driver.Enqueue(stream.Handle, () => _cpu.Attend(expert, problem, new PassClock(), default)), "launch");
        if (expert.Gate is not null)
            marks?.End("fake");
        return expert.Gate is null ? 0 : 12345;
    }

    public long LaunchMixture(CudaMixtureCall mixture, in CudaCall call, CudaStream stream, PassMarks? marks)
    {
        Call = call;
        Context!.Check(Status, "cuLaunchKernel of Fake");
        AttentionProblem problem = Problem(call);
        int rows = call.QueryTokens * call.QueryHeads, slots = rows * mixture.Info.TopK;
        Context.Check(driver.Enqueue(stream.Handle, () =>
        {
            int[] routes = GC.AllocateArray<int>(slots, pinned: true);
            float[] numbers = GC.AllocateArray<float>(slots + rows, pinned: true);
            fixed (int* chosen = routes)
            fixed (float* weights = numbers)
            {
                _cpu.AttendMixture(
                    new()
                    {
                        Mixture = new Mixture(mixture.Info),
                        Experts = mixture.Experts,
                        Router = mixture.Router,
                        Logits = (float*)mixture.Logits,
                        Routes = mixture.Routes != 0 ? (int*)mixture.Routes : chosen,
                        Weights = mixture.Weights != 0 ? (float*)mixture.Weights : weights,
                        Entropy = mixture.Entropy != 0 ? (float*)mixture.Entropy : weights + slots,
                    },
                    problem, new PassClock(), default);
            }
        }), "launch");
        marks?.End("fake");
        return 12345;
    }

    public void Dispose() => _cpu.Dispose();

    private static AttentionProblem Problem(in CudaCall call) => new()
    {
        Q = View(call.Q, call.Kind),
        K = View(call.K, call.Kind),
        V = View(call.V, call.Kind),
        Output = View(call.Output, call.Kind),
        Lse = (float*)call.Lse,
        Routes = (int*)call.Routes,
        QueryHeads = call.QueryHeads,
        KeyHeads = call.KeyHeads,
        Dim = call.Dim,
        Scale = call.Scale,
        Sequences = call.Sequences,
        Extent = call.Extent,
    };

    private static TensorView View(CudaRows rows, ElementKind kind) => new((void*)rows.Pointer, kind, rows.TokenStride, rows.HeadStride, 1);

    private sealed class Mixture(MixtureInfo info) : IExpertMixture
    {
        public MixtureInfo Info => info;

        public IReadOnlyDictionary<string, object?> ParameterValues => new Dictionary<string, object?>();

        public IExpertMixture With(IReadOnlyDictionary<string, object> parameters) => this;
    }
}
