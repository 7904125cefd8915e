using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using MoBA.Runtime.Cuda;
using Xunit;

namespace MoBA.Runtime.Tests.Cuda.Emulation;

/// <summary>Rows of own blocks, routes, and partials of what was chosen, none of them attention of anything: pass "combine" merges them.</summary>
internal sealed class CombineProblem
{
    private const int Heads = 4, Tokens = 37;
    private const ushort Spoilt = 0xFFFF; // NaN, in both types

    private static readonly Lazy<string> _compiled = new(static () => new KernelCompiler().Compile(
        new(typeof(CombineKernel).GetMethod(nameof(CombineKernel.Merge))!, ""), KernelTarget.Sm80, PlainTiles.BlockThreads));

    private static readonly ConcurrentDictionary<ElementKind, Lazy<(KernelText Text, PtxProgram Program)>> _programs = new();

    private readonly int _dim, _stride, _output;
    private readonly bool _isHalf;
    private readonly CudaRouting _routing;
    private readonly byte[] _memory, _before;
    private readonly Random _random;

    public CombineProblem(int dim, bool isHalf, int slots, int headsPerList, int firstListHead)
    {
        (_dim, _isHalf, _stride, _random) = (dim, isHalf, 2 * ((Heads * dim) + 8), new(dim + slots));
        int padded = dim <= 64 ? 64 : dim <= 128 ? 128 : 256, slotStride = (slots + 3) & ~3, together = (Heads / headsPerList) - firstListHead;
        int itemsPerHead = 3, rows = together * itemsPerHead * CudaRouting.ItemRows, at = 64;
        int Take(int bytes) => (at = (at + 63) & ~63, at += bytes).Item1;
        _output = Take(Tokens * _stride);
        _routing = new()
        {
            Lse = Take(Tokens * Heads * 4),
            Routes = Take(Tokens * Heads * slotStride * 4),
            Places = Take(Tokens * Heads * slotStride * 4),
            PartialLse = Take(rows * 4),
            Partials = Take(rows * padded * 2),
            Slots = slots,
            SlotStride = slotStride,
            HeadsPerList = headsPerList,
            ByHeadsPerList = CudaDivisor.Of(headsPerList),
            ListHeads = Heads / headsPerList,
            ItemsPerHead = itemsPerHead,
            FirstListHead = firstListHead,
            ListHeadsTogether = together,
            PaddedDim = padded,
            QueryTokens = Tokens,
        };
        _memory = new byte[at];
        Fill(_memory, false);
        for (int row = 0; row < rows; row++)
            SetPartialLse(row, _random.Next(6) == 0 ? float.NegativeInfinity : (_random.NextSingle() * 6) - 2);
        for (int token = 0; token < Tokens; token++)
        {
            for (int head = 0; head < Heads; head++)
            {
                SetOwn(token, head, _random.Next(5) == 0 ? float.NegativeInfinity : (_random.NextSingle() * 6) - 2);
                Choose(token, head, _random.Next(slots + 1));
            }
        }

        _before = (byte[])_memory.Clone();
    }

    public static int LastToken => Tokens - 1;

    private int FirstHead => _routing.FirstListHead * _routing.HeadsPerList;

    /// <summary>Sets what a row has of its own block; a row without keys there is 0.</summary>
    public void SetOwn(int token, int head, float lse)
    {
        MemoryMarshal.Write(_memory.AsSpan((int)_routing.Lse + (((token * Heads) + head) * 4)), lse);
        if (float.IsNegativeInfinity(lse))
            _memory.AsSpan(_output + (token * _stride) + (head * _dim * 2), _dim * 2).Clear();
    }

    /// <summary>Sets the log-sum-exps of all partials of a row; without keys, a partial's elements are not to be read.</summary>
    public void SetPartials(int token, int head, float lse)
    {
        for (int slot = 0; slot < _routing.Slots; slot++)
        {
            if (PartialOf(token, head, slot, _memory) is { } row)
                SetPartialLse(row, lse);
        }
    }

    /// <summary>Runs the kernel on what there is now.</summary>
    public void Run(int seed)
    {
        _memory.CopyTo(_before, 0);
        int heads = _routing.ListHeadsTogether * _routing.HeadsPerList, perBlock = PlainTiles.BlockThreads / (_routing.PaddedDim / 8);
        CudaProblem problem = new()
        {
            Output = _output,
            OutputTokenStride = _stride,
            OutputHeadStride = 2 * _dim,
            Heads = Heads,
            Items = Tokens * heads,
            Dim = _dim,
        };
        (KernelText text, PtxProgram program) = Program(_isHalf ? ElementKind.Half : ElementKind.BFloat16);
        new PtxGrid(program, text.Threads, text.SharedBytes, program.Pack(Bytes(problem), Bytes(_routing)), _memory)
            .Run((problem.Items + perBlock - 1) / perBlock, seed);
    }

    /// <summary>Compares every row with the sum of its parts, and what is no row of the heads at hand with what it was.</summary>
    public void Check()
    {
        byte[] others = (byte[])_memory.Clone();
        for (int token = 0; token < Tokens; token++)
        {
            for (int head = FirstHead; head < Heads; head++)
            {
                Check(token, head);
                (int from, int lse) = (_output + (token * _stride) + (head * _dim * 2), (int)_routing.Lse + (((token * Heads) + head) * 4));
                _before.AsSpan(from, _dim * 2).CopyTo(others.AsSpan(from));
                _before.AsSpan(lse, 4).CopyTo(others.AsSpan(lse));
            }
        }

        Assert.True(others.AsSpan().SequenceEqual(_before), "what is not the pass's was written");
    }

    private void Check(int token, int head)
    {
        int output = _output + (token * _stride) + (head * _dim * 2), lse = (int)_routing.Lse + (((token * Heads) + head) * 4);
        List<(double Weight, Func<int, int> Place)> parts = [(Math.Exp(BitConverter.ToSingle(_before, lse)), i => output + (2 * i))];
        for (int slot = 0; slot < _routing.Slots; slot++)
        {
            if (PartialOf(token, head, slot, _before) is { } row)
                parts.Add((Math.Exp(BitConverter.ToSingle(_before, (int)_routing.PartialLse + (row * 4))), i => (int)_routing.Partials + PartialRow.At(row, _routing.PaddedDim, i)));
        }

        double sum = parts.Sum(static part => part.Weight);
        for (int i = 0; i < _dim; i++)
        {
            double expected = parts.Where(static part => part.Weight != 0).Sum(part => part.Weight * Element(part.Place(i), _before));
            Assert.Equal(sum == 0 ? 0 : expected / sum, Element(output + (2 * i), _memory), _isHalf ? 0.0006 : 0.0045);
        }

        float actual = BitConverter.ToSingle(_memory, lse);
        if (sum == 0)
            Assert.Equal(float.NegativeInfinity, actual);
        else
            Assert.Equal(Math.Log(sum), actual, 1e-5 * (double.IsNaN(sum) ? 1 : Math.Max(1, Math.Abs(Math.Log(sum)))));
    }

    // As many slots as it says; the others, and those up to the stride, have no place.
    private void Choose(int token, int head, int chosen)
    {
        for (int slot = 0; slot < _routing.SlotStride; slot++)
        {
            MemoryMarshal.Write(_memory.AsSpan((int)_routing.Routes + RouteAt(token, head, slot)), slot < chosen ? slot * 3 : -1);
            int place = slot < chosen ? _random.Next(_routing.ItemsPerHead * CudaRouting.ItemRows) : int.MinValue;
            MemoryMarshal.Write(_memory.AsSpan((int)_routing.Places + RouteAt(token, head, slot)), place);
        }
    }

    // The number of a partial row; none where the slot has no block.
    private int? PartialOf(int token, int head, int slot, byte[] memory)
    {
        int at = RouteAt(token, head, slot), listHead = (head / _routing.HeadsPerList) - _routing.FirstListHead;
        return BitConverter.ToInt32(memory, (int)_routing.Routes + at) < 0 || listHead < 0 ? null
            : (listHead * _routing.ItemsPerHead * CudaRouting.ItemRows) + BitConverter.ToInt32(memory, (int)_routing.Places + at);
    }

    private void SetPartialLse(int row, float lse)
    {
        MemoryMarshal.Write(_memory.AsSpan((int)_routing.PartialLse + (row * 4)), lse);
        int bytes = _routing.PaddedDim * 2;
        Fill(_memory.AsSpan((int)_routing.Partials + (row * bytes), bytes), float.IsNegativeInfinity(lse));
    }

    private void Fill(Span<byte> bytes, bool isSpoilt)
    {
        foreach (ref ushort element in MemoryMarshal.Cast<byte, ushort>(bytes))
            element = isSpoilt ? Spoilt : PtxMath.Round((_random.NextSingle() * 4) - 2, _isHalf);
    }

    private int RouteAt(int token, int head, int slot) => ((((head * Tokens) + token) * _routing.SlotStride) + slot) * 4;

    private float Element(int at, byte[] memory) => PtxMath.Element(BitConverter.ToUInt16(memory, at), _isHalf);

    private static (KernelText Text, PtxProgram Program) Program(ElementKind element) => _programs.GetOrAdd(element, static kind => new(() =>
    {
        KernelText text = TileLowering.Lower(_compiled.Value, KernelPass.Combine.Shape(kind));
        return (text, new(text.Ptx));
    })).Value;

    private static byte[] Bytes<T>(T value)
        where T : unmanaged => MemoryMarshal.AsBytes(new ReadOnlySpan<T>(in value)).ToArray();
}
