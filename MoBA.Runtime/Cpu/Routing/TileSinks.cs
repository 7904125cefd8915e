using System.Numerics.Tensors;
using System.Runtime.CompilerServices;

namespace MoBA.Runtime.Cpu.Routing;

/// <summary>Takes the tiles of an expert whose rows have seen all of its keys.</summary>
internal interface ITileSink
{
    /// <summary>Takes one tile; <paramref name="which"/> are its rows within the chunk.</summary>
    void Take(CpuTile tile, ReadOnlySpan<int> which);
}

/// <summary>The rows are finished: writes them.</summary>
internal sealed class WriteRows(AttentionProblem problem) : ITileSink
{
    /// <inheritdoc/>
    public void Take(CpuTile tile, ReadOnlySpan<int> which) => tile.End(problem);
}

/// <summary>The rows go on with another expert, in one softmax.</summary>
internal sealed class KeepStates(QueryRows rows) : ITileSink
{
    /// <inheritdoc/>
    public void Take(CpuTile tile, ReadOnlySpan<int> which) => tile.PutBack(rows, which);
}

/// <summary>The rows' outputs are added up, each with the weight of its route. The sums are kept at half their size: rounded weights
/// may add up to a little more than 1, and finite outputs have a finite mean.</summary>
internal sealed class WeightedRows : ITileSink
{
    private float[] _sum = [];
    private int _dim;

    /// <summary>Weight of each row of the chunk for the expert whose tiles come next.</summary>
    public float[] Weights { get; } = new float[QueryRows.MaxCount];

    /// <summary>Starts a chunk.</summary>
    public void Begin(int count, int dim)
    {
        _dim = dim;
        if (_sum.Length < count * dim)
            _sum = new float[QueryRows.MaxCount * dim];
        Array.Clear(_sum, 0, count * dim);
    }

    /// <summary>The finished sum of a row, [dim].</summary>
    public ReadOnlySpan<float> Finish(int row)
    {
        Span<float> half = Half(row);
        if (Magnitude.Largest(half, out _) > float.MaxValue / 2)
            Magnitude.Scale(half, 1);
        else
            TensorPrimitives.Multiply(half, 2, half);
        return half;
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Take(CpuTile tile, ReadOnlySpan<int> which)
    {
        for (int row = 0; row < which.Length; row++)
        {
            Span<float> half = Half(which[row]);
            TensorPrimitives.MultiplyAdd(tile.Normalise(row), Weights[which[row]] / 2, half, half);
        }
    }

    private Span<float> Half(int row) => _sum.AsSpan(row * _dim, _dim);
}
