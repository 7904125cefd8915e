using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using MoBA.Runtime.Cpu.Routing;

namespace MoBA.Runtime.Cpu;

// What goes into a tile and what comes out of it: queries and softmax states in, outputs or states out.
public sealed unsafe partial class CpuTile
{
    private int _tokenOfPosition0;      // query token of position 0 of the sequence

    /// <summary>Takes up the queries [<paramref name="firstQuery"/>, + <paramref name="count"/>) of one sequence and head.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal void Begin(
        AttentionProblem problem, PackedKeys packed, int sequence, int head, int firstQuery, int count, CpuKernel? kernel, CancellationToken cancellation)
    {
        SetCall(problem, packed, sequence, head, kernel is { ModifiesScores: true }, cancellation);
        AttentionSequence s = problem.Sequences[sequence];
        SetRows(count);
        UseOwnRows(0, count);
        QueryScale scale = new(problem, packed, kernel is { ModifiesScores: true });
        for (int row = 0; row < count; row++)
        {
            _positions[row] = s.Position + firstQuery + row;
            _exponents[row] = scale.Read(s.FirstQueryToken + firstQuery + row, head, new(_q[row], _dim), ref _careful);
        }

        for (int block = 0; block < _blocks; block++)
            ClearState(block);
    }

    /// <summary>Takes up some of the rows of a chunk, ascending, with the softmax that they have so far. Their outputs grow where they
    /// lie.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal void Take(QueryRows rows, ReadOnlySpan<int> which, CancellationToken cancellation)
    {
        SetCall(rows.Problem, rows.Packed, rows.Sequence, rows.Head, rows.NaturalScores, cancellation);
        SetRows(which.Length);
        _careful = rows.Careful;
        for (int row = 0; row < which.Length; row++)
        {
            int from = which[row];
            _positions[row] = rows.Position(from);
            _exponents[row] = rows.Exponents[from];
            float* state = _state + row / TileMath.BlockRows * TileMath.StateSize;
            int inBlock = row % TileMath.BlockRows;
            if (inBlock == 0)
                new Span<float>(state + TileMath.MaxOffset, 16).Fill(float.NegativeInfinity);
            state[TileMath.MaxOffset + inBlock] = rows.Max[from];
            Vector512.Load(rows.Sums(from)).Store(state + TileMath.SumOffset + inBlock * 16);
            _q[row] = rows.Query(from);
            _output[row] = rows.Output(from);
            Prefetch(_q[row], _dim);
            Prefetch(_output[row], _paddedDim);
        }
    }

    /// <summary>Gives the softmax of the rows that were taken back to their chunk.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal void PutBack(QueryRows rows, ReadOnlySpan<int> which)
    {
        for (int row = 0; row < which.Length; row++)
        {
            int to = which[row];
            float* state = _state + row / TileMath.BlockRows * TileMath.StateSize;
            int inBlock = row % TileMath.BlockRows;
            rows.Max[to] = state[TileMath.MaxOffset + inBlock];
            Vector512.Load(state + TileMath.SumOffset + inBlock * 16).Store(rows.Sums(to));
        }
    }

    /// <summary>Normalises the rows and writes them, and their log-sum-exp where it was asked for.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal void End(AttentionProblem problem)
    {
        for (int row = 0; row < Rows; row++)
        {
            int token = _tokenOfPosition0 + _positions[row];
            problem.Output.WriteRow(token, Head, Normalise(row));
            if (problem.Lse is not null)
                problem.Lse[(long)token * Heads + Head] = Lse(row);
        }
    }

    /// <summary>The finished output of a row, [dim].</summary>
    internal Span<float> Normalise(int row)
    {
        float sum = Sum(row);
        Span<float> output = new(_output[row], _dim);
        TensorPrimitives.Multiply(output, sum == 0 ? 0 : 1 / sum, output);
        if (_valueExponent != 0)
            Magnitude.Scale(output, _valueExponent);
        return output;
    }

    /// <summary>Natural log-sum-exp of a row.</summary>
    internal float Lse(int row)
    {
        float sum = Sum(row);
        float max = _state[row / TileMath.BlockRows * TileMath.StateSize + TileMath.MaxOffset + row % TileMath.BlockRows];
        return sum == 0 ? float.NegativeInfinity : (max + MathF.Log2(sum)) * Ln2;
    }

    /// <summary>Forgets the call, so that a tile which is kept keeps nothing else.</summary>
    internal void Forget()
    {
        _kernel = null;
        _selection = null;
        _cancellation = default;
        _special = default;
        _keys = null;
    }

    private float Sum(int row) => Vector512.Sum(Vector512.LoadAligned(
        _state + row / TileMath.BlockRows * TileMath.StateSize + TileMath.SumOffset + row % TileMath.BlockRows * 16));

    private void SetCall(
        AttentionProblem problem, PackedKeys packed, int sequence, int head, bool naturalScores, CancellationToken cancellation)
    {
        AttentionSequence s = problem.Sequences[sequence];
        (Head, Heads, Keys) = (head, problem.QueryHeads, s.Keys);
        _tokenOfPosition0 = s.FirstQueryToken - s.Position;
        _keys = packed.Keys(sequence, problem.KeyHead(head), 0);
        (_tileSize, _dim, _paddedDim) = (packed.TileSize, problem.Dim, packed.PaddedDim);
        _unit = naturalScores ? Log2E : 1;
        _cancellation = cancellation;
        _careful = false;
        _valueExponent = packed.ValueExponent;
        _special = packed.Special(sequence, problem.KeyHead(head));
    }

    // Gathered rows lie where processors do not foresee them.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Prefetch(float* row, int count)
    {
        const int line = 64 / sizeof(float);
        for (int i = 0; i < count && Sse.IsSupported; i += line)
            Sse.Prefetch0(row + i);
    }

    // The rows that fill the last block up are computed too: their queries are 0.
    private void SetRows(int count)
    {
        Rows = count;
        _blocks = (count + TileMath.BlockRows - 1) / TileMath.BlockRows;
        int end = _blocks * TileMath.BlockRows;
        UseOwnRows(count, end);
        for (int row = count; row < end; row++)
        {
            _exponents[row] = 0;
            new Span<float>(_q[row], _dim).Clear();
            new Span<float>(_output[row], _paddedDim).Clear();
            new Span<float>(_state + row / TileMath.BlockRows * TileMath.StateSize + TileMath.SumOffset + row % TileMath.BlockRows * 16, 16).Clear();
        }
    }

    private void UseOwnRows(int first, int end)
    {
        for (int row = first; row < end; row++)
        {
            _q[row] = _rows + row * TileMath.RowStride;
            _output[row] = _rows + (QueryTile + row) * TileMath.RowStride;
        }
    }

    private void ClearState(int block)
    {
        float* state = _state + block * TileMath.StateSize;
        new Span<float>(state + TileMath.MaxOffset, 16).Fill(float.NegativeInfinity);
        new Span<float>(state + TileMath.SumOffset, TileMath.BlockRows * 16).Clear();
        for (int row = block * TileMath.BlockRows; row < (block + 1) * TileMath.BlockRows; row++)
            new Span<float>(_output[row], _paddedDim).Clear();
    }

    // An infinity or NaN among the values of a key that a query does not attend must not reach it: 0 times it is NaN.
    private void AccumulateSeen(float* probabilities, float* values, float** output, float* alpha)
    {
        for (int row = 0; row < TileMath.BlockRows; row++, probabilities += KeyTile)
        {
            Span<float> all = new(output[row], _paddedDim);
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
}
