using System.Numerics.Tensors;
using System.Runtime.CompilerServices;

namespace MoBA.Runtime.Cpu.Routing;

/// <summary>
/// Pass "gate": scores the past blocks of six rows and keeps the best of each before it goes on to the next six, so that no matrix of
/// tokens by blocks is ever in memory. Belongs to one worker.
/// </summary>
internal abstract unsafe class BlockChooser : IDisposable
{
    /// <summary>A chooser compiled for the shape of a gate.</summary>
    public static BlockChooser Create(BlockGate gate, TileMath math) => gate.With(new Factory(math));

    /// <summary>Routes rows of a chunk. With several heads the gate is that of the sum of their queries' gates.</summary>
    /// <param name="centroids">The blocks.</param>
    /// <param name="rows">The chunk's place: sequence, tokens and positions.</param>
    /// <param name="heads">Query heads, all of one key head.</param>
    /// <param name="which">Rows of the chunk, ascending.</param>
    /// <param name="routes">Takes the blocks.</param>
    /// <param name="cancellation">Looked at once every six rows.</param>
    public abstract void Choose(
        Centroids centroids, in ChunkPlace rows, Range heads, ReadOnlySpan<int> which, BlockRoutes routes, CancellationToken cancellation);

    /// <inheritdoc/>
    public abstract void Dispose();

    private sealed class Factory(TileMath math) : IForGateShape<BlockChooser>
    {
        public BlockChooser Run<TShape>(TShape shape)
            where TShape : unmanaged, IGateShape => new BlockChooser<TShape>(shape, math);
    }
}

/// <inheritdoc/>
internal sealed unsafe class BlockChooser<TShape>(TShape shape, TileMath math) : BlockChooser
    where TShape : unmanaged, IGateShape
{
    private const int Rows = TileMath.BlockRows;
    private const int Tile = Centroids.Tile;
    private const int Parts = 2;

    private readonly NativeBuffer _memory = new(Parts * Rows * (TileMath.RowStride * sizeof(float) + sizeof(float*)), "a worker's queries");
    private NativeBuffer? _gates;      // [tile of blocks][Rows][Tile], and one tile more
    private readonly float[] _query = new float[TileMath.RowStride];
    private readonly int[] _past = new int[Rows];
    private readonly BestBlocks _best = new();

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Choose(
        Centroids centroids, in ChunkPlace rows, Range heads, ReadOnlySpan<int> which, BlockRoutes routes, CancellationToken cancellation)
    {
        int blocks = (int)(((long)rows.Sequence.Keys + shape.BlockSize - 1) / shape.BlockSize);
        int slots = Math.Min(shape.TopK - 1, blocks);
        for (int first = 0; first < which.Length; first += Rows)
        {
            cancellation.ThrowIfCancellationRequested();
            ReadOnlySpan<int> six = which.Slice(first, Math.Min(Rows, which.Length - first));
            int mostPast = 0;
            for (int i = 0; i < six.Length; i++)
            {
                _past[i] = Math.Min(Math.Max(rows.Position(six[i]), 0) / shape.BlockSize, blocks);
                mostPast = Math.Max(mostPast, _past[i]);
            }

            if (slots > 0 && mostPast > slots)
            {
                for (int i = 0; i < six.Length; i++)
                    ReadQuery(centroids, rows, heads, six[i], i);
                Score(centroids, rows, heads, mostPast);
            }

            for (int i = 0; i < six.Length; i++)
                Write(routes, six[i], i, slots);
        }
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        _memory.Dispose();
        _gates?.Dispose();
    }

    private float* Query(int part, int row) => _memory.Floats + (part * Rows + row) * TileMath.RowStride;

    // The rows of a part, as the arithmetic takes them.
    private float** Queries(int part)
    {
        float** rows = (float**)(_memory.Floats + Parts * Rows * TileMath.RowStride) + part * Rows;
        for (int row = 0; row < Rows; row++)
            rows[row] = Query(part, row);
        return rows;
    }

    private float* Gates(int tile) => _gates!.Floats + (long)tile * Rows * Tile;

    // q, or its positive and its negative part; the sum over the heads. Gates only rank: huge ones are divided by a power of two.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void ReadQuery(Centroids centroids, in ChunkPlace rows, Range heads, int row, int i)
    {
        float largest = Add(rows, heads, row, i, centroids.Parts, 0);
        int count = heads.End.Value - heads.Start.Value;
        double bound = (double)largest * count * Math.Max(1, (double)centroids.Largest * rows.Problem.Dim * centroids.Parts);
        if (bound > Magnitude.Comfort)
            Add(rows, heads, row, i, centroids.Parts, Magnitude.Excess(bound));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private float Add(in ChunkPlace rows, Range heads, int row, int i, int parts, int exponent)
    {
        int dim = rows.Problem.Dim;
        Span<float> query = _query.AsSpan(0, dim), first = new(Query(0, i), dim), second = new(Query(1, i), dim);
        float largest = 0;
        for (int head = heads.Start.Value; head < heads.End.Value; head++)
        {
            bool isFirst = head == heads.Start.Value;
            Span<float> read = isFirst && parts == 1 ? first : query;
            rows.Problem.Q.ReadRow(rows.FirstToken + row, head, read);
            largest = Math.Max(largest, Magnitude.Largest(read, out _));
            if (exponent != 0)
                Magnitude.Scale(read, -exponent);
            if (parts == 2)
                AddSigns(query, first, second, isFirst);
            else if (!isFirst)
                TensorPrimitives.Add(first, query, first);
        }

        return largest;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void AddSigns(Span<float> query, Span<float> positive, Span<float> negative, bool isFirst)
    {
        for (int d = 0; d < query.Length; d++)
        {
            positive[d] = (isFirst ? 0 : positive[d]) + Math.Max(query[d], 0);
            negative[d] = (isFirst ? 0 : negative[d]) + Math.Min(query[d], 0);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Score(Centroids centroids, in ChunkPlace rows, Range heads, int mostPast)
    {
        int keyHead = rows.Problem.KeyHead(heads.Start.Value), dim = rows.Problem.Dim, tiles = (mostPast + Tile - 1) / Tile;
        Reserve(tiles + 1);
        for (int tile = 0; tile < tiles; tile++)
        {
            math.Scores(Queries(0), centroids.At(rows.Index, keyHead, tile * Tile, 0), Gates(tile), dim);
            if (centroids.Parts == 2)
            {
                math.Scores(Queries(1), centroids.At(rows.Index, keyHead, tile * Tile, 1), Gates(tiles), dim);
                Span<float> sum = new(Gates(tile), Rows * Tile);
                TensorPrimitives.Add(sum, new ReadOnlySpan<float>(Gates(tiles), Rows * Tile), sum);
            }
        }
    }

    private void Reserve(int tiles)
    {
        long bytes = (long)tiles * Rows * Tile * sizeof(float);
        if (_gates is not null && _gates.Bytes >= bytes)
            return;
        _gates?.Dispose();
        _gates = null;
        _gates = new NativeBuffer(bytes, "the gates of six queries");
    }

    private void Write(BlockRoutes routes, int row, int i, int slots)
    {
        Span<int> chosen = routes.Write(row, Math.Min(_past[i], slots));
        if (_past[i] > slots && slots > 0)
        {
            _best.Choose(Gates(0) + i * Tile, Rows * Tile, _past[i], chosen);
            return;
        }

        for (int block = 0; block < chosen.Length; block++)
            chosen[block] = block;
    }
}
