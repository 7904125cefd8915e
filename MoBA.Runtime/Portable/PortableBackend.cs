namespace MoBA.Runtime.Portable;

/// <summary>
/// Attention on one ILGPU device, one call at a time. Pass "upload" copies the tensors to the device as float, pass "attend" runs
/// the expert's portable kernel for every sequence, pass "download" copies the results back. An expert with a block gate has
/// passes "centroids", "gate" and "index" before it and "combine" after it; a mixture has passes "route" and "index" before its
/// experts and "combine" after them.
/// </summary>
internal sealed class PortableBackend(PortableDevice device) : AttentionBackend
{
    private readonly Lock _gate = new();
    private bool _disposed;

    /// <summary>The best device there is.</summary>
    public PortableBackend()
        : this(PortableDevice.Best())
    {
    }

    /// <inheritdoc/>
    public override Target Target => Target.Portable;

    /// <inheritdoc/>
    public override string Description => device.IsGpu
        ? $"Portable: {device.Accelerator.Name}"
        : "Portable: ILGPU's CPU accelerator (no CUDA or OpenCL device was found)";

    /// <inheritdoc/>
    public override void Attend(ISparseExpert expert, AttentionProblem problem, PassClock clock, CancellationToken cancellationToken)
    {
        Check(expert, problem);
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_disposed, typeof(AttentionEngine));
            using PortableCall call = new(device, problem, cancellationToken);
            clock.End("upload");
            if (expert.Gate is { } gate)
                RouteRows.Clear(problem, gate);
            if (problem.Extent is not null)
                Attend(call, expert, problem, clock);
            clock.End("attend");
            call.Download();
            clock.End("download");
        }
    }

    /// <inheritdoc/>
    public override void AttendMixture(MixtureCall mixture, AttentionProblem problem, PassClock clock, CancellationToken cancellationToken)
    {
        foreach (ISparseExpert expert in mixture.Experts)
            Check(expert, problem);
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_disposed, typeof(AttentionEngine));
            using PortableCall call = new(device, problem, cancellationToken);
            clock.End("upload");
            new PortableMixture(call, mixture, problem, clock).Attend();
            call.Download();
            clock.End("download");
        }
    }

    // Only for the checks of the expert: the parameters and tables fit the positions.
    private static void Check(ISparseExpert expert, AttentionProblem problem)
    {
        if (problem.Extent is not { } extent)
            return;
        expert.Bind(extent);
        expert.BindAlways(extent);
    }

    private static void Attend(PortableCall call, ISparseExpert expert, AttentionProblem problem, PassClock clock)
    {
        GatedExpert? gated = expert.Gate is null ? null : new(call, problem, expert, clock, new(call));
        PortableKernel? kernel = gated is null ? PortableKernel.Of(call, expert.LaunchPortable) : null;
        foreach (AttentionSequence sequence in problem.Sequences)
        {
            if (sequence.Queries == 0 || sequence.Keys == 0)
                continue;
            call.Cancellation.ThrowIfCancellationRequested();
            gated?.Attend(sequence);
            kernel?.Launch(sequence.Queries, problem.QueryHeads, call.Sequence(sequence));
        }

        call.Wait();
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        lock (_gate)
        {
            if (!_disposed)
                device.Dispose();
            _disposed = true;
        }
    }
}
