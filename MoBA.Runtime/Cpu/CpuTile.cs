using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace MoBA.Runtime.Cpu;

/// <summary>
/// One tile of queries of one query head, with the scratch memory of the worker that attends it: what a generated
/// <see cref="CpuKernel"/> works on. A blocked online softmax (FlashAttention, Dao et al. 2022) in powers of two.
/// </summary>
public sealed unsafe class CpuTile
{
    /// <summary>Keys in a key tile.</summary>
    public const int KeyTile = 64;

    /// <summary>Most queries in a tile of queries.</summary>
    internal const int QueryTile = 96;

    private const int Blocks = QueryTile / TileMath.BlockRows;
    private const float Log2E = 1.44269504088896341f;
    private const float Ln2 = 0.693147180559945309f;

    private readonly TileMath _math;
    private readonly NativeBuffer _memory;
    private readonly float* _q;         // [QueryTile][RowStride], scaled
    private readonly float* _output;    // [QueryTile][RowStride], not yet normalised
    private readonly float* _scores;    // [QueryTile][KeyTile]
    private readonly float* _state;     // [Blocks][StateSize]

    private readonly int[] _exponents = new int[QueryTile];   // powers of two by which the careful rows' scores are too small

    private CpuKernel? _kernel;
    private float* _keys;
    private long _tileSize;
    private int _dim;
    private int _paddedDim;
    private int _blocks;
    private float _unit;
    private bool _careful;
    private int _valueExponent;
    private ReadOnlyMemory<bool> _special;
    private CancellationToken _cancellation;

    internal CpuTile(TileMath math)
    {
        const int rows = QueryTile * TileMath.RowStride;
        _math = math;
        _memory = new NativeBuffer((2 * rows + QueryTile * KeyTile + Blocks * TileMath.StateSize) * sizeof(float), "a worker's scratch");
        _q = _memory.Floats;
        _output = _q + rows;
        _scores = _output + rows;
        _state = _scores + QueryTile * KeyTile;
        new Span<float>(_memory.Floats, (int)(_memory.Bytes / sizeof(float))).Clear();
    }

    /// <summary>Query head of the tile.</summary>
    public int Head { get; private set; }

    /// <summary>Query heads of the call.</summary>
    public int Heads { get; private set; }

    /// <summary>Absolute position of the first query.</summary>
    public int Q0 { get; private set; }

    /// <summary>Absolute position of the last query, included.</summary>
    public int Q1 { get; private set; }

    /// <summary>Keys of the sequence; key positions are [0, Keys).</summary>
    public int Keys { get; private set; }

    /// <summary>Last key position of the key tile that starts at <paramref name="k0"/>.</summary>
    public int LastKey(int k0) => Math.Min(k0 + KeyTile, Keys) - 1;

    /// <summary>The key tiles that touch the ranges: ascending starts, multiples of <see cref="KeyTile"/>, each once. Cuts them
    /// to the keys that there are, and sorts and merges <paramref name="ranges"/> in place.</summary>
    public KeyTileEnumerator KeyTiles(Span<KeyRange> ranges) => new(KeyTileEnumerator.Normalize(ranges, Keys));

    /// <summary>Pass: scores of the key tile at <paramref name="k0"/>, scale * Q K^T, [query, key].</summary>
    /// <param name="k0">Start of the key tile.</param>
    /// <param name="kind">The tile's class. A partial tile must be masked with <see cref="Keep"/> before
    /// <see cref="Accumulate"/>: its rows that attend nothing are not computed and hold leftovers.</param>
    /// <exception cref="OperationCanceledException">The call was cancelled.</exception>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Scores(int k0, TileKind kind)
    {
        _cancellation.ThrowIfCancellationRequested();
        float* keys = _keys + k0 / KeyTile * _tileSize;
        for (int block = 0; block < _blocks; block++)
        {
            int row = block * TileMath.BlockRows;
            if (kind != TileKind.Full && IsEmpty(row, k0))
                continue;
            _math.Scores(_q + row * TileMath.RowStride, keys, _scores + row * KeyTile, _dim);
            if (_careful)
                Grow(row);
        }
    }

    /// <summary>Positions of sixteen keys from <paramref name="k0"/> + <paramref name="column"/>, clamped to the last key.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<int> KeysAt(int k0, int column) =>
        Vector512.Min(Vector512.Create(k0 + column) + Vector512<int>.Indices, Vector512.Create(Keys - 1));

    /// <summary>Sixteen scores of query position <paramref name="q"/> from column <paramref name="column"/> of the key tile.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> Load(int q, int column) => Vector512.Load(At(q, column));

    /// <summary>Replaces sixteen scores.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Store(int q, int column, Vector512<float> scores) => scores.Store(At(q, column));

    /// <summary>Sets the scores whose lane is zero in <paramref name="attends"/> to -infinity.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Keep(int q, int column, Vector512<int> attends)
    {
        Vector512<float> hidden = Vector512.Equals(attends, Vector512<int>.Zero).AsSingle();
        Vector512.ConditionalSelect(hidden, Vector512.Create(float.NegativeInfinity), Load(q, column)).Store(At(q, column));
    }

    /// <summary>Pass: online softmax over the scores of the key tile at <paramref name="k0"/>, and output += P V.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Accumulate(int k0)
    {
        if (Keys - k0 < KeyTile)
            HideColumns(Keys - k0);

        float* values = _keys + k0 / KeyTile * _tileSize + KeyTile * _dim;
        bool special = !_special.IsEmpty && _special.Span[k0 / KeyTile];
        for (int block = 0; block < _blocks; block++)
        {
            int row = block * TileMath.BlockRows;
            float* scores = _scores + row * KeyTile;
            float* state = _state + block * TileMath.StateSize;
            if (_unit != 1)
                ToPowersOfTwo(scores);
            if (!_math.Softmax(scores, state))
                continue;
            if (special)
                AccumulateSeen(scores, values, _output + row * TileMath.RowStride, state + TileMath.AlphaOffset);
            else
                _math.Accumulate(scores, values, _output + row * TileMath.RowStride, state + TileMath.AlphaOffset, _paddedDim);
        }
    }

    /// <summary>Takes up the queries [<paramref name="firstQuery"/>, + <paramref name="count"/>) of one sequence and head.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal void Begin(
        AttentionProblem problem, PackedKeys packed, int sequence, int head, int firstQuery, int count, CpuKernel? kernel, CancellationToken cancellation)
    {
        bool naturalScores = kernel is { ModifiesScores: true };
        _kernel = kernel;
        AttentionSequence s = problem.Sequences[sequence];
        (Head, Heads, Keys) = (head, problem.QueryHeads, s.Keys);
        Q0 = s.Position + firstQuery;
        Q1 = Q0 + count - 1;
        _keys = packed.Keys(sequence, problem.KeyHead(head), 0);
        (_tileSize, _dim, _paddedDim) = (packed.TileSize, problem.Dim, packed.PaddedDim);
        _blocks = (count + TileMath.BlockRows - 1) / TileMath.BlockRows;
        _unit = naturalScores ? Log2E : 1;
        _cancellation = cancellation;
        _careful = false;
        _valueExponent = packed.ValueExponent;
        _special = packed.Special(sequence, problem.KeyHead(head));

        // Powers of two: the exponential is then cheapest, and a score modifier still sees natural scores.
        double scale = (double)problem.Scale * (naturalScores ? 1 : Log2E);
        for (int row = 0; row < _blocks * TileMath.BlockRows; row++)
        {
            Span<float> q = new(_q + row * TileMath.RowStride, _dim);
            if (row < count)
            {
                problem.Q.ReadRow(s.FirstQueryToken + firstQuery + row, head, q);
                ScaleQuery(row, q, scale, packed.LargestKey);
            }
            else
            {
                q.Clear();
            }

            new Span<float>(_output + row * TileMath.RowStride, _paddedDim).Clear();
        }

        for (int block = 0; block < _blocks; block++)
        {
            float* state = _state + block * TileMath.StateSize;
            new Span<float>(state + TileMath.MaxOffset, 16).Fill(float.NegativeInfinity);
            new Span<float>(state + TileMath.SumOffset, TileMath.BlockRows * 16).Clear();
        }
    }

    /// <summary>Normalises the rows and writes them, and their log-sum-exp where it was asked for.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal void End(AttentionProblem problem, int firstToken)
    {
        for (int row = 0; row <= Q1 - Q0; row++)
        {
            float* state = _state + row / TileMath.BlockRows * TileMath.StateSize;
            int inBlock = row % TileMath.BlockRows;
            float sum = Vector512.Sum(Vector512.LoadAligned(state + TileMath.SumOffset + inBlock * 16));
            Span<float> output = new(_output + row * TileMath.RowStride, _dim);
            TensorPrimitives.Multiply(output, sum == 0 ? 0 : 1 / sum, output);
            if (_valueExponent != 0)
                Magnitude.Scale(output, _valueExponent);
            problem.Output.WriteRow(firstToken + row, Head, output);
            if (problem.Lse is not null)
            {
                float max = state[TileMath.MaxOffset + inBlock];
                problem.Lse[(long)(firstToken + row) * Heads + Head] =
                    sum == 0 ? float.NegativeInfinity : (max + MathF.Log2(sum)) * Ln2;
            }
        }
    }

    /// <summary>Forgets the call, so that a tile which is kept keeps nothing else.</summary>
    internal void Forget()
    {
        _kernel = null;
        _cancellation = default;
        _special = default;
        _keys = null;
    }

    /// <summary>Gives the scratch memory back.</summary>
    internal void Free() => _memory.Dispose();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private float* At(int q, int column) => _scores + (q - Q0) * KeyTile + column;

    // Where a score could leave the range of float, the row is divided by a power of two, which Grow gives back.
    private void ScaleQuery(int row, Span<float> q, double scale, float largestKey)
    {
        _exponents[row] = 0;
        float largest = Magnitude.Largest(q, out _);
        double scaled = largest * Math.Abs(scale);
        double bound = Math.Max(scaled, scaled * largestKey * _dim);
        if (bound <= Magnitude.Comfort && Math.Abs(scale) <= Magnitude.Comfort)
        {
            TensorPrimitives.Multiply(q, (float)scale, q);
            return;
        }

        _careful = true;
        _exponents[row] = Magnitude.Excess(bound);
        for (int i = 0; i < q.Length; i++)
            q[i] = (float)Math.ScaleB(q[i] * scale, -_exponents[row]);
    }

    // An infinity or NaN among the values of a key that a query does not attend must not reach it: 0 times it is NaN.
    private void AccumulateSeen(float* probabilities, float* values, float* output, float* alpha)
    {
        for (int row = 0; row < TileMath.BlockRows; row++, probabilities += KeyTile, output += TileMath.RowStride)
        {
            Span<float> all = new(output, _paddedDim);
            TensorPrimitives.Multiply(all, alpha[row], all);
            for (int column = 0, width; column < _paddedDim; column += width)
            {
                width = _math.PanelWidth(_paddedDim - column);
                Span<float> part = all.Slice(column, width);
                for (int key = 0; key < KeyTile; key++)
                {
                    if (probabilities[key] != 0)
                        TensorPrimitives.MultiplyAdd(new ReadOnlySpan<float>(values + column * KeyTile + key * width, width), probabilities[key], part, part);
                }
            }
        }
    }

    private void Grow(int firstRow)
    {
        for (int row = firstRow; row < firstRow + TileMath.BlockRows; row++)
        {
            float* scores = _scores + row * KeyTile;
            for (int column = 0; column < KeyTile; column++)
            {
                double score = Math.ScaleB((double)scores[column], _exponents[row]);
                scores[column] = (float)Math.Clamp(score, -Magnitude.LargestScore, Magnitude.LargestScore);
            }
        }
    }

    // A modifier sees natural scores, and may return more than a power of two can be. A product that were fused with the
    // softmax's subtraction would differ from the maximum by its rounding, which is not small where the scores are large.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void ToPowersOfTwo(float* scores)
    {
        Vector512<float> most = Vector512.Create(Magnitude.LargestScore);
        for (float* end = scores + TileMath.BlockRows * KeyTile; scores < end; scores += Vector512<float>.Count)
            Vector512.MinNative(most, Vector512.Load(scores) * Log2E).Store(scores);
    }

    private bool IsEmpty(int row, int k0)
    {
        int last = Math.Min(Q0 + row + TileMath.BlockRows - 1, Q1);
        return _kernel!.Classify(Q0 + row, last, k0, LastKey(k0), Head) == TileKind.Empty;
    }

    // Columns past the last key hold scores of padding.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void HideColumns(int first)
    {
        for (int row = 0; row < _blocks * TileMath.BlockRows; row++)
            new Span<float>(_scores + row * KeyTile + first, KeyTile - first).Fill(float.NegativeInfinity);
    }
}
