using System.Collections.Concurrent;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using MoBA.Runtime.Cuda;
using Xunit;
using Band = MoBA.Runtime.Cuda.OwnPattern<
    MoBA.Runtime.Tests.Cuda.Emulation.PlainBandPattern, int, int, int, MoBA.Runtime.Cuda.NoKeysPattern, int, int, int>;
using BandKey = MoBA.Runtime.Cuda.OwnKey<int, int>;
using BandQuery = MoBA.Runtime.Cuda.OwnQuery<int, int>;
using BandRuns = MoBA.Runtime.Cuda.OwnRuns;

namespace MoBA.Runtime.Tests.Cuda.Emulation;

/// <summary>Queries of a band whose own blocks are attended here, and partials of blocks that they chose; kernels of pass "finish" run on
/// them.</summary>
internal sealed class FinishProblem
{
    private const float Scale = 0.3f;
    private const int Heads = 4, KeyHeads = 2, Slots = 5, SlotStride = 8, Width = 300;

    private static readonly ConcurrentDictionary<TileShape, Lazy<(KernelText Text, PtxProgram Program)>> _programs = new();

    private static readonly QueryTile[] _records =
    [
        new() { QueryToken = 1, Queries = 60, Position = 170, KeyToken = 2, Keys = 300 },
        new() { QueryToken = 61, Queries = 33, Position = 230, KeyToken = 2, Keys = 300 },
        new() { QueryToken = 0, Queries = 1, Position = 500, KeyToken = 2, Keys = 300 }, // its own block has no key
        new() { QueryToken = 94, Queries = 4, Position = -2, KeyToken = 302, Keys = 4 },
    ];

    private readonly int _dim, _padded, _queryStride, _keyStride, _q, _k, _v, _o, _lse, _tiles, _counters, _blockSize;
    private readonly bool _isHalf;
    private readonly byte[] _memory;
    private readonly CudaRouting _routing;
    private readonly Random _random;

    public FinishProblem(int dim, bool isHalf, int blockSize, int headsPerList, int firstListHead, int seed)
    {
        (_dim, _isHalf, _blockSize, _random) = (dim, isHalf, blockSize, new(seed));
        _padded = dim <= 64 ? 64 : dim <= 128 ? 128 : 256;
        (_queryStride, _keyStride) = (2 * ((Heads * dim) + 8), 2 * ((KeyHeads * dim) + 8));
        int queryTokens = _records.Sum(static r => r.Queries), keyTokens = 308, listHeads = Heads / headsPerList, together = listHeads - firstListHead;
        int blocks = (300 + blockSize - 1) / blockSize, itemsPerHead = (queryTokens * headsPerList * Slots / CudaRouting.ItemRows) + 2;
        int at = 64;
        int Take(int bytes) => (at = (at + 63) & ~63, at += bytes).Item1;
        _q = Take(queryTokens * _queryStride);
        _k = Take(keyTokens * _keyStride);
        _v = Take(keyTokens * _keyStride);
        _o = Take(queryTokens * _queryStride);
        _lse = Take(queryTokens * Heads * 4);
        _tiles = Take(_records.Length * 32);
        _counters = Take(32);
        int rows = together * itemsPerHead * CudaRouting.ItemRows;
        _routing = new()
        {
            Blocks = Take(blocks * 16),
            Routes = Take(queryTokens * Heads * SlotStride * 4),
            Places = Take(queryTokens * Heads * SlotStride * 4),
            PartialLse = Take(rows * 4),
            Partials = Take(rows * _padded * 2),
            BlockSize = blockSize,
            ByBlockSize = CudaDivisor.Of(blockSize),
            BlockCount = blocks,
            Slots = Slots,
            SlotStride = SlotStride,
            HeadsPerList = headsPerList,
            ByHeadsPerList = CudaDivisor.Of(headsPerList),
            ListHeads = listHeads,
            ItemsPerHead = itemsPerHead,
            FirstListHead = firstListHead,
            ListHeadsTogether = together,
            PaddedDim = _padded,
            QueryTokens = queryTokens,
        };
        _memory = new byte[at];
        _memory.AsSpan().Fill(0xCD);
        _memory.AsSpan(_counters, 32).Clear();
        MemoryMarshal.AsBytes(_records.AsSpan()).CopyTo(_memory.AsSpan(_tiles));
        Fill(_q, _o);
        Fill((int)_routing.Partials, at);
        for (int row = 0; row < rows; row++)
            MemoryMarshal.Write(_memory.AsSpan((int)_routing.PartialLse + (row * 4)), _random.Next(6) == 0 ? float.NegativeInfinity : (_random.NextSingle() * 6) - 2);
        for (int block = 0; block < blocks; block++)
            MemoryMarshal.Write(_memory.AsSpan((int)_routing.Blocks + (block * 16)), new KeyBlock { KeyToken = 2 + (block * blockSize), Keys = Math.Min(blockSize, 300 - (block * blockSize)), Position = block * blockSize });
        WriteRoutes(rows / together);
    }

    /// <summary>Routes of the row to the blocks that it chose; what it has of them is then attention as it is defined, and not noise.</summary>
    public void Choose(int token, int head, params int[] blocks)
    {
        for (int slot = 0; slot < Slots; slot++)
        {
            MemoryMarshal.Write(_memory.AsSpan((int)_routing.Routes + RouteAt(token, head, slot)), slot < blocks.Length ? blocks[slot] : -1);
            MemoryMarshal.Write(_memory.AsSpan((int)_routing.Places + RouteAt(token, head, slot)), _random.Next(_routing.ItemsPerHead * CudaRouting.ItemRows));
        }
    }

    /// <summary>Sets a component of a value.</summary>
    public void SetValue(int token, int keyHead, int component, float value) =>
        MemoryMarshal.Write(_memory.AsSpan(_v + (token * _keyStride) + (2 * ((keyHead * _dim) + component))), PtxMath.Round(value, _isHalf));

    /// <summary>Runs the kernel.</summary>
    public void Run(KernelTarget target, int seed)
    {
        TileShape shape = TileShape.For(target, _dim, _isHalf ? ElementKind.Half : ElementKind.BFloat16);
        (KernelText text, PtxProgram program) = _programs.GetOrAdd(shape, static shape => new(() => Compile(shape))).Value;
        TilePrinter tiles = TilePrinter.For(shape);
        byte[] problem = Bytes(Problem()), pattern = Bytes(Pattern), routing = Bytes(_routing);
        byte[] parameters = tiles.TensorMaps > 0 ? program.Pack(problem, pattern, routing, Maps(tiles)) : program.Pack(problem, pattern, routing);
        new PtxGrid(program, text.Threads, text.SharedBytes, parameters, _memory).Run(tiles.IsPersistent ? 3 : Problem().Items, seed);
    }

    /// <summary>Compares every row with its own block's attention merged with its partials.</summary>
    /// <param name="isCareful">Rows that are done key by key: what they have of chosen blocks is attention, too.</param>
    public void Check(Func<int, bool>? isCareful = null)
    {
        int first = _routing.FirstListHead * _routing.HeadsPerList;
        foreach (QueryTile tile in _records)
        {
            for (int row = 0; row < tile.Queries; row++)
            {
                for (int head = first; head < Heads; head++)
                    Check(tile, row, head, isCareful?.Invoke(tile.QueryToken + row) == true);
            }
        }

        Assert.True(first == 0 || _memory.AsSpan(_o, first * _dim * 2).IndexOfAnyExcept((byte)0xCD) < 0);
        Assert.Equal(0, BitConverter.ToInt64(_memory, _counters));
    }

    private Band Pattern => new() { Inner = new() { Band = new() { Width = Width } }, ByBlockSize = CudaDivisor.Of(_blockSize) };

    private void Check(QueryTile tile, int row, int head, bool isCareful)
    {
        int position = tile.Position + row, token = tile.QueryToken + row, keyHead = head / (Heads / KeyHeads);
        float[] q = Row(_q + (token * _queryStride) + (head * _dim * 2));
        double sum = 0;
        double[] expected = new double[_dim];
        void Attend(int firstKey, int end)
        {
            for (int k = Math.Max(0, firstKey); k < Math.Min(end, tile.Keys); k++)
            {
                if (!Pattern.Inner.Attends(position, k))
                    continue;
                int at = ((tile.KeyToken + k) * _keyStride) + (keyHead * _dim * 2);
                double weight = Math.Exp(TensorPrimitives.Dot(q, Row(_k + at)) * Scale);
                Add(weight, i => Row(_v + at)[i]);
            }
        }

        void Add(double weight, Func<int, double> value)
        {
            sum += weight;
            for (int i = 0; i < _dim; i++)
                expected[i] += weight * value(i);
        }

        if (position >= 0)
            Attend(position / _blockSize * _blockSize, (position / _blockSize * _blockSize) + _blockSize);
        for (int slot = 0; slot < Slots; slot++)
        {
            int block = BitConverter.ToInt32(_memory, (int)_routing.Routes + RouteAt(token, head, slot)), place = BitConverter.ToInt32(_memory, (int)_routing.Places + RouteAt(token, head, slot));
            if (block < 0)
                continue;
            if (isCareful)
            {
                Attend(block * _blockSize, (block * _blockSize) + _blockSize);
                continue;
            }

            int index = (((head / _routing.HeadsPerList) - _routing.FirstListHead) * _routing.ItemsPerHead * CudaRouting.ItemRows) + place;
            Add(Math.Exp(BitConverter.ToSingle(_memory, (int)_routing.PartialLse + (index * 4))), i => Element((int)_routing.Partials + PartialRow.At(index, _padded, i)));
        }

        float[] o = Row(_o + (token * _queryStride) + (head * _dim * 2));
        for (int i = 0; i < _dim; i++)
            Assert.Equal(sum == 0 ? 0 : expected[i] / sum, o[i], _isHalf ? 0.004 : 0.03);
        float lse = BitConverter.ToSingle(_memory, _lse + (((token * Heads) + head) * 4));
        if (!isCareful)
            Assert.Equal(sum == 0 ? float.NegativeInfinity : Math.Log(sum), lse, sum == 0 ? 0 : 0.001);
    }

    private void WriteRoutes(int rowsOfHead)
    {
        for (int head = 0; head < Heads; head++)
        {
            for (int token = 0; token < _routing.QueryTokens; token++)
            {
                int chosen = _random.Next(Slots + 1);
                for (int slot = 0; slot < SlotStride; slot++)
                {
                    MemoryMarshal.Write(_memory.AsSpan((int)_routing.Routes + RouteAt(token, head, slot)), slot < chosen ? slot : -1);
                    MemoryMarshal.Write(_memory.AsSpan((int)_routing.Places + RouteAt(token, head, slot)), slot < chosen ? _random.Next(rowsOfHead) : int.MinValue);
                }
            }
        }
    }

    private static int RouteAt(int token, int head, int slot) => ((((token * Heads) + head) * SlotStride) + slot) * 4;

    private void Fill(int from, int to)
    {
        foreach (ref ushort element in MemoryMarshal.Cast<byte, ushort>(_memory.AsSpan(from, to - from)))
            element = PtxMath.Round((_random.NextSingle() * 4) - 2, _isHalf);
    }

    private float Element(int at) => PtxMath.Element(BitConverter.ToUInt16(_memory, at), _isHalf);

    private float[] Row(int at) => [.. Enumerable.Range(0, _dim).Select(i => Element(at + (2 * i)))];

    private CudaProblem Problem()
    {
        int heads = _routing.ListHeadsTogether * _routing.HeadsPerList;
        return new()
        {
            Q = _q,
            K = _k,
            V = _v,
            Output = _o,
            Lse = _lse,
            Tiles = _tiles,
            Counters = _counters,
            QueryTokenStride = _queryStride,
            QueryHeadStride = 2 * _dim,
            KeyTokenStride = _keyStride,
            KeyHeadStride = 2 * _dim,
            ValueTokenStride = _keyStride,
            ValueHeadStride = 2 * _dim,
            OutputTokenStride = _queryStride,
            OutputHeadStride = 2 * _dim,
            TileCount = _records.Length,
            Heads = Heads,
            FirstHead = _routing.FirstListHead * _routing.HeadsPerList,
            HeadsPerKeyHead = Heads / KeyHeads,
            HeadsTogether = heads,
            Items = _records.Length * heads,
            Dim = _dim,
            Scale = Scale,
        };
    }

    private byte[] Maps(TilePrinter tiles)
    {
        PtxTensorMap queries = new()
        {
            Address = _q,
            HeadStride = 2 * _dim,
            TokenStride = _queryStride,
            Dim = _dim,
            Heads = Heads,
            Tokens = _routing.QueryTokens,
            BoxColumns = TensorMap.Columns,
            BoxRows = tiles.Queries,
        };
        PtxTensorMap keys = queries with { Address = _k, TokenStride = _keyStride, Heads = KeyHeads, Tokens = 308, BoxRows = tiles.Keys };
        return [.. Bytes(queries), .. Bytes(keys), .. Bytes(keys with { Address = _v })];
    }

    private static (KernelText Text, PtxProgram Program) Compile(TileShape shape)
    {
        Type skeleton = shape.Target == KernelTarget.Sm90a ? typeof(HopperAttention) : typeof(AmpereAttention);
        string ptx = new KernelCompiler().Compile(
            new(skeleton.GetMethod(nameof(HopperAttention.Finish))!.MakeGenericMethod(typeof(Band), typeof(BandRuns), typeof(BandQuery), typeof(BandKey)), ""),
            shape.Target, TilePrinter.For(shape).Threads);
        KernelText text = TileLowering.Lower(ptx, shape);
        return (text, new(text.Ptx));
    }

    private static byte[] Bytes<T>(T value)
        where T : unmanaged => MemoryMarshal.AsBytes(new ReadOnlySpan<T>(in value)).ToArray();
}
