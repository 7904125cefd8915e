namespace MoBA.Runtime.Cuda;

/// <summary>One call on host tensors: its dense copies on the device.</summary>
internal sealed unsafe class HostCall : IDisposable
{
    private readonly CudaRuntime _runtime;
    private readonly AttentionProblem _problem;
    private readonly nint[] _queries;
    private readonly nint[] _keys;
    private readonly int _bytes;
    private readonly DeviceBlock?[] _blocks = new DeviceBlock?[7];
    private readonly nint[] _routes;

    /// <summary>Takes memory for the tensors of a call.</summary>
    /// <param name="runtime">The device's.</param>
    /// <param name="problem">The call.</param>
    /// <param name="gate">The expert's block gate, or null.</param>
    /// <exception cref="InsufficientMemoryException">The device has not as much.</exception>
    public HostCall(CudaRuntime runtime, AttentionProblem problem, BlockGate? gate)
    {
        (_runtime, _problem) = (runtime, problem);
        AttentionSequence last = problem.Sequences[^1];
        _queries = [last.FirstQueryToken + last.Queries, problem.QueryHeads, problem.Dim];
        _keys = [last.FirstKeyToken + last.Keys, problem.KeyHeads, problem.Dim];
        _routes = problem.Routes == null || gate is null ? [] : [_queries[0], gate.RouteHeads(problem.QueryHeads, problem.KeyHeads), gate.TopK];
        _bytes = problem.Q.Kind == ElementKind.Single ? sizeof(float) : sizeof(ushort);
        long queryBytes = (long)_queries[0] * _queries[1] * _queries[2] * _bytes, keyBytes = (long)_keys[0] * _keys[1] * _keys[2] * _bytes;
        try
        {
            using CurrentContext current = runtime.Context.Enter();
            _blocks[0] = runtime.Pool.Rent(queryBytes, "q", runtime.Stream);
            _blocks[1] = runtime.Pool.Rent(keyBytes, "k", runtime.Stream);
            _blocks[2] = runtime.Pool.Rent(keyBytes, "v", runtime.Stream);
            _blocks[3] = runtime.Pool.Rent(queryBytes, "the output", runtime.Stream);
            if (problem.Lse != null)
                _blocks[4] = runtime.Pool.Rent((long)_queries[0] * _queries[1] * sizeof(float), "the log-sum-exp", runtime.Stream);
            if (_routes.Length > 0)
                _blocks[5] = runtime.Pool.Rent((long)_routes[0] * _routes[1] * _routes[2] * sizeof(int), "the routes", runtime.Stream);
            if (problem.Overlap != null && gate is not null)
                _blocks[6] = runtime.Pool.Rent(UnionVerdict.Length * sizeof(int), "the overlap of routes", runtime.Stream);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Copies q, k and v to the device.</summary>
    public void Upload(CancellationToken cancellationToken)
    {
        Upload(_problem.Q, _queries, 0, cancellationToken);
        Upload(_problem.K, _keys, 1, cancellationToken);
        Upload(_problem.V, _keys, 2, cancellationToken);
        _runtime.Stream.Synchronize();
    }

    /// <summary>Query tokens.</summary>
    public nint QueryTokens => _queries[0];

    /// <summary>Runs the kernels of an expert and waits for them.</summary>
    /// <returns>The passes, and what part of the time was each one's.</returns>
    public IReadOnlyList<(string Pass, long Part)> Attend(ISparseExpert expert) =>
        Run(expert.Gate is not null, marks => _runtime.Attention.Launch(expert, Device, _runtime.Stream, marks));

    /// <summary>Runs the kernels of a mixture and waits for them.</summary>
    /// <returns>The passes, and what part of the time was each one's.</returns>
    public IReadOnlyList<(string Pass, long Part)> Attend(CudaMixtureCall mixture) =>
        Run(true, marks => _runtime.Attention.LaunchMixture(mixture, Device, _runtime.Stream, marks));

    private IReadOnlyList<(string Pass, long Part)> Run(bool hasPasses, Action<PassMarks?> launch)
    {
        using CurrentContext current = _runtime.Context.Enter();
        using PassMarks? marks = hasPasses ? new(_runtime.Context, _runtime.Stream) : null;
        launch(marks);
        _runtime.Stream.Synchronize();
        return marks?.Times() is { Count: > 0 } times ? times : [("attend", 1)];
    }

    private CudaCall Device => new()
    {
        Kind = _problem.Q.Kind,
        Q = Rows(0, _queries),
        K = Rows(1, _keys),
        V = Rows(2, _keys),
        Output = Rows(3, _queries),
        Lse = _blocks[4]?.Pointer ?? 0,
        QueryTokens = (int)_queries[0],
        KeyTokens = (int)_keys[0],
        QueryHeads = _problem.QueryHeads,
        KeyHeads = _problem.KeyHeads,
        Dim = _problem.Dim,
        Scale = _problem.Scale,
        Sequences = _problem.Sequences,
        Extent = _problem.Extent,
        Routes = _blocks[5]?.Pointer ?? 0,
        Path = _problem.Path,
        Overlap = _blocks[6]?.Pointer ?? 0,
    };

    /// <summary>Copies the output, and the log-sum-exp and routes that were asked for, back.</summary>
    public void Download(CancellationToken cancellationToken)
    {
        _runtime.Staging.Download(Dense(3, _queries), Host(_problem.Output, _queries), _bytes, _runtime.Stream, cancellationToken);
        if (_blocks[4] is not null)
            DownloadDense(4, _queries.AsSpan(..2), (nint)_problem.Lse, sizeof(float), cancellationToken);
        if (_blocks[5] is not null)
            DownloadDense(5, _routes, (nint)_problem.Routes, sizeof(int), cancellationToken);
        if (_blocks[6] is not null)
            DownloadDense(6, [UnionVerdict.Length], (nint)_problem.Overlap, sizeof(int), cancellationToken);
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

    private void DownloadDense(int block, ReadOnlySpan<nint> lengths, nint host, int bytes, CancellationToken cancellationToken) =>
        _runtime.Staging.Download(Dense(block, lengths), new(host, new(lengths, StridedLayout.DenseStrides(lengths))), bytes, _runtime.Stream, cancellationToken);

    private void Upload(in TensorView view, nint[] lengths, int block, CancellationToken cancellationToken) =>
        _runtime.Staging.Upload(Host(view, lengths), Dense(block, lengths), _bytes, _runtime.Stream, cancellationToken);

    private static StagedSide Host(in TensorView view, ReadOnlySpan<nint> lengths) =>
        new((nint)view.Data, new(lengths, [view.TokenStride, view.HeadStride, view.DimStride]));

    private StagedSide Dense(int block, ReadOnlySpan<nint> lengths) => new(_blocks[block]!.Pointer, new(lengths, StridedLayout.DenseStrides(lengths)));

    private CudaRows Rows(int block, nint[] lengths) => new(_blocks[block]!.Pointer, lengths[1] * lengths[2], lengths[2]);
}
