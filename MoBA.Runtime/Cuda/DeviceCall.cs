namespace MoBA.Runtime.Cuda;

/// <summary>One call on device tensors: checked, ordered behind what its tensors wait for, and enqueued. The context is current.</summary>
internal readonly partial struct DeviceCall<T>
    where T : unmanaged
{
    private readonly CudaRuntime _runtime;
    private readonly DeviceTensor<T> _q;
    private readonly DeviceTensor<T> _k;
    private readonly DeviceTensor<T> _v;
    private readonly DeviceAttentionOptions _options;
    private readonly CudaStream _stream;
    private readonly AttentionSequence[] _sequences;
    private readonly ElementKind _kind;
    private readonly float _scale;

    /// <summary>Checks the arguments of a call.</summary>
    /// <exception cref="ArgumentException">Something does not fit.</exception>
    public DeviceCall(CudaRuntime runtime, DeviceTensor<T> q, DeviceTensor<T> k, DeviceTensor<T> v, DeviceAttentionOptions options)
    {
        (_runtime, _q, _k, _v, _options) = (runtime, q, k, v, options);
        _kind = DeviceTensorChecks.KindOf<T>();
        AttentionChecks.Shapes(q.Shape, k.Shape, v.Shape);
        _sequences = AttentionChecks.Sequences(options, (int)q.Shape[0], (int)k.Shape[0]);
        _scale = AttentionChecks.Scale(options, (int)q.Shape[2]);
        _stream = options.Stream ?? runtime.Stream;
        ObjectDisposedException.ThrowIf(_stream.IsDisposed, _stream);
    }

    /// <summary>Enqueues the call; its output goes to <paramref name="output"/>, or a new tensor where that is null.</summary>
    /// <exception cref="NotSupportedException">There is no kernel for the expert.</exception>
    public DeviceAttentionResult<T> Attend(ISparseExpert expert, DeviceTensor<T>? output)
    {
        if (_runtime.Attention.WhyNot(expert, _sequences) is { } reason)
            throw new NotSupportedException(reason);
        CudaRows q = Rows(_q, "q"), k = Rows(_k, "k"), v = Rows(_v, "v");
        CudaRows? given = output is null ? null : Given(output, q, k, v);
        DeviceTensor<T>? made = null;
        DeviceTensor<float>? lse = null;
        DeviceTensor<int>? routes = null;
        DeviceTensor<int>? overlap = null;
        long workspace = 0;
        try
        {
            made = output is null ? _runtime.Allocate<T>(_q.SharedShape, "the output", _stream) : null;
            lse = _options.ReturnLse ? _runtime.Allocate<float>([_q.Shape[0], _q.Shape[1]], "the log-sum-exp", _stream) : null;
            routes = _options.ReturnRoutes && expert.Gate is { } gate ? _runtime.Allocate<int>(RoutesShape(gate), "the routes", _stream) : null;
            overlap = _options.ReturnOverlap && expert.Gate is not null && _q.Shape[0] > 0
                ? _runtime.Allocate<int>([UnionVerdict.Length], "the overlap of routes", _stream)
                : null;
            if (_q.Shape[0] > 0)
            {
                CudaCall call = Call(q, k, v, given ?? Rows(made!, "output"), lse?.Pointer ?? 0, routes?.Pointer ?? 0) with { Overlap = overlap?.Pointer ?? 0 };
                workspace = _runtime.Attention.Launch(expert, call, _stream, _options.Marks);
            }

            return new()
            {
                Output = output ?? made!,
                Lse = lse,
                Routes = routes,
                Overlap = overlap is null ? null : new(overlap),
                WorkspaceBytes = workspace,
            };
        }
        catch (Exception e)
        {
            made?.Dispose();
            lse?.Dispose();
            routes?.Dispose();
            overlap?.Dispose();
            if (e is CudaException failure)
                throw failure.During($"{expert.Info.Name} on q {AttentionChecks.Text(_q.Shape)} and k {AttentionChecks.Text(_k.Shape)}");
            throw;
        }
    }

    private CudaCall Call(CudaRows q, CudaRows k, CudaRows v, CudaRows output, nint lse, nint routes) => new()
    {
        Kind = _kind,
        Q = q,
        K = k,
        V = v,
        Output = output,
        Lse = lse,
        QueryTokens = (int)_q.Shape[0],
        KeyTokens = (int)_k.Shape[0],
        QueryHeads = (int)_q.Shape[1],
        KeyHeads = (int)_k.Shape[1],
        Dim = (int)_q.Shape[2],
        Scale = _scale,
        Sequences = _sequences,
        Extent = AttentionChecks.Extent(_sequences, (int)_q.Shape[1]),
        Routes = routes,
        Path = _options.AttendPath,
    };

    private nint[] RoutesShape(BlockGate gate) => [_q.Shape[0], gate.RouteHeads((int)_q.Shape[1], (int)_k.Shape[1]), gate.TopK];

    // Where the kernel finds a tensor, once what it waits for is in the stream's order.
    private CudaRows Rows(DeviceTensor<T> tensor, string name)
    {
        CudaRows rows = DeviceTensorChecks.Rows(tensor, name, _runtime);
        if (_options.Strict)
            DeviceTensorChecks.Memory(tensor, name, _runtime);
        tensor.UseOn(_runtime, _stream);
        return rows;
    }

    private CudaRows Given(DeviceTensor<T> output, CudaRows q, CudaRows k, CudaRows v)
    {
        AttentionChecks.Output(output.Shape, output.Strides, _q.Shape);
        CudaRows rows = Rows(output, "output");
        MemoryOverlap.Check(View(q), View(k), View(v), View(rows), _q.Shape, _k.Shape, keysToo: false);
        return rows;
    }

    private unsafe TensorView View(CudaRows rows) => new((void*)rows.Pointer, _kind, rows.TokenStride, rows.HeadStride, 1);
}
