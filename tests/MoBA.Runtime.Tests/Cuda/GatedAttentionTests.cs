using System.Runtime.InteropServices;
using MoBA.Runtime.Cuda;
using Xunit;

namespace MoBA.Runtime.Tests.Cuda;

/// <summary>Calls of experts with a gate: which kernels are launched, in what order, over how many blocks and with which numbers.</summary>
public sealed class GatedAttentionTests : IDisposable
{
    private static readonly KernelStore _store = new(new KernelCache(null, 0));

    private readonly List<IDisposable> _open = [];
    private FakeDevice _device = null!;
    private TensorCoreAttention _attention = null!;

    private IEnumerable<string> Entries => _device.Driver.Launches.Select(static l => l.Entry);

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
        Assert.Equal(["Pool", "Choose", "Write", "Count", "Scan", "Scatter", "Attend", "Finish"], Entries.Select(Name));

        int share = byHead ? 1 : 4, listHeads = 8 / share, tiles = (1500 * share + 1023) / 1024;
        CudaRouting routing = Parameter<CudaRouting>(0, 1);
        Assert.Equal((16, 2, 24), (routing.BlockCount, listHeads, routing.GateTiles));
        uint[] grids = [.. _device.Driver.Launches.Select(static l => l.Grid)];
        Assert.Equal([2 * 16, 24 * 8, 24 * 8, (uint)(listHeads * tiles), (uint)listHeads, (uint)(listHeads * tiles)], grids[..6]);
        uint items = (uint)(listHeads * routing.ItemsPerHead), queries = 8 + 4;
        Assert.Equal(major == 9 ? [Math.Min(132, items), Math.Min(132, queries * 8)] : [items, queries * 8], grids[6..]);

        // Every kernel is told the same.
        int[] at = [1, 1, 0, 0, 0, 0, 2, 2];
        routing.ListHeadsTogether = listHeads;
        for (int i = 0; i < at.Length; i++)
            Assert.Equal(routing, Parameter<CudaRouting>(i, at[i]));
        Assert.Equal((128, 3, 4, share, listHeads), (routing.BlockSize, routing.Slots, routing.SlotStride, routing.HeadsPerList, routing.ListHeads));
        Assert.Equal((0x5000, 8, 4), (Parameter<long>(2, 1), Parameter<int>(2, 2), Parameter<int>(2, 3)));
        Assert.Equal((8, 8, 8), (Parameter<int>(3, 1), Parameter<int>(5, 1), Parameter<CudaProblem>(1, 0).Heads));
        Assert.Equal((int)items, Parameter<CudaProblem>(6, 0).Items);
        CudaProblem finish = Parameter<CudaProblem>(7, 0);
        Assert.Equal((0, 12, 12 * 8), (finish.FirstHead, finish.TileCount, finish.Items));
    }

    private static string Name(string entry) => entry.Split('_')[0];

    private T Parameter<T>(int launch, int parameter)
        where T : unmanaged
    {
        byte[] bytes = _device.Driver.Launches[launch].Parameters[parameter];
        Assert.Equal(Marshal.SizeOf<T>(), bytes.Length);
        return MemoryMarshal.Read<T>(bytes);
    }

    private void Open(int major, long? workspaceBytes = null)
    {
        _device = new(new FakeCudaDriver { Devices = [("Fake", major, 0)] }, workspaceBytes);
        _attention = new(_device.Runtime.Context, _device.Runtime.Pool, _store);
    }

    private long Launch(BandExpert expert, AttentionSequence[] sequences, nint routes = 0, int dim = 128, int heads = 8, int keyHeads = 2)
    {
        AttentionSequence last = sequences[^1];
        int queryTokens = last.FirstQueryToken + last.Queries, keyTokens = last.FirstKeyToken + last.Keys;
        CudaRows q = new(0x1000, heads * dim, dim), k = new(0x2000, keyHeads * dim, dim);
        CudaCall call = new()
        {
            Kind = ElementKind.Half, Q = q, K = k, V = k, Output = q, Lse = 0, QueryTokens = queryTokens, KeyTokens = keyTokens, QueryHeads = heads,
            KeyHeads = keyHeads, Dim = dim, Scale = 1, Sequences = sequences, Extent = AttentionChecks.Extent(sequences, heads), Routes = routes,
        };
        using CurrentContext current = _device.Runtime.Context.Enter();
        return _attention.Launch(expert, call, _device.Runtime.Stream, null);
    }
}
