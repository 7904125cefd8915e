namespace MoBA.Runtime.Cuda;

/// <summary>The passes of one call of a mixture, once there is memory for them.</summary>
/// <param name="attention">The kernels.</param>
/// <param name="gates">Those of experts with a block gate.</param>
/// <param name="mixture">The mixture.</param>
/// <param name="ways">How each of its experts is attended with.</param>
/// <param name="call">What is attended.</param>
/// <param name="stream">Where.</param>
/// <param name="marks">Marks the end of every pass; null measures nothing.</param>
/// <param name="known">What kernels are told of the mixture.</param>
/// <param name="index">What those of pass "index" are.</param>
internal sealed class MixtureRun(
    TensorCoreAttention attention, GatedAttention gates, CudaMixtureCall mixture, GatedWay[] ways, in CudaCall call, CudaStream stream,
    PassMarks? marks, CudaMixture known, CudaRouting index)
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
        _passes.Index(index, Rows(isDirect: true), known);
        marks?.End("index");
    }

    /// <summary>Rows that see no key.</summary>
    public void WithoutKeys()
    {
        new AttentionLaunch(attention, _call, stream).Run<NoKeysPattern, int, int, int>(default, "no keys");
        _passes.Refuse(known);
        marks?.End("experts");
    }

    /// <summary>Rows are written where they belong, by one expert each. What an expert with a gate writes to rows of others, these overwrite.</summary>
    public void Direct()
    {
        Gated(_ => _call);
        ListedExperts(_call, Rows(isDirect: true));
        _passes.Refuse(known);
        marks?.End("experts");
    }

    /// <summary>Rows of experts are merged, for so many heads at a time.</summary>
    public void Merged(int heads)
    {
        Gated(Plane);
        ExpertRows rows = Rows(isDirect: false);
        CudaCall lists = _call with { Output = new((nint)known.Partials, _call.Dim, (nint)known.RowsPerHead * _call.Dim), Lse = (nint)known.PartialLse };
        CudaMixture part = known;
        for (int first = 0; first < _call.QueryHeads; first += heads)
        {
            part.FirstHead = rows.FirstHead = first;
            rows.Heads = heads;
            ListedExperts(lists, rows);
            marks?.End("experts");
            _passes.Combine(part, heads);
            marks?.End("combine");
        }
    }

    // Experts with passes of their own, each of which writes its rows to a call's output.
    private void Gated(Func<int, CudaCall> callOf)
    {
        ExpertRows rows = Rows(isDirect: true);
        int plane = 0;
        for (int id = 0; id < ways.Length; id++)
        {
            if (ways[id] != GatedWay.Routed)
                continue;
            GatedRows own = new(_passes, known, Of(rows, id), id);
            gates.Launch(mixture.Experts[id], callOf(plane++), stream, null, own);
        }
    }

    private void ListedExperts(in CudaCall lists, ExpertRows rows)
    {
        CallKernels kernels = new(attention, lists, stream);
        for (int id = 0; id < ways.Length; id++)
        {
            if (ways[id] == GatedWay.Routed)
                continue;
            ISparseExpert expert = mixture.Experts[id];
            ListRun run = new(attention.Data, kernels, Of(rows, id));
            expert.LaunchCuda(ways[id] == GatedWay.OwnBlocks ? new GatedLaunch(expert, expert.Gate!, lists.QueryHeads, attention.Data, run) : run);
        }
    }

    private ExpertRows Rows(bool isDirect) => new()
    {
        Items = index.Items,
        Lists = index.Lists,
        Order = known.Order,
        Begins = known.Begins,
        ItemsPerHead = index.ItemsPerHead,
        Heads = _call.QueryHeads,
        ToLists = isDirect ? 0 : 1,
        LseRowStride = isDirect ? _call.QueryHeads : 1,
        LseHeadStride = isDirect ? 1 : known.RowsPerHead,
    };

    private ExpertRows Of(ExpertRows rows, int expert)
    {
        rows.Expert = expert * _call.QueryHeads;
        return rows;
    }

    private CudaCall Plane(int plane)
    {
        long first = (long)plane * _call.QueryTokens * _call.QueryHeads;
        return _call with
        {
            Output = new((nint)(known.Planes + (first * _call.Dim * sizeof(ushort))), (nint)_call.QueryHeads * _call.Dim, _call.Dim),
            Lse = (nint)(known.PlaneLse + (first * sizeof(float))),
        };
    }

    /// <summary>Pass "experts" of one expert: its pattern, or what its gate makes of it for own blocks.</summary>
    private sealed class ListRun(DeviceData data, CallKernels kernels, ExpertRows rows) : TableLaunch(data), IGatedRun
    {
        public override void Run<TPattern, TRuns, TQuery, TKey>(TPattern pattern, string source) =>
            kernels.Experts<TPattern, TRuns, TQuery, TKey>(pattern, source, rows);

        public void Run<TOwn, TOwnRuns, TOwnQuery, TOwnKey, TRouted, TRoutedRuns, TRoutedQuery, TRoutedKey>(TOwn own, TRouted routed, string source)
            where TOwn : unmanaged, ICudaPattern<TOwnRuns, TOwnQuery, TOwnKey>
            where TOwnRuns : unmanaged
            where TOwnQuery : unmanaged
            where TOwnKey : unmanaged
            where TRouted : unmanaged, ICudaPattern<TRoutedRuns, TRoutedQuery, TRoutedKey>
            where TRoutedRuns : unmanaged
            where TRoutedQuery : unmanaged
            where TRoutedKey : unmanaged => kernels.Experts<TOwn, TOwnRuns, TOwnQuery, TOwnKey>(own, source, rows);
    }
}
