using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using MoBA.Runtime.Cuda;
using Xunit;

namespace MoBA.Runtime.Tests.Cuda.Emulation;

/// <summary>A call on the emulated machine.</summary>
internal interface IAttentionProblem
{
    /// <summary>Sets a component of a value.</summary>
    void SetValue(int token, int keyHead, int component, float value);

    /// <summary>Runs the kernel.</summary>
    /// <param name="target">For which machine.</param>
    /// <param name="blocks">Blocks, at most as many as there are items; 0 are as many.</param>
    /// <param name="seed">Of the emulation.</param>
    /// <param name="edit">Changes the kernel's text.</param>
    /// <exception cref="PtxException">The kernel does what it must not, or waits for ever.</exception>
    void Run(KernelTarget target, int blocks = 0, int seed = 0, Func<string, string>? edit = null);

    /// <summary>Compares every row of the output with attention as it is defined.</summary>
    void Check(double? error = null);
}

/// <summary>Tensors in one memory, rows of a token with some noise behind them; a kernel that runs on them, and what should come out.</summary>
/// <typeparam name="TPattern">The pattern.</typeparam>
/// <typeparam name="TRuns">Its runs.</typeparam>
internal sealed class AttentionProblem<TPattern, TRuns> : IAttentionProblem
    where TPattern : unmanaged, ICudaPattern<TRuns, int, int>
    where TRuns : unmanaged
{
    private const int TokenPadding = 8;
    private const float Scale = 0.3f;

    // The token before the first query and that behind the last; two tokens before the first key, one behind the last.
    private const int OtherQueries = 2, OtherKeys = 3;

    private readonly int _q, _k, _v, _o, _lse, _tiles, _counters, _queryStride, _keyStride, _queryTokens, _keyTokens;

    public AttentionProblem(int dim, bool isHalf, int queries, int keys, int heads = 2, int keyHeads = 1)
    {
        (Dim, IsHalf, Heads, KeyHeads) = (dim, isHalf, heads, keyHeads);
        (_queryTokens, _keyTokens) = (queries + OtherQueries, keys + OtherKeys);
        (_queryStride, _keyStride) = (2 * ((heads * dim) + TokenPadding), 2 * ((keyHeads * dim) + TokenPadding));
        _q = 64;
        _k = _q + (_queryTokens * _queryStride);
        _v = _k + (_keyTokens * _keyStride);
        _o = _v + (_keyTokens * _keyStride);
        _lse = _o + (_queryTokens * _queryStride);
        _counters = (_lse + (_queryTokens * Heads * 4) + 31) & ~31;
        _tiles = _counters + 32;
        Memory = new byte[_tiles + 1024];
        Random random = new(1);
        Span<ushort> elements = MemoryMarshal.Cast<byte, ushort>(Memory.AsSpan(0, _o));
        for (int i = 0; i < elements.Length; i++)
            elements[i] = PtxMath.Round((random.NextSingle() * 4) - 2, isHalf);
        Memory.AsSpan(_o, _counters - _o).Fill(0xCD);
    }

    public int Dim { get; }

    public bool IsHalf { get; }

    public int Heads { get; }

    public int KeyHeads { get; }

    public byte[] Memory { get; }

    public required TPattern Pattern { get; init; }

    public required QueryTile[] Records { get; init; }

    public bool ScaleFirst { get; init; }

    public void SetValue(int token, int keyHead, int component, float value) =>
        MemoryMarshal.Write(Memory.AsSpan(_v + (token * _keyStride) + (2 * ((keyHead * Dim) + component))), PtxMath.Round(value, IsHalf));

    public void Run(KernelTarget target, int blocks = 0, int seed = 0, Func<string, string>? edit = null)
    {
        ElementKind element = IsHalf ? ElementKind.Half : ElementKind.BFloat16;
        TileShape shape = TileShape.For(target, Dim, element, TileShape.CanBeBounded(target, element, Pattern.ScoreBound));
        (KernelText text, PtxProgram program) = AttentionKernels.Of<TPattern, TRuns>(shape);
        if (edit is not null)
            program = new(edit(text.Ptx));
        MemoryMarshal.AsBytes(Records.AsSpan()).CopyTo(Memory.AsSpan(_tiles));
        byte[] problem = Bytes(Parameters()), pattern = Bytes(Pattern);
        byte[] parameters = target == KernelTarget.Sm90a ? program.Pack(problem, pattern, Maps(TilePrinter.For(shape))) : program.Pack(problem, pattern);
        new PtxGrid(program, text.Threads, text.SharedBytes, parameters, Memory).Run(blocks == 0 ? Records.Length * Heads : blocks, seed);
    }

    public void Check(double? error = null)
    {
        float[] elements = new float[_lse / 2];
        for (int i = 0; i < elements.Length; i++)
            elements[i] = PtxMath.Element(BitConverter.ToUInt16(Memory, 2 * i), IsHalf);
        foreach (QueryTile record in Records)
        {
            for (int row = 0; row < record.Queries; row++)
            {
                for (int head = 0; head < Heads; head++)
                    Check(elements, record, row, head, error ?? (IsHalf ? 0.004 : 0.03));
            }
        }

        foreach (int token in new[] { 0, _queryTokens - 1 }.Where(t => !Records.Any(r => r.QueryToken <= t && t < r.QueryToken + r.Queries)))
            Assert.True(Memory.AsSpan(_o + (token * _queryStride), _queryStride).IndexOfAnyExcept((byte)0xCD) < 0, $"token {token}, no query, was written");
        Assert.Equal(0, BitConverter.ToInt64(Memory, _counters));
    }

    private void Check(float[] elements, QueryTile tile, int row, int head, double error)
    {
        int position = tile.Position + row, token = tile.QueryToken + row;
        ReadOnlySpan<float> q = Row(_q, _queryStride, token, head);
        double sum = 0;
        double[] expected = new double[Dim];
        for (int k = 0; k < tile.Keys; k++)
        {
            if (!Pattern.Attends(position, k))
                continue;
            int keyHead = head / (Heads / KeyHeads);
            float score = TensorPrimitives.Dot(q, Row(_k, _keyStride, tile.KeyToken + k, keyHead)) * Scale;
            double weight = Math.Exp(Pattern.HasScore ? Pattern.Score(score, position, k) : score);
            sum += weight;
            ReadOnlySpan<float> v = Row(_v, _keyStride, tile.KeyToken + k, keyHead);
            for (int i = 0; i < v.Length; i++)
                expected[i] += weight * v[i];
        }

        ReadOnlySpan<float> o = Row(_o, _queryStride, token, head);
        for (int i = 0; i < o.Length; i++)
            Assert.Equal(sum == 0 ? 0 : expected[i] / sum, o[i], error);
        double lse = BitConverter.ToSingle(Memory, _lse + (((token * Heads) + head) * 4));
        if (sum == 0)
            Assert.Equal(double.NegativeInfinity, lse);
        else
            Assert.Equal(Math.Log(sum), lse, 0.001);

        ReadOnlySpan<float> Row(int tensor, int stride, int ofToken, int ofHead) => elements.AsSpan(((tensor + (ofToken * stride)) / 2) + (ofHead * Dim), Dim);
    }

    private CudaProblem Parameters() => new()
    {
        Q = _q,
        K = _k,
        V = _v,
        Output = _o,
        Lse = _lse,
        Tiles = _tiles,
        Counters = _counters,
        QueryTokenStride = _queryStride,
        QueryHeadStride = 2 * Dim,
        KeyTokenStride = _keyStride,
        KeyHeadStride = 2 * Dim,
        ValueTokenStride = _keyStride,
        ValueHeadStride = 2 * Dim,
        OutputTokenStride = _queryStride,
        OutputHeadStride = 2 * Dim,
        TileCount = Records.Length,
        Heads = Heads,
        HeadsPerKeyHead = Heads / KeyHeads,
        HeadsTogether = Heads / KeyHeads,
        Items = Records.Length * Heads,
        Dim = Dim,
        Scale = Scale,
        ScaleFirst = ScaleFirst ? 1 : 0,
    };

    private byte[] Maps(TilePrinter tiles)
    {
        PtxTensorMap queries = new()
        {
            Address = _q,
            HeadStride = 2 * Dim,
            TokenStride = _queryStride,
            Dim = Dim,
            Heads = Heads,
            Tokens = _queryTokens,
            BoxColumns = TensorMap.Columns,
            BoxRows = tiles.Queries,
        };
        PtxTensorMap keys = queries with { Address = _k, TokenStride = _keyStride, Heads = KeyHeads, Tokens = _keyTokens, BoxRows = tiles.Keys };
        return [.. Bytes(queries), .. Bytes(keys), .. Bytes(keys with { Address = _v })];
    }

    private static byte[] Bytes<T>(T value)
        where T : unmanaged => MemoryMarshal.AsBytes(new ReadOnlySpan<T>(in value)).ToArray();
}
