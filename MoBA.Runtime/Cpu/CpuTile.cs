using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using MoBA.Runtime.Cpu.Routing;

namespace MoBA.Runtime.Cpu;

/// <summary>
/// One tile of queries of one query head, with the scratch memory of the worker that attends it: what a generated
/// <see cref="CpuKernel"/> works on. A blocked online softmax (FlashAttention, Dao et al. 2022) in powers of two. The queries stand
/// at ascending positions, side by side or gathered; what a row comes to depends on no other row of its tile.
/// </summary>
public sealed unsafe partial class CpuTile
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
    private readonly float* _rows;      // queries, then outputs, [QueryTile][RowStride]
    private readonly float* _scores;    // [QueryTile][KeyTile]
    private readonly float* _state;     // [Blocks][StateSize]
    private readonly float** _q;        // [QueryTile] rows [dim], scaled
    private readonly float** _output;   // [QueryTile] rows [padded dim], not yet normalised

    private readonly int[] _positions = new int[QueryTile];
    private readonly int[] _exponents = new int[QueryTile];   // powers of two by which the careful rows' scores are too small
    private readonly byte[] _columns = new byte[QueryTile];   // bit g: the row's selection has columns 16 g to 16 g + 15 of the key tile

    private CpuKernel? _kernel;
    private RowSelection? _selection;
    private bool _selectsAll;
    private int _firstKey;
    private int _endKey;
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
        const int floats = (2 * QueryTile * TileMath.RowStride) + (QueryTile * KeyTile) + (Blocks * TileMath.StateSize);
        _math = math;
        _memory = new NativeBuffer((floats * sizeof(float)) + (2 * QueryTile * sizeof(float*)), "a worker's scratch");
        _rows = _memory.Floats;
        _scores = _rows + 2 * QueryTile * TileMath.RowStride;
        _state = _scores + QueryTile * KeyTile;
        _q = (float**)(_rows + floats);
        _output = _q + QueryTile;
        new Span<float>(_rows, floats).Clear();
    }

    /// <summary>Query head of the tile.</summary>
    public int Head { get; private set; }

    /// <summary>Query heads of the call.</summary>
    public int Heads { get; private set; }

    /// <summary>Queries in the tile.</summary>
    public int Rows { get; private set; }

    /// <summary>Absolute position of the first query.</summary>
    public int Q0 => _positions[0];

    /// <summary>Absolute position of the last query, included.</summary>
    public int Q1 => _positions[Rows - 1];

    /// <summary>Keys of the sequence; key positions are [0, Keys).</summary>
    public int Keys { get; private set; }

    /// <summary>Absolute position of the query of a row; ascending.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public int Position(int row) => _positions[row];

    /// <summary>Last key position of the key tile that starts at <paramref name="k0"/>.</summary>
    public int LastKey(int k0) => Math.Min(k0 + KeyTile, Keys) - 1;

    /// <summary>The key tiles that touch the ranges: ascending starts, multiples of <see cref="KeyTile"/>, each once. Cuts them
    /// to the keys that are attended now, and sorts and merges <paramref name="ranges"/> in place.</summary>
    public KeyTileEnumerator KeyTiles(Span<KeyRange> ranges) => new(KeyTileEnumerator.Normalize(ranges, _firstKey, _endKey));

    /// <summary>Pass: scores of the key tile at <paramref name="k0"/>, scale * Q K^T, [query, key].</summary>
    /// <param name="k0">Start of the key tile.</param>
    /// <param name="kind">The tile's class. A partial tile must be masked with <see cref="Keep"/> before
    /// <see cref="Accumulate"/>: its rows that attend nothing are not computed and hold leftovers.</param>
    /// <exception cref="OperationCanceledException">The call was cancelled.</exception>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Scores(int k0, TileKind kind)
    {
        _cancellation.ThrowIfCancellationRequested();
        _selectsAll = _selection is null || _selection.Select(k0, _positions.AsSpan(0, Rows), _columns);
        float* keys = _keys + k0 / KeyTile * _tileSize;
        for (int block = 0; block < _blocks; block++)
        {
            int row = block * TileMath.BlockRows;
            if (!IsSelected(row) || (kind != TileKind.Full && IsEmpty(row, k0)))
                continue;
            _math.Scores(_q + row, keys, _scores + row * KeyTile, _dim);
            if (_careful)
                Grow(row);
        }
    }

    /// <summary>Positions of sixteen keys from <paramref name="k0"/> + <paramref name="column"/>, clamped to the last key.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<int> KeysAt(int k0, int column) =>
        Vector512.Min(Vector512.Create(k0 + column) + Vector512<int>.Indices, Vector512.Create(Keys - 1));

    /// <summary>Sixteen scores of a row from column <paramref name="column"/> of the key tile.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> Load(int row, int column) => Vector512.Load(At(row, column));

    /// <summary>Replaces sixteen scores.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Store(int row, int column, Vector512<float> scores) => scores.Store(At(row, column));

    /// <summary>Sets the scores whose lane is zero in <paramref name="attends"/> to -infinity.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Keep(int row, int column, Vector512<int> attends)
    {
        Vector512<float> hidden = Vector512.Equals(attends, Vector512<int>.Zero).AsSingle();
        Vector512.ConditionalSelect(hidden, Vector512.Create(float.NegativeInfinity), Load(row, column)).Store(At(row, column));
    }

    /// <summary>Pass: online softmax over the scores of the key tile at <paramref name="k0"/>, and output += P V.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Accumulate(int k0)
    {
        if (Keys - k0 < KeyTile)
            HideColumns(Keys - k0);
        if (!_selectsAll)
            HideUnselected();
        HideRows(Rows);

        float* values = _keys + k0 / KeyTile * _tileSize + KeyTile * _dim;
        bool special = !_special.IsEmpty && _special.Span[k0 / KeyTile];
        for (int block = 0; block < _blocks; block++)
        {
            int row = block * TileMath.BlockRows;
            if (!IsSelected(row))
                continue;
            float* scores = _scores + row * KeyTile;
            float* state = _state + block * TileMath.StateSize;
            if (_unit != 1)
                ToPowersOfTwo(scores);
            if (!_math.Softmax(scores, state))
                continue;
            if (special)
                AccumulateSeen(scores, values, _output + row, state + TileMath.AlphaOffset);
            else
                _math.Accumulate(scores, values, _output + row, state + TileMath.AlphaOffset, _paddedDim);
        }
    }

    /// <summary>Runs <paramref name="kernel"/> over the keys [<paramref name="firstKey"/>, <paramref name="endKey"/>), of which each
    /// row takes those that <paramref name="selection"/> has, or all where it is null. Both ends are multiples of 16, or the end is
    /// the last key.</summary>
    internal void Attend(CpuKernel kernel, int firstKey, int endKey, RowSelection? selection)
    {
        (_kernel, _firstKey, _endKey, _selection) = (kernel, firstKey, Math.Min(endKey, Keys), selection);
        if (_firstKey < _endKey)
            kernel.Attend(this);
    }

    /// <summary>Gives the scratch memory back.</summary>
    internal void Free() => _memory.Dispose();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private float* At(int row, int column) => _scores + row * KeyTile + column;

    // Whether any row of the block that starts at a row takes any column of the key tile.
    private bool IsSelected(int row)
    {
        if (_selectsAll)
            return true;
        for (int end = Math.Min(row + TileMath.BlockRows, Rows); row < end; row++)
        {
            if (_columns[row] != 0)
                return true;
        }

        return false;
    }

    private bool IsEmpty(int row, int k0)
    {
        int last = Math.Min(row + TileMath.BlockRows, Rows) - 1;
        return _kernel!.Classify(_positions[row], _positions[last], k0, LastKey(k0), Head) == TileKind.Empty;
    }

    // Columns past the last key hold scores of padding.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void HideColumns(int first)
    {
        for (int row = 0; row < Rows; row++)
            new Span<float>(_scores + row * KeyTile + first, KeyTile - first).Fill(float.NegativeInfinity);
    }

    // The rows that fill the last block up attend nothing: a block without a row that attends must not touch its key tile, which
    // may never have been packed.
    private void HideRows(int first)
    {
        new Span<float>(_scores + first * KeyTile, (_blocks * TileMath.BlockRows - first) * KeyTile).Fill(float.NegativeInfinity);
    }

    // Keys that a row did not select.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void HideUnselected()
    {
        for (int row = 0; row < Rows; row++)
        {
            int columns = _columns[row];
            if (columns == RowSelection.AllColumns)
                continue;
            for (int column = 0; column < KeyTile; column += RowSelection.Columns, columns >>= 1)
            {
                if ((columns & 1) == 0)
                    Vector512.Create(float.NegativeInfinity).Store(At(row, column));
            }
        }
    }
}
