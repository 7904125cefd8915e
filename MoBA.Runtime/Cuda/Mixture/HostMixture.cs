namespace MoBA.Runtime.Cuda;

/// <summary>What a mixture's call on host tensors has on the device besides its tensors.</summary>
internal sealed unsafe class HostMixture : IDisposable
{
    private readonly CudaRuntime _runtime;
    private readonly MixtureCall _mixture;
    private readonly nint[] _slots;
    private readonly nint[] _logits;
    private readonly DeviceBlock?[] _blocks = new DeviceBlock?[4];

    /// <summary>Takes memory.</summary>
    /// <param name="runtime">The device's.</param>
    /// <param name="mixture">The call.</param>
    /// <param name="queryTokens">Query tokens.</param>
    /// <param name="queryHeads">Query heads.</param>
    /// <exception cref="InsufficientMemoryException">The device has not as much.</exception>
    public HostMixture(CudaRuntime runtime, MixtureCall mixture, nint queryTokens, nint queryHeads)
    {
        (_runtime, _mixture) = (runtime, mixture);
        _slots = [queryTokens, queryHeads, mixture.TopK];
        _logits = [queryTokens, queryHeads, mixture.Experts.Length];
        long rows = (long)queryTokens * queryHeads;
        try
        {
            using CurrentContext current = runtime.Context.Enter();
            _blocks[0] = runtime.Pool.Rent(rows * mixture.TopK * sizeof(int), "the routes", runtime.Stream);
            _blocks[1] = runtime.Pool.Rent(rows * mixture.TopK * sizeof(float), "the routes' weights", runtime.Stream);
            _blocks[2] = runtime.Pool.Rent(rows * sizeof(float), "the router's entropy", runtime.Stream);
            if (mixture.Logits != null)
                _blocks[3] = runtime.Pool.Rent(rows * mixture.Experts.Length * sizeof(float), "the logits", runtime.Stream);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>What the kernels are given.</summary>
    public CudaMixtureCall Device => new()
    {
        Info = _mixture.Mixture.Info,
        Experts = _mixture.Experts,
        Router = _mixture.Router,
        Logits = _blocks[3]?.Pointer ?? 0,
        Routes = _blocks[0]!.Pointer,
        Weights = _blocks[1]!.Pointer,
        Entropy = _blocks[2]!.Pointer,
    };

    /// <summary>Copies the caller's logits to the device, where there are any.</summary>
    public void Upload(CancellationToken cancellationToken)
    {
        if (_blocks[3] is { } block)
            _runtime.Staging.Upload(Side((nint)_mixture.Logits, _logits), Side(block.Pointer, _logits), sizeof(float), _runtime.Stream, cancellationToken);
    }

    /// <summary>Copies routes, weights and entropies back.</summary>
    /// <exception cref="ArgumentException">A logit is infinite or NaN; the message names the first.</exception>
    public void Download(CancellationToken cancellationToken)
    {
        Download(0, (nint)_mixture.Routes, _slots, cancellationToken);
        Download(1, (nint)_mixture.Weights, _slots, cancellationToken);
        Download(2, (nint)_mixture.Entropy, _slots.AsSpan(..2), cancellationToken);
        (long rows, int topK, nint heads) = ((long)_slots[0] * _slots[1], _mixture.TopK, _slots[1]);
        for (long row = 0; row < rows; row++)
        {
            int first = _mixture.Routes[row * topK];
            if (first < 0)
                throw MixtureChecks.BadLogit(_mixture.Router is not null, (int)(row / heads), (int)(row % heads), -1 - first, _mixture.Weights[row * topK]);
        }
    }

    /// <summary>Gives the memory back.</summary>
    public void Dispose()
    {
        foreach (DeviceBlock? block in _blocks)
        {
            if (block is not null)
                _runtime.Pool.GiveBack(block, _runtime.Stream);
        }
    }

    private void Download(int block, nint host, ReadOnlySpan<nint> lengths, CancellationToken cancellationToken) =>
        _runtime.Staging.Download(Side(_blocks[block]!.Pointer, lengths), Side(host, lengths), sizeof(int), _runtime.Stream, cancellationToken);

    private static StagedSide Side(nint pointer, ReadOnlySpan<nint> lengths) => new(pointer, new(lengths, StridedLayout.DenseStrides(lengths)));
}
