using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using MoBA.Runtime.Cuda;
using MoBA.Runtime.Tests.Cuda.Emulation;
using Xunit;

namespace MoBA.Runtime.Tests.Cuda;

/// <summary>Pass "centroids", run by the emulator, against sums in double precision.</summary>
public sealed class CentroidKernelTests
{
    private const int KeyHeads = 2, Noise = 3;

    private static readonly int[] _keys = [48, 48, 1, 31, 48, 7];
    private static readonly Lazy<string> _compiled = new(static () => new KernelCompiler().Compile(
        new(typeof(CentroidKernel).GetMethod(nameof(CentroidKernel.Pool))!, ""), KernelTarget.Sm80, PlainTiles.BlockThreads));
    private static readonly ConcurrentDictionary<ElementKind, Lazy<(KernelText Text, PtxProgram Program)>> _programs = new();

    [Theory]
    [InlineData(64, false, false, 1f)]
    [InlineData(40, true, false, 1f)]
    [InlineData(128, false, true, 1f)]
    [InlineData(104, true, true, 1f)]
    [InlineData(256, false, false, 1e38f)] // sums beyond float
    [InlineData(200, true, false, 3e4f)]
    public void Blocks_are_pooled(int dim, bool isHalf, bool minMax, float size)
    {
        int padded = dim <= 64 ? 64 : dim <= 128 ? 128 : 256, tokens = _keys.Sum() + Noise, stride = 2 * ((KeyHeads * dim) + 8), result = KeyHeads * _keys.Length * padded * 2;
        int k = 64, blocks = k + (tokens * stride), high = blocks + (_keys.Length * 16), low = high + result;
        byte[] memory = new byte[low + result];
        Random random = new(dim);
        foreach (ref ushort element in MemoryMarshal.Cast<byte, ushort>(memory.AsSpan(k, blocks - k)))
            element = PtxMath.Round((random.NextSingle() * size * 2) - (size / 2), isHalf);
        memory.AsSpan(high).Fill(0xCD);
        KeyBlock[] records = [.. _keys.Select(static (keys, i) => new KeyBlock { KeyToken = Noise + _keys.Take(i).Sum(), Keys = keys })];
        MemoryMarshal.AsBytes(records.AsSpan()).CopyTo(memory.AsSpan(blocks));

        CudaProblem problem = new() { K = k, KeyTokenStride = stride, KeyHeadStride = 2 * dim, Dim = dim };
        CudaRouting routing = new() { Blocks = blocks, Centroids = high, Least = minMax ? low : 0, BlockCount = _keys.Length, PaddedDim = padded };
        (KernelText text, PtxProgram program) = Program(isHalf ? ElementKind.Half : ElementKind.BFloat16);
        new PtxGrid(program, text.Threads, text.SharedBytes, program.Pack(Bytes(problem), Bytes(routing)), memory).Run(KeyHeads * _keys.Length, dim);

        for (int head = 0; head < KeyHeads; head++)
        {
            for (int block = 0; block < _keys.Length; block++)
            {
                for (int i = 0; i < padded; i++)
                {
                    double[] keys = [.. Enumerable.Range(records[block].KeyToken, _keys[block]).Select(t => i < dim ? Element(k + (t * stride) + (2 * ((head * dim) + i))) : 0.0)];
                    int at = 2 * ((((head * _keys.Length) + block) * padded) + i);
                    double wanted = minMax ? keys.Max() : keys.Average();
                    Assert.True(BitConverter.ToUInt16(memory, at + high) != 0xCDCD, $"{head} {block} {i}");
                    Assert.Equal(wanted, Element(high + at), size * (minMax || wanted == 0 ? 0 : isHalf ? 0.0006 : 0.005));
                    if (minMax)
                        Assert.Equal(keys.Min(), Element(low + at), 0.0);
                }
            }
        }

        double Element(int at) => PtxMath.Element(BitConverter.ToUInt16(memory, at), isHalf);
    }

    private static (KernelText Text, PtxProgram Program) Program(ElementKind element) => _programs.GetOrAdd(element, static kind => new(() =>
    {
        KernelText text = TileLowering.Lower(_compiled.Value, KernelPass.Centroids.Shape(kind));
        return (text, new(text.Ptx));
    })).Value;

    private static byte[] Bytes<T>(T value)
        where T : unmanaged => MemoryMarshal.AsBytes(new ReadOnlySpan<T>(in value)).ToArray();
}
