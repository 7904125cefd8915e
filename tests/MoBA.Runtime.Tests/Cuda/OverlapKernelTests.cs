using System.Numerics;
using System.Runtime.InteropServices;
using MoBA.Runtime.Cuda;
using MoBA.Runtime.Tests.Cuda.Emulation;
using Xunit;

namespace MoBA.Runtime.Tests.Cuda;

/// <summary>Pass "overlap", run by the emulator, against sets of blocks that are made one by one.</summary>
public sealed class OverlapKernelTests
{
    private static readonly Lazy<(KernelText Text, PtxProgram Program)> _measure = Program(KernelPass.Overlap);
    private static readonly Lazy<(KernelText Text, PtxProgram Program)> _choose = Program(KernelPass.ChoosePath);

    [Theory]
    [InlineData(16, 9, 128, 128, 2, 1, 4700, 0, 1)]     // more blocks than columns
    [InlineData(64, 3, 64, 64, 4, 2, 500, 0, 2)]        // heads that share routes; tiles of 64
    [InlineData(128, 7, 128, 128, 1, 1, 2000, 0, 3)]
    [InlineData(80, 20, 128, 64, 1, 1, 1500, 0, 4)]     // blocks that end within key tiles
    [InlineData(192, 2, 128, 128, 2, 2, 1900, 300, 5)]  // queries that stand elsewhere
    [InlineData(32, 4, 128, 128, 1, 1, 700, 0, 0)]      // all alike
    public void Sets_are_those_of_the_routes(int blockSize, int slots, int queries, int keyTile, int heads, int headsPerGate, int tokens, int before, int seed)
    {
        AttentionSequence[] sequences = [new(0, 70, 0, 90, 20), new(70, 0, 90, 40, 0), new(70, tokens, 130, tokens + before, before)];
        QueryTile[] tiles = QueryTiles.WithBlocks(sequences, queries, 1 << 20, blockSize);
        int slotStride = (slots + 3) & ~3, all = tokens + 70, routeHeads = heads / headsPerGate, words = (((tokens + before + blockSize - 1) / blockSize) + 31) / 32;
        int at = 64;
        int Take(int bytes) => (at = (at + 15) & ~15, at += bytes).Item1;
        CudaRouting routing = new()
        {
            Routes = Take(all * heads * slotStride * 4),
            Slots = slots,
            SlotStride = slotStride,
            HeadsPerGate = headsPerGate,
            QueryTokens = all,
            BlockSize = blockSize,
            ByBlockSize = CudaDivisor.Of(blockSize),
        };
        CudaUnion union = new()
        {
            Tiles = Take(tiles.Length * 32),
            Bits = Take(tiles.Length * routeHeads * words * 8),
            Counts = Take(tiles.Length * routeHeads * 16),
            Verdict = Take(48),
            TileCount = tiles.Length,
            RouteHeads = routeHeads,
            Words = words,
            TileShift = BitOperations.Log2((uint)queries),
            KeyTile = keyTile,
            GatheredKeys = blockSize,
        };
        byte[] memory = new byte[at];
        memory.AsSpan().Fill(0xCD);
        MemoryMarshal.AsBytes(tiles.AsSpan()).CopyTo(memory.AsSpan((int)union.Tiles));
        Fill(MemoryMarshal.Cast<byte, int>(memory.AsSpan((int)routing.Routes, all * heads * slotStride * 4)), routing, tiles, heads, seed);

        Run(_measure.Value, memory, tiles.Length * routeHeads, seed, Bytes(routing), Bytes(union));
        Run(_choose.Value, memory, 1, seed, Bytes(union));
        (long blocks, long keys, long routes) = (0, 0, 0);
        for (int i = 0; i < tiles.Length * routeHeads; i++)
        {
            (int ofBlocks, int ofKeyTiles, int ofRoutes) = Check(memory, routing, union, tiles[i / routeHeads], i);
            blocks += (long)ofBlocks * tiles[i / routeHeads].Queries;
            keys += (long)ofKeyTiles * keyTile * tiles[i / routeHeads].Queries;
            routes += ofRoutes;
        }

        GateOverlap overlap = GateOverlap.Of(MemoryMarshal.Cast<byte, int>(memory.AsSpan((int)union.Verdict, 48)));
        AttendPath path = keys * 10 <= routes * blockSize * OverlapKernels.MostTenths ? AttendPath.Union : AttendPath.Gathered;
        Assert.Equal(new() { Path = path, UnionBlocks = blocks, UnionKeys = keys, RouteBlocks = routes, Tiles = tiles.Length * routeHeads }, overlap);
        if (seed == 0)
            Assert.InRange(overlap.UnionRatio, 1, 2);
    }

    // Blocks of a tile's sequence that end before the query, ascending; where the seed is 0 the latest.
    private static void Fill(Span<int> routes, CudaRouting routing, QueryTile[] tiles, int heads, int seed)
    {
        Random random = new(seed);
        routes.Fill(-1);
        foreach (QueryTile tile in tiles)
        {
            for (int row = 0; row < tile.Queries * heads; row++)
            {
                int past = (tile.SequencePosition + (row / heads)) / routing.BlockSize;
                int[] chosen = [.. Enumerable.Range(0, past).OrderBy(block => seed == 0 ? -block : random.Next()).Take(routing.Slots).Order()];
                for (int i = 0; i < chosen.Length; i++)
                    routes[(int)routing.SlotsOf(tile.QueryToken + (row / heads), row % heads) + i] = tile.FirstBlock + chosen[i];
            }
        }
    }

    private static (int Blocks, int KeyTiles, int Routes) Check(byte[] memory, CudaRouting routing, CudaUnion union, QueryTile tile, int item)
    {
        ReadOnlySpan<int> ints = MemoryMarshal.Cast<byte, int>(memory);
        int head = item % union.RouteHeads * routing.HeadsPerGate, routes = 0;
        Dictionary<int, int> rows = [];
        for (int row = 0; row < tile.Queries; row++)
        {
            int at = (int)(routing.Routes / 4) + (int)routing.SlotsOf(tile.QueryToken + row, head);
            foreach (int block in ints.Slice(at, routing.Slots))
            {
                if (block >= 0)
                    (rows[block - tile.FirstBlock], routes) = (rows.GetValueOrDefault(block - tile.FirstBlock) + 1, routes + 1);
            }
        }

        int keyTiles = rows.Keys.SelectMany(block => Enumerable.Range(block * routing.BlockSize, routing.BlockSize)).Select(key => key / union.KeyTile).Distinct().Count();
        int set = (int)(union.Bits / 4) + (item * union.Words * 2);
        for (int block = 0; block < union.Words * 32; block++)
        {
            Assert.Equal(rows.ContainsKey(block), (ints[set + (block / 32)] >> (block % 32) & 1) != 0);
            Assert.Equal(rows.GetValueOrDefault(block) == tile.Queries, (ints[set + union.Words + (block / 32)] >> (block % 32) & 1) != 0);
        }

        Assert.Equal([rows.Count, keyTiles, routes, tile.Queries], ints.Slice((int)(union.Counts / 4) + (item * 4), 4).ToArray());
        return (rows.Count, keyTiles, routes);
    }

    private static byte[] Bytes<T>(T value)
        where T : unmanaged => MemoryMarshal.AsBytes(new ReadOnlySpan<T>(in value)).ToArray();

    private static Lazy<(KernelText Text, PtxProgram Program)> Program(KernelPass pass) => new(() =>
    {
        string ptx = new KernelCompiler().Compile(new(pass.Method(), ""), KernelTarget.Sm80, PlainTiles.BlockThreads);
        KernelText text = TileLowering.Lower(ptx, pass.Shape(ElementKind.Half));
        return (text, new(text.Ptx));
    });

    private static void Run((KernelText Text, PtxProgram Program) kernel, byte[] memory, int blocks, int seed, params byte[][] parameters) =>
        new PtxGrid(kernel.Program, kernel.Text.Threads, kernel.Text.SharedBytes, kernel.Program.Pack(parameters), memory).Run(blocks, seed);
}
