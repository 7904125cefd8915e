using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace MoBA.Runtime.Cpu;

/// <summary>
/// Keys and values of every (key head, sequence) as float in the order that the tile arithmetic reads them:
/// keys [tile][dim][64], so that a step of dim meets 64 keys in one place, and values [tile][panel][64][width].
/// Keys past the end of a sequence are 0. Memory is linear in the number of key tokens.
/// </summary>
internal sealed unsafe class PackedKeys
{
    private const int KeyTile = CpuTile.KeyTile;

    private readonly AttentionProblem _problem;
    private readonly TileMath _math;
    private readonly float* _data;
    private readonly int[] _firstTile;
    private readonly bool[] _special;   // tiles with a value that is infinite or NaN
    private volatile bool _anySpecial;
    private long _packed;
    private float _largestKey;
    private float _largestValue;

    /// <summary>Lays the problem out in <paramref name="data"/>, which <see cref="Pack"/> fills.</summary>
    public PackedKeys(AttentionProblem problem, TileMath math, float* data)
    {
        _problem = problem;
        _math = math;
        _data = data;
        PaddedDim = Padded(problem.Dim);
        _firstTile = FirstTiles(problem);
        _special = new bool[Tiles];
    }

    /// <summary>Columns of a value row, zeros included.</summary>
    public int PaddedDim { get; }

    /// <summary>Key tiles packed so far.</summary>
    public long Packed => _packed;

    /// <summary>Largest finite magnitude among the keys packed so far.</summary>
    public float LargestKey => _largestKey;

    /// <summary>The values are divided by two to this power, so that their sums fit float; 0 unless they are huge.</summary>
    public int ValueExponent { get; private set; }

    /// <summary>Key tiles of all sequences and key heads.</summary>
    public long Tiles => (long)_firstTile[^1] * _problem.KeyHeads;

    /// <summary>Bytes that <paramref name="problem"/> needs.</summary>
    public static long Bytes(AttentionProblem problem) => problem.Sequences.Sum(s => Bytes(problem, s));

    /// <summary>Bytes that one sequence of <paramref name="problem"/> needs.</summary>
    public static long Bytes(AttentionProblem problem, AttentionSequence sequence) =>
        ((long)sequence.Keys + KeyTile - 1) / KeyTile * problem.KeyHeads * KeyTile * (problem.Dim + Padded(problem.Dim)) * sizeof(float);

    /// <summary>The transposed keys of the key tile that starts at <paramref name="k0"/>.</summary>
    public float* Keys(int sequence, int head, int k0) => _data + Index(sequence, head, k0) * TileSize;

    /// <summary>The values of the key tile that starts at <paramref name="k0"/>.</summary>
    public float* Values(int sequence, int head, int k0) => Keys(sequence, head, k0) + KeyTile * _problem.Dim;

    /// <summary>Whether the key tiles of one sequence and head, in order, have a value that is infinite or NaN; empty where no
    /// tile at all has one.</summary>
    public ReadOnlyMemory<bool> Special(int sequence, int head) =>
        _anySpecial ? _special.AsMemory((int)Index(sequence, head, 0), _firstTile[sequence + 1] - _firstTile[sequence]) : default;

    /// <summary>Floats from a key tile to the next: its keys, then its values.</summary>
    public long TileSize => KeyTile * (_problem.Dim + PaddedDim);

    /// <summary>Packs one key tile; <paramref name="tile"/> counts over heads first, whose rows of a token lie side by side.</summary>
    public void Pack(long tile)
    {
        Interlocked.Increment(ref _packed);
        int head = (int)(tile % _problem.KeyHeads);
        int inHead = (int)(tile / _problem.KeyHeads);
        int sequence = SequenceOf(inHead);
        AttentionSequence s = _problem.Sequences[sequence];
        int k0 = (inHead - _firstTile[sequence]) * KeyTile;
        int count = Math.Min(KeyTile, s.Keys - k0);
        PackTransposed(s.FirstKeyToken + k0, count, head, Keys(sequence, head, k0));
        if (PackPanels(s.FirstKeyToken + k0, count, head, Values(sequence, head, k0)))
        {
            _special[Index(sequence, head, k0)] = true;
            _anySpecial = true;
        }
    }

    /// <summary>Pass, after all tiles were packed: sets <see cref="ValueExponent"/>.</summary>
    /// <returns>Whether every tile must be given to <see cref="ShrinkValues"/>.</returns>
    public bool MustShrinkValues()
    {
        ValueExponent = Magnitude.Excess((double)_largestValue * _problem.Sequences.Max(s => s.Keys));
        return ValueExponent > 0;
    }

    /// <summary>Divides the values of one tile, numbered as for <see cref="Pack"/>.</summary>
    public void ShrinkValues(long tile)
    {
        float* keys = _data + ((tile % _problem.KeyHeads * _firstTile[^1]) + (tile / _problem.KeyHeads)) * TileSize;
        Magnitude.Scale(new Span<float>(keys + KeyTile * _problem.Dim, KeyTile * PaddedDim), -ValueExponent);
    }

    private long Index(int sequence, int head, int k0) => (long)head * _firstTile[^1] + _firstTile[sequence] + k0 / KeyTile;

    private static int Padded(int dim) => (dim + TileMath.ColumnStep - 1) / TileMath.ColumnStep * TileMath.ColumnStep;

    // The first tile of every sequence within a head, and the number of tiles of a head.
    private static int[] FirstTiles(AttentionProblem problem)
    {
        int[] first = new int[problem.Sequences.Length + 1];
        for (int i = 0; i < problem.Sequences.Length; i++)
            first[i + 1] = first[i] + (int)(((long)problem.Sequences[i].Keys + KeyTile - 1) / KeyTile);
        return first;
    }

    // Empty sequences share their first tile with the next one: the last that starts at or before the tile is the one that has it.
    private int SequenceOf(int tile)
    {
        int low = 0;
        int high = _firstTile.Length - 2;
        while (low < high)
        {
            int middle = (low + high + 1) / 2;
            (low, high) = _firstTile[middle] <= tile ? (middle, high) : (low, middle - 1);
        }

        return low;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void PackTransposed(int token, int count, int head, float* keys)
    {
        int dim = _problem.Dim;
        float* rows = stackalloc float[4 * dim];
        float largest = 0;
        for (int key = 0; key < KeyTile; key += 4)
        {
            for (int i = 0; i < 4; i++)
            {
                Span<float> row = new(rows + i * dim, dim);
                if (key + i < count)
                    _problem.K.ReadRow(token + key + i, head, row);
                else
                    row.Clear();
            }

            largest = Math.Max(largest, Magnitude.Largest(new ReadOnlySpan<float>(rows, 4 * dim), out _));
            Transpose(rows, dim, keys + key);
        }

        Magnitude.Raise(ref _largestKey, largest);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Transpose(float* rows, int dim, float* keys)
    {
        for (float* end = rows + dim; rows < end; rows++, keys += KeyTile)
        {
            Vector128.Create(rows[0], rows[dim], rows[2 * dim], rows[3 * dim]).Store(keys);
        }
    }

    // Returns whether a value is infinite or NaN.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private bool PackPanels(int token, int count, int head, float* values)
    {
        float* row = stackalloc float[PaddedDim];
        Span<float> components = new(row, _problem.Dim);
        new Span<float>(row, PaddedDim).Clear();
        bool any = false;
        float largest = 0;
        for (int key = 0; key < KeyTile; key++)
        {
            if (key < count)
                _problem.V.ReadRow(token + key, head, components);
            else
                components.Clear();

            largest = Math.Max(largest, Magnitude.Largest(components, out bool special));
            any |= special;
            for (int column = 0, width; column < PaddedDim; column += width)
            {
                width = _math.PanelWidth(PaddedDim - column);
                new ReadOnlySpan<float>(row + column, width).CopyTo(new Span<float>(values + column * KeyTile + key * width, width));
            }
        }

        Magnitude.Raise(ref _largestValue, largest);
        return any;
    }
}
