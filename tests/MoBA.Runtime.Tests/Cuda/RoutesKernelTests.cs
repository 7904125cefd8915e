using System.Runtime.InteropServices;
using MoBA.Runtime.Cuda;
using MoBA.Runtime.Tests.Cuda.Emulation;
using Xunit;

namespace MoBA.Runtime.Tests.Cuda;

/// <summary>Routes as callers get them, written by the emulator.</summary>
public sealed class RoutesKernelTests
{
    private const int Unwritten = 0x0DDBA11;

    private static readonly TileShape _shape = KernelPass.Routes.Shape(ElementKind.Half);
    private static readonly Lazy<(KernelText Text, PtxProgram Program)> _kernel = new(static () =>
    {
        string ptx = new KernelCompiler().Compile(new(KernelPass.Routes.Method(), ""), _shape.Target, PlainTiles.BlockThreads);
        KernelText text = TileLowering.Lower(ptx, _shape);
        return (text, new(text.Ptx));
    });

    // Before the first key, behind the last one, without keys, without queries, and as usual.
    private static readonly AttentionSequence[] _sequences =
        [new(0, 90, 0, 50, -40), new(90, 70, 50, 33, 10), new(160, 3, 83, 0, 0), new(163, 0, 83, 20, 20), new(163, 150, 103, 150, 0), new(313, 1, 253, 97, 96)];

    [Theory]
    [InlineData(16, 3, 4, 1, true)]
    [InlineData(16, 70, 4, 4, true)]
    [InlineData(48, 5, 2, 2, true)]
    [InlineData(16, 40, 3, 1, false)]
    [InlineData(64, 1, 2, 1, false)]
    public void Own_blocks_come_first_and_numbers_are_those_of_the_sequence(int blockSize, int topK, int heads, int headsPerGate, bool isRouted)
    {
        int tokens = 314, routeHeads = heads / headsPerGate, slots = Math.Min(topK - 1, 63), stride = (slots + 3) & ~3;
        QueryTile[] tiles = GatedSchedule.Tiles(_sequences, blockSize);
        int routes = 64, records = routes + (tokens * heads * stride * 4), result = (records + (tiles.Length * 32) + 15) & ~15, end = result + (tokens * routeHeads * topK * 4);
        byte[] memory = new byte[end + 64];
        Span<int> ints = MemoryMarshal.Cast<byte, int>(memory.AsSpan());
        ints.Fill(Unwritten);
        MemoryMarshal.AsBytes(tiles.AsSpan()).CopyTo(memory.AsSpan(records));
        int[] wanted = new int[tokens * routeHeads * topK];
        Random random = new(topK);
        int firstBlock = 0;
        foreach (AttentionSequence s in _sequences)
        {
            int blocks = (s.Keys + blockSize - 1) / blockSize;
            for (int query = 0; query < s.Queries; query++)
            {
                int position = s.Position + query, past = Enumerable.Range(0, blocks).Count(b => (b + 1) * blockSize <= position);
                for (int head = 0; head < routeHeads; head++)
                {
                    IEnumerable<int> all = Enumerable.Range(0, past);
                    int[] chosen = isRouted ? [.. all.OrderBy(_ => random.Next()).Take(slots).Order()] : [.. all.Take(topK - 1)];
                    Span<int> row = wanted.AsSpan((((s.FirstQueryToken + query) * routeHeads) + head) * topK, topK);
                    row.Fill(-1);
                    row[0] = position >= 0 && position / blockSize < blocks ? position / blockSize : -1;
                    chosen.CopyTo(row[1..]);
                    for (int i = 0; i < headsPerGate && isRouted; i++)
                    {
                        Span<int> slot = ints.Slice((routes / 4) + (((((head * headsPerGate) + i) * tokens) + s.FirstQueryToken + query) * stride), stride);
                        slot.Fill(-1);
                        chosen.Select(b => firstBlock + b).ToArray().CopyTo(slot);
                    }
                }
            }

            firstBlock += blocks;
        }

        CudaRouting routing = new()
        {
            Tiles = records,
            Routes = isRouted ? routes : 0,
            BlockSize = blockSize,
            ByBlockSize = CudaDivisor.Of(blockSize),
            Slots = slots,
            SlotStride = stride,
            GateTiles = tiles.Length,
            QueryTokens = tokens,
            HeadsPerGate = headsPerGate,
        };
        (KernelText text, PtxProgram program) = _kernel.Value;
        byte[] parameters = program.Pack(
            MemoryMarshal.AsBytes(new ReadOnlySpan<CudaRouting>(in routing)).ToArray(), BitConverter.GetBytes((long)result), BitConverter.GetBytes(heads), BitConverter.GetBytes(topK));
        new PtxGrid(program, text.Threads, text.SharedBytes, parameters, memory).Run(tiles.Length * routeHeads, topK);
        Assert.Equal(wanted, MemoryMarshal.Cast<byte, int>(memory.AsSpan(result, wanted.Length * 4)).ToArray());
        Assert.All(MemoryMarshal.Cast<byte, int>(memory.AsSpan(end)).ToArray(), static x => Assert.Equal(Unwritten, x));
    }
}
