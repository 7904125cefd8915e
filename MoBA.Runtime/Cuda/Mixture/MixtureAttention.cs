namespace MoBA.Runtime.Cuda;

/// <summary>
/// Mixtures on tensor cores: a call's memory, and its passes in their order, all on one stream and without waiting for any. An expert without a
/// gate works on the list of its rows; one with a gate on all rows, as neighbours share its blocks, and those of others are not used.
/// </summary>
internal sealed class MixtureAttention(TensorCoreAttention attention, WorkspacePool pool)
{
    /// <summary>As <see cref="ICudaAttention.LaunchMixture"/>.</summary>
    public long Launch(CudaMixtureCall mixture, in CudaCall call, CudaStream stream, PassMarks? marks)
    {
        if (call.Extent is { } extent)
        {
            // Checks the parameters and tables against the positions, before anything runs.
            foreach (ISparseExpert expert in mixture.Experts)
                expert.Bind(extent);
        }

        // Where one expert alone works on all rows, the others overwrite theirs.
        int gated = mixture.Experts.Count(static e => e.Gate is not null);
        bool isMerged = mixture.Info.TopK > 1 || gated > 1 || (gated == 1 && call.Output.Pointer == call.Q.Pointer);
        bool byLse = isMerged && (mixture.Info.Combine == Combine.LogSumExp || mixture.Info.TopK == 1);
        CudaMixture given = Given(mixture, call, byLse);
        MixtureLayout layout = new(call, given, isMerged ? gated : -1, byLse);
        int heads = HeadsTogether(layout, mixture.Info.Name);
        DeviceBlock block = Rent(layout, ref heads, mixture.Info.Name, stream);
        try
        {
            (CudaMixture known, CudaRouting index) = layout.At(block.Pointer, heads, given);
            index.Blocks = attention.Data.Get<AttentionSequence, KeyBlock, int>(call.Sequences, mixture.Experts.Length, MixtureSchedule.Blocks, out _);
            Run run = new(attention, mixture, call, stream, marks, known, index);
            run.Route();
            if (call.Extent is null)
                run.WithoutKeys();
            else if (isMerged)
                run.Merged(heads);
            else
                run.Direct();
            return block.Bytes;
        }
        finally
        {
            pool.GiveBack(block, stream);
        }
    }

    // What is known before there is memory.
    private CudaMixture Given(CudaMixtureCall mixture, in CudaCall call, bool byLse)
    {
        byte[] hasPlane = [.. mixture.Experts.Select(static e => e.Gate is null ? (byte)0 : (byte)1)];
        CudaMixture given = new()
        {
            Logits = mixture.Logits,
            Chosen = mixture.Routes,
            Shares = mixture.Weights,
            Entropy = mixture.Entropy,
            SequenceStarts = attention.Data.Get<AttentionSequence, int, int>(call.Sequences, 0, MixtureSchedule.Starts, out _),
            PlaneOf = attention.Data.Get<byte, int, int>(hasPlane, 0, MixtureSchedule.Planes, out _),
            Sequences = call.Sequences.Length,
            BySequences = CudaDivisor.Of(call.Sequences.Length),
            Experts = mixture.Experts.Length,
            TopK = mixture.Info.TopK,
            SlotStride = (mixture.Info.TopK + 3) & ~3,
            QueryTokens = call.QueryTokens,
            LogSumExp = byLse ? 1 : 0,
        };
        if (mixture.Router is { } router)
        {
            given.Weights = attention.Data.Get(router.AllWeights, static content => content.Values);
            given.Bias = attention.Data.Get(router.AllBias, static content => content.Values);
        }

        return given;
    }

    private int HeadsTogether(in MixtureLayout layout, string mixture)
    {
        if (pool.CallBytes is not { } limit)
            return Math.Max(1, layout.HeadsWithin(attention.Context.Device.MemoryBytes / 4));
        int heads = layout.HeadsWithin(WorkspacePool.ClassWithin(limit));
        return heads > 0 ? heads : throw layout.TooSmall(mixture, limit);
    }

    // Where there is not as much memory, one head at a time.
    private DeviceBlock Rent(in MixtureLayout layout, ref int heads, string mixture, CudaStream stream)
    {
        string purpose = $"routes, lists and outputs of the experts of {mixture}";
        try
        {
            return pool.Rent(layout.Bytes(heads), purpose, stream);
        }
        catch (InsufficientMemoryException) when (heads > 1)
        {
            heads = 1;
            return pool.Rent(layout.Bytes(heads), purpose, stream);
        }
    }

    /// <summary>The passes of one call.</summary>
    private sealed class Run(
        TensorCoreAttention attention, CudaMixtureCall mixture, in CudaCall call, CudaStream stream, PassMarks? marks, CudaMixture known, CudaRouting index)
    {
        private readonly CudaCall _call = call;
        private readonly MixturePasses _passes = new(attention, call, stream);

        /// <summary>Passes "route" and "index".</summary>
        public void Route()
        {
            _passes.Route(known);
            marks?.End("route");
            if (_call.Extent is null)
                return;
            new GatedPasses(attention, _call, stream).Index(index);
            marks?.End("index");
        }

        /// <summary>Rows that see no key.</summary>
        public void WithoutKeys()
        {
            new AttentionLaunch(attention, _call, stream).Run<NoKeysPattern, int, int, int>(default, "no keys");
            _passes.Refuse(known);
            marks?.End("experts");
        }

        /// <summary>Rows are written where they belong, by one expert each.</summary>
        public void Direct()
        {
            ExpertRows rows = Rows();
            rows.LseRowStride = _call.QueryHeads;
            rows.LseHeadStride = 1;
            foreach (ISparseExpert expert in mixture.Experts.Where(static e => e.Gate is not null))
                attention.Launch(expert, _call, stream, null);
            Listed(_call, rows, _call.QueryHeads);
            _passes.Refuse(known);
            marks?.End("experts");
        }

        /// <summary>Rows of experts are merged, for so many heads at a time.</summary>
        public void Merged(int heads)
        {
            int plane = 0;
            foreach (ISparseExpert expert in mixture.Experts.Where(static e => e.Gate is not null))
                attention.Launch(expert, Plane(plane++), stream, null);
            marks?.End("experts");
            ExpertRows rows = Rows();
            rows.ToLists = 1;
            rows.LseRowStride = 1;
            rows.LseHeadStride = known.RowsPerHead;
            CudaCall lists = _call with { Output = new((nint)known.Partials, _call.Dim, (nint)known.RowsPerHead * _call.Dim), Lse = (nint)known.PartialLse };
            CudaMixture part = known;
            for (int first = 0; first < _call.QueryHeads; first += heads)
            {
                part.FirstHead = rows.FirstHead = first;
                Listed(lists, rows, heads);
                marks?.End("experts");
                _passes.Combine(part, heads);
                marks?.End("combine");
            }
        }

        private void Listed(in CudaCall lists, ExpertRows rows, int heads)
        {
            int sequences = _call.Sequences.Length;
            for (int id = 0; id < mixture.Experts.Length; id++)
            {
                if (mixture.Experts[id].Gate is not null)
                    continue;
                (rows.FirstBlock, rows.EndBlock) = (id * sequences, (id + 1) * sequences);
                mixture.Experts[id].LaunchCuda(new ListLaunch(attention.Data, new CallKernels(attention, lists, stream), rows, heads));
            }
        }

        private ExpertRows Rows() => new()
        {
            Items = index.Items,
            Lists = index.Lists,
            FirstItems = index.FirstItems,
            ItemsPerHead = index.ItemsPerHead,
            BlockCount = index.BlockCount,
        };

        private CudaCall Plane(int plane)
        {
            long rows = (long)_call.QueryTokens * _call.QueryHeads, first = plane * rows;
            return _call with
            {
                Output = new((nint)(known.Planes + (first * _call.Dim * sizeof(ushort))), (nint)_call.QueryHeads * _call.Dim, _call.Dim),
                Lse = (nint)(known.PlaneLse + (first * sizeof(float))),
            };
        }
    }

    /// <summary>Pass "experts" of one expert.</summary>
    private sealed class ListLaunch(DeviceData data, CallKernels kernels, ExpertRows rows, int heads) : TableLaunch(data)
    {
        public override void Run<TPattern, TRuns, TQuery, TKey>(TPattern pattern, string source) =>
            kernels.Experts<TPattern, TRuns, TQuery, TKey>(pattern, source, rows, heads);
    }
}
