using System.Globalization;

namespace MoBA.Runtime.Cuda;

/// <summary>
/// Tensor-core attention on an NVIDIA device, for host tensors: pass "upload" copies q, k and v to the device, pass "attend" runs
/// the expert's kernel, or with a block gate or a mixture several passes theirs, and pass "download" copies the results back. What the kernels do not run, the CPU engine does.
/// </summary>
internal sealed class CudaBackend(CudaRuntime runtime, AttentionBackend cpu) : AttentionBackend
{
    /// <summary>What the engine has on the device.</summary>
    public CudaRuntime Runtime => runtime;

    /// <inheritdoc/>
    public override Target Target => Target.Cuda;

    /// <inheritdoc/>
    public override string Description
    {
        get
        {
            CudaDevice device = runtime.Context.Device;
            return string.Create(
                CultureInfo.InvariantCulture,
                $"CUDA: {device.Name} (compute capability {device.Capability}, {device.Multiprocessors} multiprocessors, {device.MemoryBytes / (double)(1 << 30):N0} GiB), {runtime.Attention.Description}; float tensors run on {cpu.Description}");
        }
    }

    /// <inheritdoc/>
    public override void Attend(ISparseExpert expert, AttentionProblem problem, PassClock clock, CancellationToken cancellationToken)
    {
        runtime.Context.ThrowIfUnusable();
        if (problem.Q.Kind == ElementKind.Single || runtime.Attention.WhyNot(expert, problem.Sequences) is not null)
        {
            cpu.Attend(expert, problem, clock, cancellationToken);
            return;
        }

        OnDevice(expert.Info.Name, problem, () =>
        {
            using HostCall call = new(runtime, problem, expert.Gate);
            call.Upload(cancellationToken);
            clock.End("upload");
            clock.End(call.Attend(expert));
            call.Download(cancellationToken);
            clock.End("download");
        });
    }

    /// <inheritdoc/>
    public override void AttendMixture(MixtureCall mixture, AttentionProblem problem, PassClock clock, CancellationToken cancellationToken)
    {
        runtime.Context.ThrowIfUnusable();
        if (problem.Q.Kind == ElementKind.Single || mixture.Experts.Any(e => runtime.Attention.WhyNot(e, problem.Sequences) is not null))
        {
            cpu.AttendMixture(mixture, problem, clock, cancellationToken);
            return;
        }

        OnDevice(mixture.Mixture.Info.Name, problem, () =>
        {
            using HostCall call = new(runtime, problem, null);
            using HostMixture routed = new(runtime, mixture, call.QueryTokens, problem.QueryHeads);
            routed.Upload(cancellationToken);
            call.Upload(cancellationToken);
            clock.End("upload");
            clock.End(call.Attend(routed.Device));
            routed.Download(cancellationToken);
            call.Download(cancellationToken);
            clock.End("download");
        });
    }

    private static void OnDevice(string name, AttentionProblem problem, Action attend)
    {
        try
        {
            attend();
        }
        catch (CudaException e)
        {
            throw e.During($"{name} with {problem.QueryHeads} query heads, {problem.KeyHeads} key heads, dim {problem.Dim} and {problem.Sequences.Sum(static s => (long)s.Queries)} query tokens");
        }
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        runtime.Dispose();
        cpu.Dispose();
    }
}
