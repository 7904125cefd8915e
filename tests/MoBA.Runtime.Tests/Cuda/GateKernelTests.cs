using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using MoBA.Runtime.Cuda;
using MoBA.Runtime.Tests.Cuda.Emulation;
using Xunit;

namespace MoBA.Runtime.Tests.Cuda;

/// <summary>Pass "gate", run by the emulator, against all gates sorted. Elements are small integers, so that gates are exact and ties are many.</summary>
public sealed class GateKernelTests
{
    private const int KeyHeads = 2;

    private static readonly Lazy<string> _compiled = new(static () => new KernelCompiler().Compile(new(KernelPass.Gate.Method(), ""), KernelTarget.Sm80, 128));
    private static readonly ConcurrentDictionary<TileShape, Lazy<(KernelText Text, PtxProgram Program)>> _programs = new();

    // Keys, queries and position of the first query; the second has no keys, the third no past.
    private static readonly (int Keys, int Queries, int Position)[] _sequences = [(2500, 140, 2300), (0, 2, 0), (16, 16, 0), (700, 131, 569), (40, 4, -2)];

    [Theory]
    [InlineData(64, true, 16, 7, "mean", 1, "random")]
    [InlineData(128, false, 16, 7, "mean", 1, "ascending")]
    [InlineData(40, false, 48, 1, "mean", 1, "descending")]
    [InlineData(128, true, 16, 15, "mean", 2, "random")]
    [InlineData(64, false, 16, 63, "mean", 1, "random")]
    [InlineData(64, true, 32, 3, "minmax", 1, "random")]
    [InlineData(104, false, 16, 8, "minmax", 2, "random")]
    [InlineData(256, true, 16, 5, "mean", 1, "random")]
    [InlineData(200, false, 64, 20, "mean", 2, "equal")]
    [InlineData(64, true, 16, 7, "mean", 1, "nan")]
    [InlineData(64, false, 16, 4, "mean", 1, "nan")] // which is looked at again
    [InlineData(48, true, 16, 6, "mean", 1, "infinite")]
    [InlineData(64, false, 16, 9, "mean", 1, "infinite")]
    [InlineData(72, false, 16, 7, "mean", 1, "huge")] // sums beyond float
    [InlineData(256, false, 32, 2, "minmax", 1, "huge")]
    [InlineData(64, false, 16, 7, "mean", 2, "huge")]
    [InlineData(64, false, 16, 7, "mean", 2, "wide")] // sums of three parts
    [InlineData(128, true, 16, 20, "mean", 4, "wide")]
    [InlineData(256, false, 16, 63, "minmax", 4, "random")]
    [InlineData(128, false, 16, 7, "minmax", 1, "ascending")]
    public void The_best_blocks_are_chosen(int dim, bool isHalf, int blockSize, int slots, string pooling, int headsPerGate, string data)
    {
        int heads = Math.Max(2, headsPerGate) * KeyHeads, padded = dim <= 64 ? 64 : dim <= 128 ? 128 : 256, slotStride = (slots + 3) & ~3;
        int tokens = _sequences.Sum(static s => s.Queries), stride = 2 * ((heads * dim) + 8), blocks = _sequences.Sum(s => (s.Keys + blockSize - 1) / blockSize);
        int at = 64;
        int Take(int bytes) => (at = (at + 63) & ~63, at += bytes).Item1;
        int q = Take(tokens * stride);
        CudaRouting routing = new()
        {
            Centroids = Take(KeyHeads * blocks * padded * 2),
            Least = pooling == "minmax" ? Take(KeyHeads * blocks * padded * 2) : 0,
            Routes = Take(tokens * heads * slotStride * 4),
            Tiles = Take(64 * 32),
            BlockSize = blockSize,
            ByBlockSize = CudaDivisor.Of(blockSize),
            Slots = slots,
            SlotStride = slotStride,
            BlockCount = blocks,
            HeadsPerGate = headsPerGate,
            PaddedDim = padded,
            QueryTokens = tokens,
        };
        byte[] memory = new byte[at];
        Random random = new(slots);

        // Queries of huge components, and ones whose sums over heads have many bits.
        float Size(int head) => data == "huge" ? MathF.ScaleB(1, 40) : data == "wide" && head % 2 == 1 ? MathF.ScaleB(1, -14) : 1;
        void Set(int place, float value) => MemoryMarshal.Write(memory.AsSpan(place), PtxMath.Round(value, isHalf));
        float Get(int place) => PtxMath.Element(BitConverter.ToUInt16(memory, place), isHalf);
        for (int i = 0; i < tokens * heads * dim; i++)
            Set(q + (i / (heads * dim) * stride) + (i % (heads * dim) * 2), (data is "ascending" or "descending" ? 1 : random.Next(-2, 3)) * Size(i / dim % heads));
        for (int i = 0; i < KeyHeads * blocks * dim; i++)
        {
            int place = 2 * ((i / dim * padded) + (i % dim)), block = i / dim % blocks;
            float value = data switch { "huge" => random.Next(-3, 4) * MathF.ScaleB(1, 123), "wide" => random.Next(-1, 2), "ascending" => i % dim == 0 ? block : 0, "descending" => i % dim == 0 ? -block : 0, "equal" => 1, _ => random.Next(-3, 4) };
            Set((int)routing.Centroids + place, data == "nan" && block % 5 == 2 ? float.NaN : data == "infinite" && block % 5 == 2 && i % dim == 7 ? float.PositiveInfinity : value);
            if (routing.Least != 0)
                Set((int)routing.Least + place, value - (random.Next(3) * (data == "huge" ? MathF.ScaleB(1, 123) : 1)));
        }

        (QueryTile[] tiles, (int Token, int Past, int FirstBlock)[] rows) = Rows(blockSize);
        routing.GateTiles = tiles.Length;
        MemoryMarshal.AsBytes(tiles.AsSpan()).CopyTo(memory.AsSpan((int)routing.Tiles));
        CudaProblem problem = new() { Q = q, QueryTokenStride = stride, QueryHeadStride = 2 * dim, Dim = dim, Heads = heads, HeadsPerKeyHead = heads / KeyHeads };
        memory.AsSpan((int)routing.Routes, tokens * heads * slotStride * 4).Fill(0xCD);
        (KernelText text, PtxProgram program) = Program(KernelPasses.ShapeOfGate(dim, isHalf ? ElementKind.Half : ElementKind.BFloat16, routing));
        new PtxGrid(program, text.Threads, text.SharedBytes, program.Pack(Bytes(problem), Bytes(routing)), memory).Run(tiles.Length * heads / headsPerGate, 1);

        foreach ((int token, int past, int firstBlock) in rows)
        {
            for (int head = 0; head < heads; head++)
            {
                double Gate(int block)
                {
                    double sum = 0;
                    for (int h = head / headsPerGate * headsPerGate; h < (head / headsPerGate * headsPerGate) + headsPerGate; h++)
                    {
                        for (int i = 0; i < dim; i++)
                        {
                            double x = Get(q + (token * stride) + (2 * ((h * dim) + i)));
                            int c = 2 * ((((head * KeyHeads / heads * blocks) + firstBlock + block) * padded) + i);
                            sum += routing.Least == 0 ? x * Get((int)routing.Centroids + c) : Math.Max(x * Get((int)routing.Centroids + c), x * Get((int)routing.Least + c));
                        }
                    }

                    return double.IsNaN(sum) ? double.NegativeInfinity : sum;
                }

                int[] wanted = [.. Enumerable.Range(0, past).OrderByDescending(Gate).ThenByDescending(static b => b).Take(slots).Order().Select(b => b + firstBlock)];
                int[] found = MemoryMarshal.Cast<byte, int>(memory.AsSpan((int)routing.Routes + (((head * tokens) + token) * slotStride * 4), slotStride * 4)).ToArray();
                Assert.Equal([.. wanted, .. Enumerable.Repeat(-1, slotStride - wanted.Length)], found);
            }
        }
    }

    private static (QueryTile[] Tiles, (int Token, int Past, int FirstBlock)[] Rows) Rows(int blockSize)
    {
        List<QueryTile> tiles = [];
        List<(int, int, int)> rows = [];
        int token = 0, firstBlock = 0;
        foreach ((int keys, int queries, int position) in _sequences)
        {
            int blocks = (keys + blockSize - 1) / blockSize;
            for (int first = 0; first < queries; first += CudaRouting.GateRows)
                tiles.Add(new() { QueryToken = token + first, Queries = Math.Min(CudaRouting.GateRows, queries - first), Position = position + first, Keys = keys, FirstBlock = firstBlock });
            rows.AddRange(Enumerable.Range(0, queries).Select(i => (token + i, position + i < 0 ? 0 : Math.Min((position + i) / blockSize, blocks), firstBlock)));
            (token, firstBlock) = (token + queries, firstBlock + blocks);
        }

        return ([.. tiles], [.. rows]);
    }

    private static (KernelText Text, PtxProgram Program) Program(TileShape shape) => _programs.GetOrAdd(shape, static key => new(() =>
    {
        KernelText text = TileLowering.Lower(_compiled.Value, key);
        return (text, new(text.Ptx));
    })).Value;

    private static byte[] Bytes<T>(T value)
        where T : unmanaged => MemoryMarshal.AsBytes(new ReadOnlySpan<T>(in value)).ToArray();
}
