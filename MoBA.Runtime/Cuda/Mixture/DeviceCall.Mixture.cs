namespace MoBA.Runtime.Cuda;

// Mixtures.
internal readonly partial struct DeviceCall<T>
{
    /// <summary>Enqueues a mixture's call; its output goes to <paramref name="output"/>, or a new tensor where that is null.</summary>
    /// <param name="mixture">The mixture.</param>
    /// <param name="router">Its router, or null where there are logits.</param>
    /// <param name="logits">Logits, or null where there is a router.</param>
    /// <param name="output">Where the output goes.</param>
    /// <exception cref="ArgumentException">The router or the logits do not fit.</exception>
    /// <exception cref="NotSupportedException">There is no kernel for an expert.</exception>
    public DeviceAttentionResult<T> Attend(IExpertMixture mixture, Router? router, DeviceTensor<float>? logits, DeviceTensor<T>? output)
    {
        MixtureInfo info = mixture.Info;
        MixtureChecks.Check(info, router, logits is null ? [] : logits.Shape, _q.Shape, _options);
        ISparseExpert[] experts = [.. info.Experts.Select(e => e.Select(mixture))];
        foreach (ISparseExpert expert in experts)
        {
            if (_runtime.Attention.WhyNot(expert, _sequences) is { } reason)
                throw new NotSupportedException(reason);
        }

        CudaRows q = Rows(_q, "q"), k = Rows(_k, "k"), v = Rows(_v, "v");
        CudaRows? given = output is null ? null : Given(output, q, k, v);
        CudaMixtureCall call = new() { Info = info, Experts = experts, Router = router, Logits = logits is null ? 0 : Logits(logits) };
        List<IDisposable> made = [];
        try
        {
            nint[] slots = [_q.Shape[0], _q.Shape[1], info.TopK];
            DeviceAttentionResult<T> result = new()
            {
                Output = output ?? Made(_runtime.Allocate<T>(_q.SharedShape, "the output", _stream)),
                Lse = _options.ReturnLse ? Made(_runtime.Allocate<float>(slots[..2], "the log-sum-exp", _stream)) : null,
                Routes = _options.ReturnRoutes ? Made(_runtime.Allocate<int>(slots, "the routes", _stream)) : null,
                RouteWeights = _options.ReturnRoutes ? Made(_runtime.Allocate<float>(slots, "the routes' weights", _stream)) : null,
                RouterEntropy = _options.ReturnRoutes ? Made(_runtime.Allocate<float>(slots[..2], "the router's entropy", _stream)) : null,
                Mixture = info,
            };
            if (_q.Shape[0] == 0)
                return result;
            call = call with { Routes = result.Routes?.Pointer ?? 0, Weights = result.RouteWeights?.Pointer ?? 0, Entropy = result.RouterEntropy?.Pointer ?? 0 };
            CudaCall tensors = Call(q, k, v, given ?? Rows(result.Output, "output"), result.Lse?.Pointer ?? 0, 0);
            return result with { WorkspaceBytes = _runtime.Attention.LaunchMixture(call, tensors, _stream, _options.Marks) };
        }
        catch (Exception e)
        {
            foreach (IDisposable tensor in made)
                tensor.Dispose();
            if (e is CudaException failure)
                throw failure.During($"{info.Name} on q {AttentionChecks.Text(_q.Shape)} and k {AttentionChecks.Text(_k.Shape)}");
            throw;
        }

        TTensor Made<TTensor>(TTensor tensor)
            where TTensor : IDisposable
        {
            made.Add(tensor);
            return tensor;
        }
    }

    private nint Logits(DeviceTensor<float> logits)
    {
        if (logits.Runtime is { } other && other.Context.Device.Ordinal != _runtime.Context.Device.Ordinal)
            throw new ArgumentException($"logits is on device {other.Context.Device.Ordinal} and the engine on device {_runtime.Context.Device.Ordinal}: copy it there.", nameof(logits));
        if (logits.Pointer % sizeof(float) != 0 || !logits.Strides.SequenceEqual(StridedLayout.DenseStrides(logits.Shape)))
            throw new ArgumentException($"logits has the strides {AttentionChecks.Text(logits.Strides)} and starts at 0x{logits.Pointer:x}: it must be dense, {AttentionChecks.Text(StridedLayout.DenseStrides(logits.Shape))}, and start at a multiple of {sizeof(float)} bytes.", nameof(logits));
        logits.UseOn(_runtime, _stream);
        return logits.Pointer;
    }
}
