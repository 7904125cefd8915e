namespace MoBA.Runtime.Cpu.Routing;

/// <summary>
/// A chunk of queries of one sequence and head, side by side, with the softmax that each has so far: what gathered tiles are taken
/// from and put back to. One worker owns it.
/// </summary>
internal sealed unsafe class QueryRows : IDisposable
{
    /// <summary>Most rows of a chunk: the queries and outputs of a head of dim 64 then fit a core's second-level cache twice.</summary>
    public const int MaxCount = 4096;

    private const int Lanes = 16;

    private NativeBuffer? _memory;
    private float* _q;          // [count][dim], scaled
    private float* _output;     // [count][padded dim], not yet normalised
    private float* _sums;       // [count][Lanes]
    private int _dim, _paddedDim, _position;

    /// <summary>The call.</summary>
    public AttentionProblem Problem { get; private set; } = null!;

    /// <summary>The call's keys and values.</summary>
    public PackedKeys Packed { get; private set; } = null!;

    /// <summary>Index of the sequence.</summary>
    public int Sequence { get; private set; }

    /// <summary>Query head.</summary>
    public int Head { get; private set; }

    /// <summary>Rows.</summary>
    public int Count { get; private set; }

    /// <summary>Whether scores stay in natural units until a score modifier has seen them.</summary>
    public bool NaturalScores { get; private set; }

    /// <summary>Whether a score could leave the range of float.</summary>
    public bool Careful { get; private set; }

    /// <summary>Powers of two by which the scores of a row are too small.</summary>
    public int[] Exponents { get; } = new int[MaxCount];

    /// <summary>Running maxima of the scores, in powers of two.</summary>
    public float[] Max { get; } = new float[MaxCount];

    /// <summary>Absolute position of a row.</summary>
    public int Position(int row) => _position + row;

    /// <summary>The scaled query of a row, [dim].</summary>
    public float* Query(int row) => _q + (long)row * _dim;

    /// <summary>The output of a row so far, [padded dim].</summary>
    public float* Output(int row) => _output + (long)row * _paddedDim;

    /// <summary>The running sums of a row, one a vector lane, [16].</summary>
    public float* Sums(int row) => _sums + (long)row * Lanes;

    /// <summary>Reads and scales the queries of a chunk and head.</summary>
    public void Load(in ChunkPlace place, PackedKeys packed, int head, bool naturalScores)
    {
        (Problem, Packed, Sequence, Head, Count, NaturalScores) = (place.Problem, packed, place.Index, head, place.Count, naturalScores);
        Reserve(Problem.Dim, packed.PaddedDim);
        _position = place.Position(0);
        QueryScale scale = new(Problem, packed, naturalScores);
        bool careful = false;
        for (int row = 0; row < Count; row++)
            Exponents[row] = scale.Read(place.FirstToken + row, head, new(Query(row), _dim), ref careful);
        Careful = careful;
    }

    /// <summary>Whether the queries of that chunk and head are here.</summary>
    public bool Holds(in ChunkPlace place, int head, bool naturalScores) =>
        ReferenceEquals(Problem, place.Problem) && (Sequence, Head, Count, _position, NaturalScores) == (place.Index, head, place.Count, place.Position(0), naturalScores);

    /// <summary>Forgets what the rows have seen.</summary>
    public void Clear()
    {
        Max.AsSpan(0, Count).Fill(float.NegativeInfinity);
        new Span<float>(_output, Count * _paddedDim).Clear();
        new Span<float>(_sums, Count * Lanes).Clear();
    }

    /// <summary>Forgets the call.</summary>
    public void Forget() => (Problem, Packed) = (null!, null!);

    /// <inheritdoc/>
    public void Dispose() => _memory?.Dispose();

    private void Reserve(int dim, int paddedDim)
    {
        long floats = (long)MaxCount * (dim + paddedDim + Lanes);
        if (_memory is null || _memory.Bytes < floats * sizeof(float))
        {
            _memory?.Dispose();
            _memory = null;
            _memory = new NativeBuffer(floats * sizeof(float), "a worker's queries");
        }

        (_dim, _paddedDim) = (dim, paddedDim);
        _q = _memory.Floats;
        _output = _q + (long)MaxCount * dim;
        _sums = _output + (long)MaxCount * paddedDim;
    }
}
