using System.Runtime.CompilerServices;

namespace MoBA.Runtime.Cuda;

/// <summary>The kernels that take a pattern, launched on one checked call: what they are told of it, and how many blocks run.</summary>
internal sealed unsafe class CallKernels(TensorCoreAttention attention, in CudaCall call, CudaStream stream)
{
    private readonly CudaCall _call = call;

    /// <summary>Attention of a pattern, all heads.</summary>
    /// <param name="pattern">The pattern.</param>
    /// <param name="hash">The hash of its text.</param>
    /// <param name="turn">Where the device keeps which path the call takes; 0 to run whatever it is.</param>
    /// <param name="union">Tiles of queries with what they chose together; null where the launch is of the gathered path.</param>
    public void Attend<TPattern, TRuns, TQuery, TKey>(TPattern pattern, string hash, long turn = 0, CudaUnion? union = null)
        where TPattern : unmanaged, ICudaPattern<TRuns, TQuery, TKey>
        where TRuns : unmanaged
        where TQuery : unmanaged
        where TKey : unmanaged
    {
        bool isBounded = TileShape.CanBeBounded(attention.Target, _call.Kind, pattern.ScoreBound);
        AttentionKernel kernel = attention.Kernel<TPattern, TRuns, TQuery, TKey>(
            KernelPass.Attend, TileShape.For(attention.Target, _call.Dim, _call.Kind, isBounded), hash);
        CudaProblem problem = OfTiles(kernel.Tiles);
        problem.Tiles = union?.Tiles ?? problem.Tiles;
        problem.Turn = turn;
        problem.Path = (long)(union is null ? AttendPath.Gathered : AttendPath.Union);
        Launch(kernel, Blocks(kernel, problem.Items), &problem, &pattern, null);
    }

    /// <summary>Attention of rows that chose a block, for the list heads at hand.</summary>
    /// <param name="pattern">The pattern.</param>
    /// <param name="hash">The hash of its text.</param>
    /// <param name="routing">The list heads, and who chose what.</param>
    public void Routed<TPattern, TRuns, TQuery, TKey>(TPattern pattern, string hash, CudaRouting routing)
        where TPattern : unmanaged, ICudaPattern<TRuns, TQuery, TKey>
        where TRuns : unmanaged
        where TQuery : unmanaged
        where TKey : unmanaged
    {
        TileShape shape = TileShape.For(attention.Target, _call.Dim, _call.Kind);
        shape = shape with { Role = KernelRole.Routed, BlockKeys = RoutedKeys(shape, routing.BlockSize) };
        AttentionKernel kernel = attention.Kernel<TPattern, TRuns, TQuery, TKey>(KernelPass.Routed, shape, hash);
        CudaProblem problem = _call.Problem();
        problem.Items = routing.ListHeadsTogether * routing.ItemsPerHead;
        problem.Counters = attention.Counters();
        Launch(kernel, Blocks(kernel, problem.Items * (CudaRouting.ItemRows / kernel.Tiles.Queries)), &problem, &pattern, &routing);
    }

    /// <summary>Attention of the rows that an expert of a mixture was given.</summary>
    /// <param name="pattern">The expert's pattern.</param>
    /// <param name="hash">The hash of its text.</param>
    /// <param name="rows">The rows.</param>
    public void Experts<TPattern, TRuns, TQuery, TKey>(TPattern pattern, string hash, ExpertRows rows)
        where TPattern : unmanaged, ICudaPattern<TRuns, TQuery, TKey>
        where TRuns : unmanaged
        where TQuery : unmanaged
        where TKey : unmanaged
    {
        bool isBounded = TileShape.CanBeBounded(attention.Target, _call.Kind, pattern.ScoreBound);
        AttentionKernel kernel = attention.Kernel<TPattern, TRuns, TQuery, TKey>(
            KernelPass.Experts, TileShape.For(attention.Target, _call.Dim, _call.Kind, isBounded).OfLists(), hash);
        CudaProblem problem = _call.Problem();
        problem.Counters = attention.Counters();
        problem.Items = MixtureSchedule.MostItemsOfExpert(_call.Sequences) * rows.Heads;
        Launch(kernel, Blocks(kernel, problem.Items * (CudaRouting.ItemRows / kernel.Tiles.Queries)), &problem, &pattern, &rows);
    }

    /// <summary>Keys of a tile of pass "routed".</summary>
    public static int RoutedKeys(TileShape shape, int blockSize) => shape.Dim == 256 || blockSize <= 64 ? 64 : 128;

    private uint Blocks(AttentionKernel kernel, int items) =>
        (uint)(kernel.Tiles.IsPersistent ? Math.Min(items, attention.Context.Device.Multiprocessors) : items);

    private CudaProblem OfTiles(TilePrinter tiles)
    {
        long together = attention.KeyTokensTogether(_call.Dim);
        CudaProblem problem = _call.Problem();
        problem.Tiles = attention.Data.Get<AttentionSequence, QueryTile, (int Queries, long Together)>(
            _call.Sequences, (tiles.Queries, together), static (sequences, s) => QueryTiles.Of(sequences, s.Queries, s.Together), out int count);
        problem.TileCount = count;
        problem.Counters = attention.Counters();
        problem.HeadsTogether = QueryTiles.HeadsTogether(_call.QueryHeads, problem.HeadsPerKeyHead, _call.KeyTokens, together);
        problem.Items = checked(count * _call.QueryHeads);
        return problem;
    }

    private void Launch(AttentionKernel kernel, uint blocks, CudaProblem* problem, void* pattern, void* third)
    {
        Maps maps = default;
        byte* aligned = (byte*)(((nint)(&maps) + 63) & -64);
        if (kernel.Tiles.TensorMaps > 0)
            Encode((TensorMap*)aligned, kernel.Tiles);
        void** parameters = stackalloc void*[] { problem, pattern, third == null ? aligned : third, aligned };
        kernel.Module.Launch(stream, blocks, parameters);
    }

    // A tensor without tokens has no map; a call without keys copies none of them. Where there are two maps, queries have none.
    private void Encode(TensorMap* maps, TilePrinter tiles)
    {
        if (tiles.TensorMaps == 3)
            *maps++ = TensorMap.Encode(attention.Context, _call.Kind, _call.Q, _call.QueryTokens, _call.QueryHeads, _call.Dim, TensorMap.Columns, tiles.Queries);
        maps[0] = _call.KeyTokens == 0 ? maps[-1] : Keys(_call.K);
        maps[1] = _call.KeyTokens == 0 ? maps[-1] : Keys(_call.V);

        TensorMap Keys(in CudaRows rows) =>
            TensorMap.Encode(attention.Context, _call.Kind, rows, _call.KeyTokens, _call.KeyHeads, _call.Dim, TensorMap.Columns, tiles.Keys);
    }

    [InlineArray((3 * TensorMap.Bytes) + 64)]
    private struct Maps
    {
        private byte _first;
    }
}
