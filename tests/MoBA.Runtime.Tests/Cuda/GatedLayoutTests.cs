using MoBA.Runtime.Cuda;
using Xunit;

namespace MoBA.Runtime.Tests.Cuda;

/// <summary>Memory of the passes: nothing lies in anything else that is wanted at the same time, and no more is taken than is allowed.</summary>
public sealed class GatedLayoutTests
{
    private const long Plenty = 80L << 30;

    [Theory]
    [InlineData(1000, 8, 2, 128, 5, Pooling.Mean, true, null)]
    [InlineData(1000, 8, 2, 104, 5, Pooling.MinMax, false, null)]
    [InlineData(333, 6, 1, 40, 9, Pooling.MinMax, true, 2_000_000L)]
    [InlineData(2000, 16, 4, 256, 3, Pooling.Mean, false, 22_000_000L)]
    public void Areas_do_not_overlap_and_are_large_enough(int tokens, int heads, int keyHeads, int dim, int topK, Pooling pooling, bool shares, long? limit)
    {
        GatedLayout layout = Layout(tokens, heads, keyHeads, dim, topK, pooling, shares, limit);
        CudaRouting r = layout.At(1 << 20);
        Assert.InRange(layout.Bytes, 1, limit ?? long.MaxValue);
        Assert.Equal(heads, r.ListHeads * r.HeadsPerList);
        Assert.Equal((0, 0), ((heads / keyHeads) % r.HeadsPerList, r.ItemsPerHead % 4));
        Assert.Equal((dim + 63) / 64 is var panels && panels <= 2 ? panels * 64 : 256, r.PaddedDim);
        int slots = Math.Min(topK - 1, (tokens - 1) / 128);
        Assert.Equal((slots, (slots + 3) / 4 * 4), (r.Slots, r.SlotStride));
        Assert.InRange(r.CountTiles * 1024, tokens * r.HeadsPerList, (tokens * r.HeadsPerList) + 1023);

        long routes = 4L * tokens * heads * r.SlotStride, items = (long)r.ListHeads * r.ItemsPerHead;
        (long At, long Bytes)[] always =
        [
            (r.Routes, routes), (r.Places, routes), (r.FirstItems, 4L * r.ListHeads * r.BlockCount), (r.Items, 32 * items),
            (r.Lists, 512 * items),
        ];
        long centroids = 2L * keyHeads * r.BlockCount * r.PaddedDim, rows = 128L * r.ListHeadsTogether * r.ItemsPerHead;
        (long, long) counts = (r.Counts, 4L * r.ListHeads * r.CountTiles * r.BlockCount);
        Apart(layout.Bytes, [.. always, counts, (r.Centroids, centroids), .. pooling == Pooling.MinMax ? [(r.Least, centroids)] : Array.Empty<(long, long)>()]);
        Apart(layout.Bytes, [.. always, (r.Partials, 2 * rows * r.PaddedDim), (r.PartialLse, 4 * rows)]);
        Assert.Equal(pooling == Pooling.MinMax, r.Least != 0);
    }

    [Theory]
    [InlineData(false, 1, new[] { 16, 8, 6, 4, 3, 2, 1 })]
    [InlineData(true, 4, new[] { 4, 2, 1 })]
    public void Less_memory_is_fewer_heads_at_a_time(bool shares, int share, int[] together)
    {
        List<int> seen = [];
        long least = WorkspacePool.ClassOf(Layout(4000, 16, 4, 64, 4, Pooling.Mean, shares, null).Least().Bytes);
        for (long limit = 400L << 20; limit >= least; limit -= 1 << 20)
        {
            GatedLayout layout = Layout(4000, 16, 4, 64, 4, Pooling.Mean, shares, limit);
            Assert.InRange(layout.Bytes, 1, limit);
            Assert.Equal(share, layout.Offsets.HeadsPerList);
            if (seen.Count == 0 || seen[^1] != layout.Offsets.ListHeadsTogether)
                seen.Add(layout.Offsets.ListHeadsTogether);
        }

        Assert.Equal(together, seen);
        Assert.Equal(1, Layout(4000, 16, 4, 64, 4, Pooling.Mean, shares, least).Offsets.ListHeadsTogether);
    }

    [Fact]
    public void Lists_are_shared_by_fewer_heads_before_a_limit_is_too_low()
    {
        long four = WorkspacePool.ClassOf(Layout(4000, 16, 4, 64, 4, Pooling.Mean, true, null).Least().Bytes);
        long one = WorkspacePool.ClassOf(Layout(4000, 16, 4, 64, 4, Pooling.Mean, false, null).Least().Bytes);
        Assert.True(one < four);
        Assert.Equal(2, Layout(4000, 16, 4, 64, 4, Pooling.Mean, true, four - 1).Offsets.HeadsPerList);
        Assert.Equal(1, Layout(4000, 16, 4, 64, 4, Pooling.Mean, true, one).Offsets.HeadsPerList);
        InsufficientMemoryException e = Assert.Throws<InsufficientMemoryException>(() => Layout(4000, 16, 4, 64, 4, Pooling.Mean, true, one - 1));
        Assert.StartsWith($"{one:N0} bytes (", e.Message, StringComparison.Ordinal);
        Assert.Contains($"WorkspaceBytes allows {one - 1:N0}", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Without_a_limit_partial_outputs_take_two_gigabytes_or_a_quarter_of_the_device()
    {
        CudaRouting large = Layout(1 << 17, 32, 8, 128, 8, Pooling.Mean, true, null).Offsets, small = Layout(1 << 17, 32, 8, 128, 8, Pooling.Mean, true, null, 4L << 30).Offsets;
        Assert.Equal((4, 2), (large.HeadsPerList, large.ListHeadsTogether));
        Assert.Equal((4, 1), (small.HeadsPerList, small.ListHeadsTogether));

        // One head is worked on, however much it takes.
        CudaRouting huge = Layout(1 << 21, 4, 1, 256, 16, Pooling.Mean, true, null).Offsets;
        Assert.Equal((1, 1), (huge.HeadsPerList, huge.ListHeadsTogether));
    }

    [Fact]
    public void Numbers_that_kernels_cannot_count_to_are_named()
    {
        ArgumentException e = Assert.Throws<ArgumentException>(() => Layout(1 << 29, 8, 8, 8, 64, Pooling.Mean, true, null));
        Assert.StartsWith("536,870,912 query tokens of 8 heads choose ", e.Message, StringComparison.Ordinal);
    }

    private static void Apart(long bytes, (long At, long Bytes)[] areas)
    {
        long end = 1 << 20;
        foreach ((long at, long size) in areas.OrderBy(static a => a.At))
        {
            Assert.Equal(0, at % 256);
            Assert.InRange(at, end, long.MaxValue);
            end = at + size;
        }

        Assert.InRange(end, 0, bytes + (1 << 20));
    }

    private static GatedLayout Layout(
        int tokens, int heads, int keyHeads, int dim, int topK, Pooling pooling, bool shares, long? limit, long device = Plenty)
    {
        AttentionSequence[] sequences = [new(0, tokens, 0, tokens, 0)];
        BlockGate gate = new(128, topK, pooling);
        CudaRows rows = new(0, heads * dim, dim);
        CudaCall call = new()
        {
            Kind = ElementKind.Half,
            Q = rows,
            K = rows,
            V = rows,
            Output = rows,
            Lse = 0,
            QueryTokens = tokens,
            KeyTokens = tokens,
            QueryHeads = heads,
            KeyHeads = keyHeads,
            Dim = dim,
            Scale = 1,
            Sequences = sequences,
            Extent = null,
        };
        CudaRouting known = new() { BlockSize = 128, BlockCount = (tokens + 127) / 128, GateTiles = (tokens + 63) / 64 };
        return GatedLayout.Of(call, pooling, new GatedSchedule(gate, sequences), known, shares, limit, device);
    }
}
