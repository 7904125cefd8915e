using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using MoBA.Runtime.Cuda;
using Xunit;

namespace MoBA.Runtime.Tests.Cuda.Emulation;

/// <summary>Rows that chose blocks, in one memory; a kernel of pass "routed" that runs on them, and what partials should come out.</summary>
/// <typeparam name="TPattern">The pattern.</typeparam>
internal sealed class RoutedProblem<TPattern>
    where TPattern : unmanaged, ICudaPattern<int, int, int>
{
    private const float Scale = 0.3f;
    private const int HeadsPerKeyHead = 2, KeyHeads = 2, Heads = KeyHeads * HeadsPerKeyHead;

    // Keys, queries and position of the first query of each sequence; noise stands ahead of each.
    private static readonly (int Keys, int Queries, int Position)[] _sequences = [(410, 150, 300), (0, 3, 0), (97, 97, 0)];

    private readonly int _dim, _padded, _stride, _queryStride;
    private readonly bool _isHalf;
    private readonly int _q, _k, _v, _keyTokens;
    private readonly byte[] _memory;
    private readonly KeyBlock[] _blocks;
    private readonly List<(int Block, int[] Entries)>[] _lists;
    private readonly CudaRouting _routing;

    public RoutedProblem(int dim, bool isHalf, int blockSize, int headsPerList, int firstListHead, TPattern pattern, int seed)
    {
        (_dim, _isHalf, Pattern) = (dim, isHalf, pattern);
        _padded = dim <= 64 ? 64 : dim <= 128 ? 128 : 256;
        (_queryStride, _stride) = (2 * ((Heads * dim) + 8), 2 * ((KeyHeads * dim) + 8));
        int queryTokens = _sequences.Sum(static s => s.Queries + 1);
        _keyTokens = _sequences.Sum(static s => s.Keys + 1) + 128;
        Random random = new(seed);
        (_blocks, int[][] queries) = Blocks(blockSize);
        int listHeads = Heads / headsPerList;
        _lists = [.. Enumerable.Range(0, listHeads).Select(_ => Lists(random, queries, headsPerList))];
        int itemsPerHead = (_lists.Max(static l => l.Count) + 3 + 4) & ~3;

        int at = 64;
        int Take(int bytes) => (at = (at + 63) & ~63, at += bytes).Item1;
        _q = Take(queryTokens * _queryStride);
        _k = Take(_keyTokens * _stride);
        _v = Take(_keyTokens * _stride);
        int together = listHeads - firstListHead;
        _routing = new()
        {
            Blocks = Take(_blocks.Length * 16),
            Items = Take(listHeads * itemsPerHead * RoutedItem.Bytes),
            Lists = Take(listHeads * itemsPerHead * CudaRouting.ItemRows * 4),
            PartialLse = Take(together * itemsPerHead * CudaRouting.ItemRows * 4),
            Partials = Take(together * itemsPerHead * CudaRouting.ItemRows * _padded * 2),
            BlockSize = blockSize,
            ByBlockSize = CudaDivisor.Of(blockSize),
            BlockCount = _blocks.Length,
            HeadsPerList = headsPerList,
            ByHeadsPerList = CudaDivisor.Of(headsPerList),
            ListHeads = listHeads,
            ItemsPerHead = itemsPerHead,
            FirstListHead = firstListHead,
            ListHeadsTogether = together,
            PaddedDim = _padded,
            QueryTokens = queryTokens,
        };
        Counters = Take(32);
        _memory = new byte[at];
        _memory.AsSpan().Fill(0xCD);
        _memory.AsSpan(Counters, 32).Clear();
        Span<ushort> elements = MemoryMarshal.Cast<byte, ushort>(_memory.AsSpan(0, (int)_routing.Blocks));
        for (int i = 0; i < elements.Length; i++)
            elements[i] = PtxMath.Round((random.NextSingle() * 4) - 2, isHalf);
        Write();
    }

    public TPattern Pattern { get; }

    private int Counters { get; }

    /// <summary>Runs the kernel.</summary>
    public void Run(KernelTarget target, int blocks, int seed)
    {
        TileShape shape = TileShape.For(target, _dim, _isHalf ? ElementKind.Half : ElementKind.BFloat16) with
        {
            Role = KernelRole.Routed,
            BlockKeys = _padded == 256 || _routing.BlockSize % 128 is > 0 and <= 64 ? 64 : 128,
        };
        (KernelText text, PtxProgram program) = RoutedKernels.Of<TPattern>(shape);
        TilePrinter tiles = TilePrinter.For(shape);
        byte[] problem = Bytes(Problem()), pattern = Bytes(Pattern), routing = Bytes(_routing);
        byte[] parameters = tiles.TensorMaps > 0 ? program.Pack(problem, pattern, routing, Maps(tiles)) : program.Pack(problem, pattern, routing);
        int items = _routing.ListHeadsTogether * _routing.ItemsPerHead * (tiles.IsPersistent ? 1 : CudaRouting.ItemRows / tiles.Queries);
        new PtxGrid(program, text.Threads, text.SharedBytes, parameters, _memory).Run(tiles.IsPersistent ? blocks : items, seed);
    }

    /// <summary>Compares every partial row with attention to its block.</summary>
    public void Check()
    {
        Assert.Equal(0, BitConverter.ToInt64(_memory, Counters));
        int checkedRows = 0, empty = 0;
        for (int listHead = _routing.FirstListHead; listHead < _lists.Length; listHead++)
        {
            for (int item = 0; item < _lists[listHead].Count; item++)
            {
                (int block, int[] entries) = _lists[listHead][item];
                for (int row = 0; row < entries.Length; row++, checkedRows++)
                {
                    int index = ((((listHead - _routing.FirstListHead) * _routing.ItemsPerHead) + item) * CudaRouting.ItemRows) + row;
                    empty += CheckRow(index, _blocks[block], entries[row] / _routing.HeadsPerList, (listHead * _routing.HeadsPerList) + (entries[row] % _routing.HeadsPerList)) ? 0 : 1;
                }
            }
        }

        Assert.True(checkedRows > 100 && empty < checkedRows);
    }

    private bool CheckRow(int index, KeyBlock block, int token, int head)
    {
        int position = token + block.QueryShift, keyHead = head / HeadsPerKeyHead;
        float[] q = Row(_q + (token * _queryStride) + (head * _dim * 2));
        double sum = 0;
        double[] expected = new double[_padded];
        for (int i = 0; i < block.Keys; i++)
        {
            int k = block.Position + i;
            if (!Pattern.Attends(position, k))
                continue;
            int at = ((block.KeyToken + i) * _stride) + (keyHead * _dim * 2);
            float score = TensorPrimitives.Dot(q, Row(_k + at)) * Scale;
            double weight = Math.Exp(Pattern.HasScore ? Pattern.Score(score, position, k) : score);
            sum += weight;
            float[] v = Row(_v + at);
            for (int c = 0; c < _dim; c++)
                expected[c] += weight * v[c];
        }

        double lse = BitConverter.ToSingle(_memory, (int)_routing.PartialLse + (index * 4));
        if (sum == 0)
        {
            Assert.Equal(double.NegativeInfinity, lse);
            return false;
        }

        Assert.Equal(Math.Log(sum), lse, 0.001);
        for (int c = 0; c < _padded; c++)
        {
            int at = (int)_routing.Partials + PartialRow.At(index, _padded, c);
            Assert.Equal(expected[c] / sum, PtxMath.Element(BitConverter.ToUInt16(_memory, at), _isHalf), _isHalf ? 0.004 : 0.03);
        }

        return true;
    }

    private float[] Row(int at) => [.. Enumerable.Range(0, _dim).Select(i => PtxMath.Element(BitConverter.ToUInt16(_memory, at + (2 * i)), _isHalf))];

    // The blocks of all sequences, and the query tokens that may choose each.
    private static (KeyBlock[] Blocks, int[][] Queries) Blocks(int blockSize)
    {
        List<KeyBlock> blocks = [];
        List<int[]> queries = [];
        int keyToken = 1, queryToken = 1;
        foreach ((int keys, int count, int position) in _sequences)
        {
            for (int first = 0; first < keys; first += blockSize)
            {
                blocks.Add(new() { KeyToken = keyToken + first, Keys = Math.Min(blockSize, keys - first), Position = first, QueryShift = position - queryToken });
                queries.Add([.. Enumerable.Range(queryToken, count)]);
            }

            (keyToken, queryToken) = (keyToken + keys + 1, queryToken + count + 1);
        }

        return ([.. blocks], [.. queries]);
    }

    // Items of a list head: some blocks are chosen by nobody, some by few, some by all.
    private List<(int Block, int[] Entries)> Lists(Random random, int[][] queries, int headsPerList)
    {
        List<(int, int[])> items = [];
        for (int block = 0; block < _blocks.Length; block++)
        {
            double share = random.Next(4) switch { 0 => 0, 1 => 0.03, 2 => 0.6, _ => 1 };
            int[] entries = [.. queries[block].SelectMany(token => Enumerable.Range(token * headsPerList, headsPerList)).Where(_ => random.NextDouble() < share)];
            items.AddRange(entries.Chunk(CudaRouting.ItemRows).Select(chunk => (block, chunk)));
        }

        return items;
    }

    private void Write()
    {
        MemoryMarshal.AsBytes(_blocks.AsSpan()).CopyTo(_memory.AsSpan((int)_routing.Blocks));
        _memory.AsSpan((int)_routing.Items, _lists.Length * _routing.ItemsPerHead * RoutedItem.Bytes).Clear();
        for (int head = 0; head < _lists.Length; head++)
        {
            for (int i = 0; i < _lists[head].Count; i++)
            {
                int item = (head * _routing.ItemsPerHead) + i;
                (int block, int[] entries) = _lists[head][i];
                KeyBlock keys = _blocks[block];
                RoutedItem record = new() { Block = block, Rows = entries.Length, KeyToken = keys.KeyToken, Keys = keys.Keys, Position = keys.Position, QueryShift = keys.QueryShift };
                MemoryMarshal.Write(_memory.AsSpan((int)_routing.Items + (item * RoutedItem.Bytes)), record);
                MemoryMarshal.AsBytes(entries.AsSpan()).CopyTo(_memory.AsSpan((int)_routing.Lists + (item * CudaRouting.ItemRows * 4)));
            }
        }
    }

    private CudaProblem Problem() => new()
    {
        Q = _q,
        K = _k,
        V = _v,
        Counters = Counters,
        QueryTokenStride = _queryStride,
        QueryHeadStride = 2 * _dim,
        KeyTokenStride = _stride,
        KeyHeadStride = 2 * _dim,
        ValueTokenStride = _stride,
        ValueHeadStride = 2 * _dim,
        Heads = Heads,
        HeadsPerKeyHead = HeadsPerKeyHead,
        Dim = _dim,
        Scale = Scale,
    };

    private byte[] Maps(TilePrinter tiles)
    {
        PtxTensorMap keys = new()
        {
            Address = _k,
            HeadStride = 2 * _dim,
            TokenStride = _stride,
            Dim = _dim,
            Heads = KeyHeads,
            Tokens = _keyTokens,
            BoxColumns = TensorMap.Columns,
            BoxRows = tiles.Keys,
        };
        return [.. Bytes(keys), .. Bytes(keys), .. Bytes(keys with { Address = _v })];
    }

    private static byte[] Bytes<T>(T value)
        where T : unmanaged => MemoryMarshal.AsBytes(new ReadOnlySpan<T>(in value)).ToArray();
}
