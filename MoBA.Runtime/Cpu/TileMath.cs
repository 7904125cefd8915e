using System.Runtime.Intrinsics;

namespace MoBA.Runtime.Cpu;

/// <summary>
/// The arithmetic of one block of six query rows against one key tile. Six rows by a full register width of columns is the
/// largest block whose accumulators stay in registers, so every broadcast and every load feeds several multiplies.
/// </summary>
internal abstract unsafe class TileMath
{
    /// <summary>Query rows of a block.</summary>
    public const int BlockRows = 6;

    /// <summary>Floats between query rows, and between output rows, of scratch memory: the largest dim and one cache line
    /// more, so that the rows of a block do not fall into the same cache sets.</summary>
    public const int RowStride = 256 + 16;

    /// <summary>Columns that dims are padded to in packed values and in output rows.</summary>
    public const int ColumnStep = 16;

    /// <summary>Offset in a block's state of the running row maxima, in powers of two, [16] of which six are used.</summary>
    public const int MaxOffset = 0;

    /// <summary>Offset of the factors that bring the output rows to the newest maxima, [16].</summary>
    public const int AlphaOffset = 16;

    /// <summary>Offset of what is subtracted from the scores: the maxima, and 0 where a row has seen no key, [16].</summary>
    public const int BaseOffset = 32;

    /// <summary>Offset of the running row sums, one a vector lane, [6][16].</summary>
    public const int SumOffset = 48;

    /// <summary>Floats of a block's state.</summary>
    public const int StateSize = SumOffset + BlockRows * 16;

    /// <summary>The arithmetic that is fastest on this machine.</summary>
    public static TileMath Best { get; } = Vector512.IsHardwareAccelerated ? new WideTileMath() : new NarrowTileMath();

    /// <summary>What it is, for people.</summary>
    public abstract string Name { get; }

    /// <summary>Width of the packed value panel that starts where <paramref name="columns"/> columns are left.</summary>
    public abstract int PanelWidth(int columns);

    /// <summary>scores[6][64] = q[6][dim] keys[dim][64]; the rows of q lie anywhere.</summary>
    public abstract void Scores(float** q, float* keys, float* scores, int dim);

    /// <summary>Online softmax of scores[6][64], in powers of two and in place: probabilities relative to the new maximum,
    /// and the block's state.</summary>
    /// <returns>Whether any row sees a key of this tile; if not, neither the state nor the output changes.</returns>
    public abstract bool Softmax(float* scores, float* state);

    /// <summary>output[6][columns] = alpha[6] * output + probabilities[6][64] values[64][columns]; values lie in panels of
    /// <see cref="PanelWidth"/> columns, [panel][64][width], and the rows of output anywhere.</summary>
    public abstract void Accumulate(float* probabilities, float* values, float** output, float* alpha, int columns);
}
