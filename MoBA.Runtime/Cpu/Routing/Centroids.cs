using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace MoBA.Runtime.Cpu.Routing;

/// <summary>
/// What a block gate knows of the blocks of every (sequence, key head), packed as keys are, so that the arithmetic of scores serves
/// the gate too: [tile of 64 blocks][part][dim][64]. With <see cref="Pooling.Mean"/> the part is the mean of the block's keys,
/// summed in float and rounded once to the type of k; with <see cref="Pooling.MinMax"/> there are two, the greatest and the least
/// value of every channel.
/// </summary>
internal sealed unsafe class Centroids : IDisposable
{
    /// <summary>Blocks in a tile.</summary>
    public const int Tile = CpuTile.KeyTile;

    private readonly AttentionProblem _problem;
    private readonly BlockGate _gate;
    private readonly NativeBuffer _memory;
    private readonly int[] _firstTile, _firstBlock;
    private float _largest;

    /// <summary>Takes memory for the blocks of <paramref name="problem"/>.</summary>
    public Centroids(AttentionProblem problem, BlockGate gate)
    {
        (_problem, _gate) = (problem, gate);
        Parts = gate.Pooling == Pooling.MinMax ? 2 : 1;
        _firstTile = new int[problem.Sequences.Length + 1];
        _firstBlock = new int[problem.Sequences.Length + 1];
        for (int i = 0; i < problem.Sequences.Length; i++)
        {
            int blocks = gate.Blocks(problem.Sequences[i].Keys);
            _firstBlock[i + 1] = _firstBlock[i] + blocks;
            _firstTile[i + 1] = _firstTile[i] + (blocks + Tile - 1) / Tile;
        }

        _memory = new NativeBuffer((long)_firstTile[^1] * problem.KeyHeads * TileSize * sizeof(float), "what the gate knows of the blocks");
        NativeMemory.Clear(_memory.Floats, (nuint)_memory.Bytes);
    }

    /// <summary>Vectors of a block.</summary>
    public int Parts { get; }

    /// <summary>Largest finite magnitude among the vectors.</summary>
    public float Largest => _largest;

    private long TileSize => (long)Parts * Tile * _problem.Dim;

    /// <summary>One part of the tile whose first block is <paramref name="block"/>, [dim][64].</summary>
    public float* At(int sequence, int keyHead, int block, int part) =>
        _memory.Floats + ((long)keyHead * _firstTile[^1] + _firstTile[sequence] + block / Tile) * TileSize + (long)part * Tile * _problem.Dim;

    /// <summary>Blocks of all sequences and key heads.</summary>
    public long Blocks => (long)_firstBlock[^1] * _problem.KeyHeads;

    /// <summary>Pass "centroids": pools one block of the packed keys.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Pool(PackedKeys packed, long number)
    {
        (long keyHead, long block) = Math.DivRem(number, _firstBlock[^1]);
        int sequence = SequenceOf(block);
        int inSequence = (int)block - _firstBlock[sequence];
        int first = inSequence * _gate.BlockSize, end = Math.Min(first + _gate.BlockSize, _problem.Sequences[sequence].Keys);
        float* to = At(sequence, (int)keyHead, inSequence, 0) + inSequence % Tile;
        float largest = 0;
        for (int d = 0; d < _problem.Dim; d++, to += Tile)
        {
            float* keys = packed.Keys(sequence, (int)keyHead, 0) + d * Tile;
            if (Parts == 1)
            {
                *to = Mean(keys, packed.TileSize, first, end);
                largest = Math.Max(largest, Finite(*to));
                continue;
            }

            float* least = to + Tile * _problem.Dim;
            (*to, *least) = Bounds(keys, packed.TileSize, first, end);
            largest = Math.Max(largest, Math.Max(Finite(*to), Finite(*least)));
        }

        Magnitude.Raise(ref _largest, largest);
    }

    /// <inheritdoc/>
    public void Dispose() => _memory.Dispose();

    // Empty sequences share their first block with the next one: the last that starts at or before the block has it.
    private int SequenceOf(long block)
    {
        int low = 0, high = _firstBlock.Length - 2;
        while (low < high)
        {
            int middle = (low + high + 1) / 2;
            (low, high) = _firstBlock[middle] <= block ? (middle, high) : (low, middle - 1);
        }

        return low;
    }

    private static float Finite(float x) => float.IsFinite(x) ? Math.Abs(x) : 0;

    // Sixteen keys at a time; keys past the last are 0.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private float Mean(float* keys, long tileSize, int first, int end)
    {
        Vector512<float> sum = Vector512<float>.Zero;
        for (int k = first; k < end; k += Vector512<float>.Count)
            sum += Vector512.Load(keys + k / Tile * tileSize + k % Tile);
        float mean = Vector512.Sum(sum) / (end - first);
        return _problem.K.Round(float.IsFinite(mean) ? mean : WideMean(keys, tileSize, first, end));
    }

    // Finite keys have a finite mean, also where their sum has left the range of float.
    private static float WideMean(float* keys, long tileSize, int first, int end)
    {
        double sum = 0;
        for (int k = first; k < end; k++)
            sum += keys[k / Tile * tileSize + k % Tile];
        return (float)(sum / (end - first));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static (float Most, float Least) Bounds(float* keys, long tileSize, int first, int end)
    {
        Vector512<float> most = Vector512.Create(float.NegativeInfinity), least = -most;
        for (int k = first; k < end; k += Vector512<float>.Count)
        {
            Vector512<float> sixteen = Vector512.Load(keys + k / Tile * tileSize + k % Tile);
            Vector512<float> isKey = Vector512.LessThan(Vector512<int>.Indices, Vector512.Create(end - k)).AsSingle();
            most = Vector512.Max(most, Vector512.ConditionalSelect(isKey, sixteen, most));
            least = Vector512.Min(least, Vector512.ConditionalSelect(isKey, sixteen, least));
        }

        float high = most[0], low = least[0];
        for (int lane = 1; lane < Vector512<float>.Count; lane++)
            (high, low) = (Math.Max(high, most[lane]), Math.Min(low, least[lane]));
        // An infinite bound times a channel of q that is 0 would be NaN.
        return (Math.Min(high, float.MaxValue), Math.Max(low, -float.MaxValue));
    }
}
