namespace MoBA.Runtime.Portable;

/// <summary>
/// Attention on one ILGPU device, one call at a time. Pass "upload" copies the tensors to the device as float, pass "attend" runs
/// the expert's portable kernel for every sequence, pass "download" copies the results back.
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
        if (problem.Extent is { } extent)
            expert.Bind(extent);        // only for its checks: the parameters and tables fit the positions

        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_disposed, typeof(AttentionEngine));
            using PortableCall call = new(device, problem, cancellationToken);
            clock.End("upload");
            if (problem.Extent is not null)
                expert.LaunchPortable(call);
            clock.End("attend");
            call.Download();
            clock.End("download");
        }
    }

    /// <inheritdoc/>
    public override void AttendMixture(MixtureCall mixture, AttentionProblem problem, PassClock clock, CancellationToken cancellationToken) =>
        throw new NotImplementedException();

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
