namespace MoBA.Runtime.Cuda;

/// <summary>Experts with a block gate on tensor cores: which way a call goes, its memory, and its passes in their order, all on one stream
/// and without waiting for any.</summary>
internal sealed class GatedAttention(TensorCoreAttention attention, WorkspacePool pool)
{
    /// <summary>As <see cref="ICudaAttention.WhyNot"/>.</summary>
    public static string? WhyNot(ISparseExpert expert, ReadOnlySpan<AttentionSequence> sequences)
    {
        if (expert.Gate is not { } gate)
            return null;
        GatedSchedule schedule = new(gate, sequences);
        return schedule.Slots <= GatedSchedule.MostSlots || schedule.WayOf(expert) != GatedWay.Routed
            ? null
            : $"{expert.Info.Name} sends queries to {schedule.Slots} past blocks, and kernels for tensor cores to {GatedSchedule.MostSlots} at most: set TopK to {GatedSchedule.MostSlots + 1} or less, or attend with it on host tensors, which the CPU engine takes.";
    }

    /// <summary>As <see cref="ICudaAttention.Launch"/>, of an expert with a gate; of <paramref name="rows"/> alone where it goes through the
    /// passes, and else of all.</summary>
    public long Launch(ISparseExpert expert, in CudaCall call, CudaStream stream, PassMarks? marks, GatedRows? rows = null)
    {
        BlockGate gate = expert.Gate!;
        GatedSchedule schedule = new(gate, call.Sequences);
        GatedPasses passes = new(attention, call, stream);
        if (call.Extent is { } extent)
        {
            // Checks the parameters and tables against the positions.
            expert.Bind(extent);
            expert.BindAlways(extent);
            if (schedule.WayOf(expert) == GatedWay.Routed)
                return Routed(expert, call, schedule, passes, stream, marks, rows);
            if (schedule.WayOf(expert) == GatedWay.OwnBlocks)
                expert.LaunchCuda(new GatedLaunch(expert, gate, call.QueryHeads, attention.Data, new OwnBlocksRun(new(attention, call, stream))));
            else
                expert.LaunchCuda(new AttentionLaunch(attention, call, stream));
        }
        else
        {
            new AttentionLaunch(attention, call, stream).Run<NoKeysPattern, int, int, int>(default, "no keys");
        }

        marks?.End("attend");
        if (call.Overlap != 0)
            attention.Tell(call.Overlap, AttendPath.Auto, stream);
        if (call.Routes != 0)
            Routes(passes, Known(call, gate), gate, marks);
        return 0;
    }

    private long Routed(ISparseExpert expert, in CudaCall call, in GatedSchedule schedule, GatedPasses passes, CudaStream stream, PassMarks? marks, GatedRows? rows)
    {
        BlockGate gate = expert.Gate!;
        using Workspace workspace = new(pool, stream, Layout(expert, call, schedule), $"routes, lists and partial outputs of {expert.Info.Name}'s block gate");
        CudaRouting routing = workspace.Routing;
        if (call.Lse != 0)
            routing.Lse = call.Lse;
        passes.Centroids(routing);
        marks?.End("centroids");
        passes.Gate(routing);
        marks?.End("gate");
        if (call.Routes != 0)
            Routes(passes, routing, gate, marks);
        rows?.Keep(routing);

        // Rows of a mixture's expert do not stand side by side.
        using UnionPath? union = rows is null ? UnionPath.Of(attention, pool, call, gate, routing, workspace.Bytes, stream) : null;
        AttendPath path = UnionPath.Wanted(expert, call, union);
        routing.Turn = Overlap(passes, routing, call, union, path, stream, marks);
        if (path != AttendPath.Union)
        {
            passes.Index(routing);
            marks?.End("index");
        }

        expert.LaunchCuda(new GatedLaunch(
            expert, gate, call.QueryHeads, attention.Data, new RoutedRun(new(attention, call with { Lse = (nint)routing.Lse }, stream), passes, routing, union, path, marks, rows)));
        return workspace.Bytes + (union?.Bytes ?? 0);
    }

    // Where the device has its choice of a path, if it has one.
    private long Overlap(GatedPasses passes, CudaRouting routing, in CudaCall call, UnionPath? union, AttendPath path, CudaStream stream, PassMarks? marks)
    {
        bool chooses = path == AttendPath.Auto || call.Overlap != 0;
        if (union is null)
        {
            if (call.Overlap != 0)
                attention.Tell(call.Overlap, AttendPath.Gathered, stream);
            return 0;
        }

        if (chooses || path == AttendPath.Union)
        {
            passes.Overlap(routing, union.Sets with { Wanted = (int)path }, chooses);
            marks?.End("overlap");
        }

        return path == AttendPath.Auto ? union.Sets.Verdict : 0;
    }

    private static void Routes(GatedPasses passes, in CudaRouting routing, BlockGate gate, PassMarks? marks)
    {
        passes.Routes(routing, gate.TopK);
        marks?.End("routes");
    }

    private GatedLayout Layout(ISparseExpert expert, in CudaCall call, in GatedSchedule schedule)
    {
        BlockGate gate = expert.Gate!;
        CudaRouting known = Known(call, gate);
        known.Blocks = attention.Data.Get<AttentionSequence, KeyBlock, int>(call.Sequences, gate.BlockSize, GatedSchedule.Blocks, out known.BlockCount);

        // A score modifier may depend on the head.
        bool sharesLists = !expert.Info.DependsOnHead && expert.Info.ScoreModifier is null;
        return GatedLayout.Of(call, gate.Pooling, schedule, known, sharesLists, pool.CallBytes, attention.Context.Device.MemoryBytes);
    }

    // What the gate's tiles and the routes of callers need.
    private CudaRouting Known(in CudaCall call, BlockGate gate)
    {
        CudaRouting routing = new()
        {
            BlockSize = gate.BlockSize,
            ByBlockSize = CudaDivisor.Of(gate.BlockSize),
            HeadsPerGate = gate.Scope == RouteScope.KeyGroup ? call.QueryHeads / call.KeyHeads : 1,
        };
        routing.Tiles = attention.Data.Get<AttentionSequence, QueryTile, int>(call.Sequences, gate.BlockSize, GatedSchedule.Tiles, out routing.GateTiles);
        return routing;
    }

    /// <summary>Memory by a layout, or where there is not as much, by the smallest one of the call; given back in the stream's order.</summary>
    private readonly ref struct Workspace
    {
        private readonly WorkspacePool _pool;
        private readonly CudaStream _stream;
        private readonly DeviceBlock _block;

        public Workspace(WorkspacePool pool, CudaStream stream, GatedLayout layout, string purpose)
        {
            (_pool, _stream) = (pool, stream);
            try
            {
                _block = pool.Rent(layout.Bytes, purpose, stream);
            }
            catch (InsufficientMemoryException) when (layout.Offsets.ListHeadsTogether > 1)
            {
                layout = layout.Least();
                _block = pool.Rent(layout.Bytes, purpose, stream);
            }

            Routing = layout.At(_block.Pointer);
        }

        public long Bytes => _block.Bytes;

        public CudaRouting Routing { get; }

        public void Dispose() => _pool.GiveBack(_block, _stream);
    }
}
