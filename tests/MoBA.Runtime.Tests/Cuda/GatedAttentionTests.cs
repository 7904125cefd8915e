using System.Runtime.InteropServices;
using MoBA.Runtime.Cuda;
using MoBA.Runtime.Tests.Cuda.Emulation;
using Xunit;

namespace MoBA.Runtime.Tests.Cuda;

/// <summary>Calls of experts with a gate: which kernels are launched, in what order, over how many blocks and with which numbers.</summary>
public sealed class GatedAttentionTests : IDisposable
{
    private static readonly KernelStore _store = new(new KernelCache(null, 0));

    private FakeDevice _device = null!;
    private TensorCoreAttention _attention = null!;

    // Kernels by name; "Routed" is the one of that pass.
    private IEnumerable<string> Entries => _device.Driver.Launches.Select(static l => l.Entry switch
    {
        "Kernel_Attend" when l.Parameters.Length > 2 && l.Parameters[2].Length == Marshal.SizeOf<CudaRouting>() => "Routed",
        _ => l.Entry["Kernel_".Length..],
    });

    public void Dispose()
    {
        _attention.Dispose();
        _device.Dispose();
        Assert.Equal(0, _device.Driver.Leaks);
    }

    [Theory]
    [InlineData(9, 0, false)]
    [InlineData(8, 0, false)]
    [InlineData(9, 5, false)]
    [InlineData(8, 0, true)]
    public void Passes_follow_each_other(int major, int sinks, bool byHead)
    {
        Open(major);
        AttentionSequence[] sequences = [new(0, 1000, 0, 1000, 0), new(1000, 500, 1000, 900, 400)];
        Launch(new(new BlockGate(128, 4), sinks: sinks, byHead: byHead), sequences, routes: 0x5000);
        Assert.Equal(["Pool", "Choose", "Write", "Count", "Sum", "Scan", "Scatter", "Attend", "Routed", "Merge"], Entries);

        int share = byHead ? 1 : 4, listHeads = 8 / share, tiles = (1500 * share + 1023) / 1024;
        CudaRouting routing = Parameter<CudaRouting>(0, 1);
        Assert.Equal((16, listHeads, 12), (routing.BlockCount, listHeads, routing.GateTiles));
        uint[] grids = [.. _device.Driver.Launches.Select(static l => l.Grid)];
        Assert.Equal([2 * 16, 12 * 8, 12 * 8, (uint)(listHeads * tiles), (uint)listHeads, (uint)listHeads, (uint)(listHeads * tiles)], grids[..7]);
        uint items = (uint)(listHeads * routing.ItemsPerHead), queries = 8 + 4;
        Assert.Equal(major == 9 ? [Math.Min(132, queries * 8), Math.Min(132, items)] : [queries * 8, items], grids[7..9]);
        Assert.Equal((uint)(1500 * 8 * routing.PaddedDim / 8 / 256), grids[9]);

        // Every kernel is told the same.
        (int Launch, int At)[] told = [(0, 1), (1, 1), (2, 0), (3, 0), (4, 0), (5, 0), (6, 0), (8, 2), (9, 1)];
        routing.ListHeadsTogether = listHeads;
        foreach ((int launch, int at) in told)
            Assert.Equal(routing, Parameter<CudaRouting>(launch, at));
        Assert.Equal((128, 3, 4, share, listHeads), (routing.BlockSize, routing.Slots, routing.SlotStride, routing.HeadsPerList, routing.ListHeads));
        Assert.Equal((0x5000, 8, 4), (Parameter<long>(2, 1), Parameter<int>(2, 2), Parameter<int>(2, 3)));
        Assert.Equal(8, Parameter<CudaProblem>(1, 0).Heads);
        Assert.Equal((int)items, Parameter<CudaProblem>(8, 0).Items);
        CudaProblem own = Parameter<CudaProblem>(7, 0), combine = Parameter<CudaProblem>(9, 0);
        Assert.Equal((12, 12 * 8, routing.Lse), (own.TileCount, own.Items, own.Lse));
        Assert.Equal(1500 * 8, combine.Items);
    }

    [Theory]
    [InlineData(AttendPath.Auto, false, "Pool Choose Measure Choose Count Sum Scan Scatter Attend Routed Merge Attend")]
    [InlineData(AttendPath.Auto, true, "Pool Choose Measure Choose Count Sum Scan Scatter Attend Routed Merge Attend")]
    [InlineData(AttendPath.Union, false, "Pool Choose Measure Attend")]
    [InlineData(AttendPath.Union, true, "Pool Choose Measure Choose Attend")]
    [InlineData(AttendPath.Gathered, false, "Pool Choose Count Sum Scan Scatter Attend Routed Merge")]
    [InlineData(AttendPath.Gathered, true, "Pool Choose Measure Choose Count Sum Scan Scatter Attend Routed Merge")]
    public void Kernels_of_both_paths_are_launched_where_the_device_decides(AttendPath path, bool returnsOverlap, string kernels)
    {
        Open(9);
        AttentionSequence[] sequences = [new(0, 1000, 0, 1000, 0), new(1000, 500, 1000, 900, 400)];
        Launch(new(new BlockGate(128, 4)), sequences, path: path, overlap: returnsOverlap ? 0x6000 : 0);
        Assert.Equal(kernels, string.Join(' ', Entries));
        int attends = _device.Driver.Launches.Count(static l => l.Entry == "Kernel_Attend");
        for (int i = 2; i < _device.Driver.Launches.Count; i++)
        {
            long turn = _device.Driver.Launches[i].Entry switch
            {
                "Kernel_Attend" => Parameter<CudaProblem>(i, 0).Turn | (Routed(i)?.Turn ?? 0),
                "Kernel_Merge" => Parameter<CudaRouting>(i, 1).Turn,
                "Kernel_Choose" or "Kernel_Measure" => 0,
                _ => Parameter<CudaRouting>(i, 0).Turn,
            };
            bool decides = path == AttendPath.Auto && i > 3;
            Assert.Equal((decides, decides && returnsOverlap), (turn != 0, turn == 0x6000));
        }

        if (path != AttendPath.Gathered)
        {
            CudaProblem union = Parameter<CudaProblem>(_device.Driver.Launches.Count - 1, 0);
            CudaUnion sets = Parameter<CudaUnion>(2, 1);
            Assert.Equal((sets.Tiles, (long)AttendPath.Union, 12), (union.Tiles, union.Path, sets.TileCount));
            Assert.Equal((8, 1, 7, 128, 128), (sets.RouteHeads, sets.Words, sets.TileShift, sets.KeyTile, sets.GatheredKeys));
        }

        CudaRouting? Routed(int launch) => _device.Driver.Launches[launch].Parameters is [_, _, var routing, ..] && routing.Length == Marshal.SizeOf<CudaRouting>()
            ? MemoryMarshal.Read<CudaRouting>(routing)
            : null;
    }

    [Fact]
    public void Where_sets_of_blocks_are_too_large_there_is_no_union()
    {
        Open(9, capacity: 8L << 30);
        using DeviceTensor<int> verdict = _device.Engine.Allocate<int>(UnionVerdict.Length);
        AttentionSequence[] sequences = [new(0, 600_000, 0, 600_000, 0)];
        Launch(new(new BlockGate(16, 2)), sequences, heads: 2, path: AttendPath.Auto, overlap: verdict.Pointer);
        Assert.Equal(["Pool", "Choose", "Count", "Sum", "Scan", "Scatter", "Attend", "Routed", "Merge"], Entries.Distinct());
        Assert.Single(Entries, static entry => entry == "Attend");
        Assert.Equal([(int)AttendPath.Gathered, .. new int[UnionVerdict.Length - 1]], verdict.ToHost().ToArray());
        InsufficientMemoryException e = Assert.Throws<InsufficientMemoryException>(() => Launch(new(new BlockGate(16, 2)), sequences, heads: 2, path: AttendPath.Union));
        Assert.Contains("has too many blocks for AttendPath.Union", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_limit_makes_groups_of_heads_each_attended_and_combined_in_turn()
    {
        Open(9, workspaceBytes: 11 << 19);
        AttentionSequence[] sequences = [new(0, 1000, 0, 1000, 0)];
        long bytes = Launch(new(new BlockGate(64, 4), byHead: true), sequences, heads: 10);
        Assert.InRange(bytes, 1, 11 << 19);
        Assert.Equal(bytes, _device.Runtime.Pool.FreeBytes);
        Assert.Equal(["Pool", "Choose", "Count", "Sum", "Scan", "Scatter", "Attend", "Routed", "Merge", "Routed", "Merge", "Routed", "Merge"], Entries);
        (int First, int Count)[] groups = [(0, 4), (4, 4), (8, 2)];
        for (int i = 0; i < groups.Length; i++)
        {
            CudaRouting routed = Parameter<CudaRouting>(7 + (2 * i), 2), combine = Parameter<CudaRouting>(8 + (2 * i), 1);
            Assert.Equal(routed, combine);
            Assert.Equal(groups[i], (routed.FirstListHead, routed.ListHeadsTogether));
            CudaProblem problem = Parameter<CudaProblem>(8 + (2 * i), 0);
            Assert.Equal(groups[i].Count * 1000, problem.Items);
            Assert.Equal(groups[i].Count * routed.ItemsPerHead, Parameter<CudaProblem>(7 + (2 * i), 0).Items);
        }

        // Persistent kernels under way share no counters.
        int[] counting = [6, 7, 9, 11];
        Assert.Equal(4, counting.Select(i => Parameter<CudaProblem>(i, 0).Counters).Distinct().Count());
    }

    [Fact]
    public void A_limit_that_is_too_low_is_an_error_that_leaves_nothing()
    {
        Open(9, workspaceBytes: 1 << 20);
        InsufficientMemoryException e = Assert.Throws<InsufficientMemoryException>(() => Launch(new(new BlockGate(64, 4)), [new(0, 1000, 0, 1000, 0)]));
        Assert.Contains("AttentionEngineOptions.WorkspaceBytes allows 1,048,576", e.Message, StringComparison.Ordinal);
        Assert.Empty(_device.Driver.Launches);
        Assert.Equal(0, _device.Runtime.Pool.FreeBytes);
    }

    [Fact]
    public void Where_the_device_has_less_memory_one_head_is_attended_at_a_time()
    {
        // A quarter of it is enough for three heads, but others have most.
        Open(9, capacity: 16 << 20);
        using DeviceTensor<Half> others = _device.Engine.Allocate<Half>(13 << 19);
        long bytes = Launch(new(new BlockGate(64, 4), byHead: true), [new(0, 1000, 0, 1000, 0)]);
        Assert.InRange(bytes, 1, 3 << 20);
        Assert.Equal(7 + (2 * 8), _device.Driver.Launches.Count);
        Assert.Throws<InsufficientMemoryException>(() => Launch(new(new BlockGate(64, 4), byHead: true), [new(0, 9000, 0, 9000, 0)]));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    public void A_failed_launch_gives_memory_back(int launches)
    {
        Open(9);
        AttentionSequence[] sequences = [new(0, 1000, 0, 1000, 0)];
        long bytes = Launch(new(new BlockGate(64, 4)), sequences);
        _device.Driver.LaunchesUntilFailure = launches;
        CudaException e = Assert.Throws<CudaException>(() => Launch(new(new BlockGate(64, 4)), sequences));
        Assert.Contains("cuLaunchKernel", e.Message, StringComparison.Ordinal);
        Assert.Equal(bytes, _device.Runtime.Pool.FreeBytes);
    }

    [Fact]
    public void A_later_call_waits_for_nothing_and_allocates_nothing()
    {
        Open(9);
        AttentionSequence[] sequences = [new(0, 1000, 0, 1000, 0)];
        Launch(new(new BlockGate(64, 4)), sequences);
        _device.Driver.Calls.Clear();
        Launch(new(new BlockGate(64, 4)), sequences);
        Assert.Equal(["LaunchKernel", "TensorMapEncodeTiled"], _device.Driver.Calls.Distinct().Order());
    }

    [Theory]
    [InlineData(Proof.Always, 3, 180, false, "Attend")]
    [InlineData(Proof.Always, 3, 180, true, "Attend Write")]
    [InlineData(Proof.None, 1, 1000, true, "Attend Write")]
    [InlineData(Proof.None, 5, 40, false, "Attend")]
    [InlineData(Proof.None, 3, 180, false, "Pool Choose Count Sum Scan Scatter Attend Routed Merge")]
    public void Where_a_gate_has_no_choice_nothing_is_routed(Proof causal, int topK, int tokens, bool returnRoutes, string kernels)
    {
        Open(8);
        long bytes = Launch(new(new BlockGate(64, topK), causal), [new(0, tokens, 0, tokens, 0)], returnRoutes ? 0x5000 : 0);
        Assert.Equal(kernels, string.Join(' ', Entries));
        Assert.Equal(kernels.Contains("Routed", StringComparison.Ordinal), bytes > 0);
        if (returnRoutes)
            Assert.Equal((0, topK), (Parameter<CudaRouting>(1, 0).Routes, Parameter<int>(1, 3)));

        // The pattern of own blocks is a larger one.
        int pattern = _device.Driver.Launches[0].Parameters[1].Length;
        Assert.Equal(kernels[0] == 'A' ? causal == Proof.Always ? 4 : 4 + 16 : Marshal.SizeOf<CudaRouting>(), pattern);
    }

    [Fact]
    public void Without_keys_routes_are_written_and_nothing_is_routed()
    {
        Open(9);
        Launch(new(new BlockGate(64, 3)), [new(0, 100, 0, 0, -100)], routes: 0x5000);
        Assert.Equal(["Attend", "Write"], Entries);
    }

    [Fact]
    public void Passes_are_timed_between_their_marks()
    {
        Open(9, workspaceBytes: 11 << 19);
        using (_device.Runtime.Context.Enter())
        {
            using PassMarks marks = new(_device.Runtime.Context, _device.Runtime.Stream);
            Launch(new(new BlockGate(64, 4), byHead: true), [new(0, 1000, 0, 1000, 0)], routes: 0x5000, heads: 10, marks: marks);
            _device.Runtime.Stream.Synchronize();
            Assert.Equal(["centroids", "gate", "routes", "index", "own", "routed", "combine", "routed", "combine", "routed", "combine"], marks.Times().Select(static t => t.Pass));
            Assert.All(marks.Times(), static t => Assert.Equal(1_000_000, t.Nanoseconds));   // the mark itself
        }
    }

    [Fact]
    public void More_blocks_than_kernels_choose_are_refused_where_there_are_as_many()
    {
        Open(9);
        BandExpert expert = new(new BlockGate(16, 70));
        Assert.Equal(
            "BandExpert sends queries to 69 past blocks, and kernels for tensor cores to 63 at most: set TopK to 64 or less, or attend with it on host tensors, which the CPU engine takes.",
            _attention.WhyNot(expert, [new(0, 2000, 0, 2000, 0)]));
        Assert.Null(_attention.WhyNot(expert, [new(0, 64 * 16, 0, 64 * 16, 0)]));
        Assert.Null(_attention.WhyNot(expert, [new(0, 70 * 16, 0, 70 * 16, 0)]));   // all of them are chosen
        Assert.NotNull(_attention.WhyNot(new BandExpert(new BlockGate(16, 70), Proof.None), [new(0, 70 * 16, 0, 70 * 16, 0)]));
        Assert.Null(_attention.WhyNot(new BandExpert(new BlockGate(16, 64)), [new(0, 2000, 0, 2000, 0)]));
        Assert.Null(_attention.WhyNot(new Causal(), [new(0, 2000, 0, 2000, 0)]));
    }

    private T Parameter<T>(int launch, int parameter)
        where T : unmanaged
    {
        byte[] bytes = _device.Driver.Launches[launch].Parameters[parameter];
        Assert.Equal(Marshal.SizeOf<T>(), bytes.Length);
        return MemoryMarshal.Read<T>(bytes);
    }

    private void Open(int major, long? workspaceBytes = null, long capacity = 1 << 30)
    {
        _device = new(new FakeCudaDriver { Devices = [("Fake", major, 0)], Capacity = capacity }, workspaceBytes);
        _attention = new(_device.Runtime.Context, _device.Runtime.Pool, _store);
    }

    private long Launch(
        BandExpert expert, AttentionSequence[] sequences, nint routes = 0, int heads = 8, PassMarks? marks = null, AttendPath path = AttendPath.Gathered, nint overlap = 0)
    {
        const int dim = 128, keyHeads = 2;
        AttentionSequence last = sequences[^1];
        int queryTokens = last.FirstQueryToken + last.Queries, keyTokens = last.FirstKeyToken + last.Keys;
        CudaRows q = new(0x1000, heads * dim, dim), k = new(0x2000, keyHeads * dim, dim);
        CudaCall call = new()
        {
            Kind = ElementKind.Half,
            Q = q,
            K = k,
            V = k,
            Output = q,
            Lse = 0,
            QueryTokens = queryTokens,
            KeyTokens = keyTokens,
            QueryHeads = heads,
            KeyHeads = keyHeads,
            Dim = dim,
            Scale = 1,
            Sequences = sequences,
            Extent = AttentionChecks.Extent(sequences, heads),
            Routes = routes,
            Path = path,
            Overlap = overlap,
        };
        using CurrentContext current = _device.Runtime.Context.Enter();
        return _attention.Launch(expert, call, _device.Runtime.Stream, marks);
    }
}
