using System.Runtime.InteropServices;
using MoBA.Runtime.Cuda;
using MoBA.Runtime.Tests.Cuda.Emulation;
using Xunit;

namespace MoBA.Runtime.Tests.Cuda;

/// <summary>Pass "index", run by the emulator, against lists that are made by appending.</summary>
public sealed class IndexKernelTests
{
    private static readonly Lazy<(KernelText Text, PtxProgram Program)> _count = Program(KernelPass.Count);
    private static readonly Lazy<(KernelText Text, PtxProgram Program)> _scan = Program(KernelPass.Scan);
    private static readonly Lazy<(KernelText Text, PtxProgram Program)> _scatter = Program(KernelPass.Scatter);

    [Theory]
    [InlineData(1100, 2, 1, 20, 3, 0)] // two tiles of entries
    [InlineData(700, 4, 2, 300, 5, 1)] // heads of a group in one list, more blocks than columns
    [InlineData(5, 1, 1, 1, 1, 2)] // one block, which all chose
    [InlineData(400, 1, 1, 600, 7, 3)] // most blocks chosen by nobody
    [InlineData(1024, 1, 1, 3, 2, 4)] // skewed: one block has almost all
    public void Lists_have_every_entry_once_and_in_order(int tokens, int heads, int headsPerList, int blocks, int slots, int seed)
    {
        int slotStride = (slots + 3) & ~3, listHeads = heads / headsPerList, entries = tokens * headsPerList;
        int tiles = (entries + CudaRouting.CountRows - 1) / CudaRouting.CountRows;
        int itemsPerHead = (entries * slots / CudaRouting.ItemRows) + blocks;
        int at = 64;
        int Take(int bytes) => (at = (at + 15) & ~15, at += bytes).Item1;
        CudaRouting routing = new()
        {
            Routes = Take(tokens * heads * slotStride * 4),
            Places = Take(tokens * heads * slotStride * 4),
            Counts = Take(listHeads * tiles * blocks * 4),
            FirstItems = Take(listHeads * blocks * 4),
            Blocks = Take(blocks * 16),
            Items = Take(listHeads * itemsPerHead * RoutedItem.Bytes),
            Lists = Take(listHeads * itemsPerHead * CudaRouting.ItemRows * 4),
            Slots = slots,
            SlotStride = slotStride,
            BlockCount = blocks,
            HeadsPerList = headsPerList,
            ByHeadsPerList = CudaDivisor.Of(headsPerList),
            ListHeads = listHeads,
            CountTiles = tiles,
            ItemsPerHead = itemsPerHead,
            QueryTokens = tokens,
        };
        byte[] memory = new byte[at];
        memory.AsSpan().Fill(0xCD);
        Random random = new(seed);
        Span<int> routes = Ints(memory, routing.Routes, tokens * heads * slotStride);
        for (int row = 0; row < tokens * heads; row++)
        {
            int[] chosen = [.. Enumerable.Range(0, random.Next(slots + 1)).Select(_ => seed == 4 ? random.Next(200) / 198 : random.Next(blocks)).Distinct().Order()];
            routes.Slice(row * slotStride, slotStride).Fill(-1);
            chosen.CopyTo(routes[(row * slotStride)..]);
        }

        Run(_count.Value, memory, listHeads * tiles, seed, routing);
        Run(Program(KernelPass.Sum).Value, memory, listHeads * ((blocks + BitMatrix.Columns - 1) / BitMatrix.Columns), seed, routing);
        Run(_scan.Value, memory, listHeads, seed, routing);
        Run(_scatter.Value, memory, listHeads * tiles, seed, routing);

        for (int listHead = 0; listHead < listHeads; listHead++)
            Check(memory, routing, heads, listHead);
    }

    private static void Check(byte[] memory, in CudaRouting routing, int heads, int listHead)
    {
        List<(int Entry, int Slot)>[] lists = [.. Enumerable.Range(0, routing.BlockCount).Select(static _ => new List<(int, int)>())];
        ReadOnlySpan<int> routes = Ints(memory, routing.Routes, routing.QueryTokens * heads * routing.SlotStride);
        ReadOnlySpan<int> places = Ints(memory, routing.Places, routing.QueryTokens * heads * routing.SlotStride);
        for (int entry = 0; entry < routing.QueryTokens * routing.HeadsPerList; entry++)
        {
            int row = Row(routing, listHead, entry);
            for (int slot = 0; slot < routing.Slots && routes[row + slot] >= 0; slot++)
                lists[routes[row + slot]].Add((entry, row + slot));
        }

        ReadOnlySpan<int> items = Ints(memory, routing.Items + (listHead * routing.ItemsPerHead * 32L), routing.ItemsPerHead * 8);
        ReadOnlySpan<int> keys = Ints(memory, routing.Blocks, routing.BlockCount * 4);
        ReadOnlySpan<int> list = Ints(memory, routing.Lists + (listHead * routing.ItemsPerHead * 512L), routing.ItemsPerHead * CudaRouting.ItemRows);
        int item = 0;
        for (int block = 0; block < lists.Length; block++)
        {
            for (int first = 0; first < lists[block].Count; first += CudaRouting.ItemRows, item++)
            {
                int rows = Math.Min(CudaRouting.ItemRows, lists[block].Count - first);
                Assert.Equal((block, rows), (items[8 * item], items[(8 * item) + 1]));
                Assert.Equal([keys[4 * block], keys[(4 * block) + 1], keys[(4 * block) + 2], keys[(4 * block) + 3]], items.Slice((8 * item) + 2, 4).ToArray());
                for (int row = 0; row < rows; row++)
                {
                    (int entry, int slot) = lists[block][first + row];
                    Assert.Equal(entry, list[(item * CudaRouting.ItemRows) + row]);
                    Assert.Equal((item * CudaRouting.ItemRows) + row, places[slot]);
                }
            }
        }

        for (; item < routing.ItemsPerHead; item++)
            Assert.Equal(0, items[(8 * item) + 1]);
    }

    private static int Row(in CudaRouting routing, int listHead, int entry) =>
        ((((listHead * routing.HeadsPerList) + (entry % routing.HeadsPerList)) * routing.QueryTokens) + (entry / routing.HeadsPerList)) * routing.SlotStride;

    private static Span<int> Ints(byte[] memory, long at, int count) => MemoryMarshal.Cast<byte, int>(memory.AsSpan((int)at, count * 4));

    private static Lazy<(KernelText Text, PtxProgram Program)> Program(KernelPass pass) => new(() =>
    {
        string ptx = new KernelCompiler().Compile(new(pass.Method(), ""), KernelTarget.Sm80, PlainTiles.BlockThreads);
        KernelText text = TileLowering.Lower(ptx, pass.Shape(ElementKind.Half));
        return (text, new(text.Ptx));
    });

    private static void Run((KernelText Text, PtxProgram Program) kernel, byte[] memory, int blocks, int seed, CudaRouting routing)
    {
        byte[] parameter = MemoryMarshal.AsBytes(new ReadOnlySpan<CudaRouting>(in routing)).ToArray();
        byte[] parameters = kernel.Program.Pack(parameter);
        new PtxGrid(kernel.Program, kernel.Text.Threads, kernel.Text.SharedBytes, parameters, memory).Run(blocks, seed);
    }
}
