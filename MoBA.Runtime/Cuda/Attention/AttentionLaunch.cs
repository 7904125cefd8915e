using System.Runtime.CompilerServices;
using MoBA.Runtime.Cpu;

namespace MoBA.Runtime.Cuda;

/// <summary>One launch of an attention kernel on a checked call.</summary>
internal sealed unsafe class AttentionLaunch(TensorCoreAttention attention, in CudaCall call, CudaStream stream) : CudaLaunch
{
    private readonly CudaCall _call = call;

    /// <inheritdoc/>
    public override CudaTable Table(ReadOnlyMemory<int> values, bool monotone)
    {
        CudaTable table = default;
        table.Length = values.Length;
        table.IsMonotone = monotone ? 1 : 0;
        if (values.IsEmpty)
            return table;
        TableContent<int> content = TableContent<int>.Of(values);
        if (monotone)
        {
            table.Values = table.Minima = table.Maxima = attention.Data.Get(content, static content => content.Values);
            return table;
        }

        // Both trees end in the values themselves.
        long bytes = (long)values.Length * sizeof(int);
        table.Minima = attention.Data.Get(content, static content => [.. RangeTree.Of(content).Minima, .. RangeTree.Of(content).Maxima]);
        table.Values = table.Minima + bytes;
        table.Maxima = table.Values + bytes;
        return table;
    }

    /// <inheritdoc/>
    public override CudaFloatTable Table(ReadOnlyMemory<float> values)
    {
        CudaFloatTable table = default;
        if (!values.IsEmpty)
            table.Values = attention.Data.Get(TableContent<float>.Of(values), static content => content.Values);
        return table;
    }

    /// <inheritdoc/>
    public override void Run<TPattern, TRuns, TQuery, TKey>(TPattern pattern, string source)
    {
        TileShape shape = TileShape.For(attention.Target, _call.Dim, _call.Kind, TileShape.CanBeBounded(attention.Target, _call.Kind, pattern.ScoreBound));
        AttentionKernel kernel = attention.Kernel<TPattern, TRuns, TQuery, TKey>(shape, source);
        long together = attention.KeyTokensTogether(_call.Dim);
        nint schedule = attention.Data.Get<AttentionSequence, QueryTile, (int Queries, long Together)>(
            _call.Sequences, (kernel.Tiles.Queries, together), static (sequences, s) => QueryTiles.Of(sequences, s.Queries, s.Together), out int tiles);
        CudaProblem problem = Problem(schedule, tiles, together);
        Maps maps = default;
        byte* aligned = (byte*)(((nint)(&maps) + 63) & -64);
        if (kernel.Tiles.TensorMaps > 0)
            Encode((TensorMap*)aligned, kernel.Tiles);
        void** parameters = stackalloc void*[] { &problem, &pattern, aligned };
        kernel.Module.Launch(stream, Grid(kernel, problem.Items), parameters);
    }

    private uint Grid(AttentionKernel kernel, int items) =>
        (uint)(kernel.Tiles.IsPersistent ? Math.Min(items, attention.Context.Device.Multiprocessors) : items);

    private CudaProblem Problem(nint schedule, int tiles, long together)
    {
        int headsPerKeyHead = _call.QueryHeads / _call.KeyHeads;
        return new()
        {
            Q = _call.Q.Pointer,
            K = _call.K.Pointer,
            V = _call.V.Pointer,
            Output = _call.Output.Pointer,
            Lse = _call.Lse,
            Tiles = schedule,
            Counters = attention.Counters(),
            QueryTokenStride = Bytes(_call.Q.TokenStride),
            QueryHeadStride = Bytes(_call.Q.HeadStride),
            KeyTokenStride = Bytes(_call.K.TokenStride),
            KeyHeadStride = Bytes(_call.K.HeadStride),
            ValueTokenStride = Bytes(_call.V.TokenStride),
            ValueHeadStride = Bytes(_call.V.HeadStride),
            OutputTokenStride = Bytes(_call.Output.TokenStride),
            OutputHeadStride = Bytes(_call.Output.HeadStride),
            TileCount = tiles,
            Heads = _call.QueryHeads,
            HeadsPerKeyHead = headsPerKeyHead,
            HeadsTogether = QueryTiles.HeadsTogether(_call.QueryHeads, headsPerKeyHead, _call.KeyTokens, together),
            Items = checked(tiles * _call.QueryHeads),
            Dim = _call.Dim,
            Scale = _call.Scale,

            // The maximum of the raw scores is that of the scaled ones only where the factor is positive.
            ScaleFirst = _call.Scale > 0 ? 0 : 1,
        };
    }

    // A tensor without tokens has no map; a call without keys copies none of them.
    private void Encode(TensorMap* maps, TilePrinter tiles)
    {
        maps[0] = TensorMap.Encode(attention.Context, _call.Kind, _call.Q, _call.QueryTokens, _call.QueryHeads, _call.Dim, TensorMap.Columns, tiles.Queries);
        maps[1] = _call.KeyTokens == 0 ? maps[0] : Keys(_call.K);
        maps[2] = _call.KeyTokens == 0 ? maps[0] : Keys(_call.V);

        TensorMap Keys(in CudaRows rows) =>
            TensorMap.Encode(attention.Context, _call.Kind, rows, _call.KeyTokens, _call.KeyHeads, _call.Dim, TensorMap.Columns, tiles.Keys);
    }

    private static long Bytes(nint elements) => (long)elements * sizeof(ushort);

    [InlineArray((3 * TensorMap.Bytes) + 64)]
    private struct Maps
    {
        private byte _first;
    }
}
