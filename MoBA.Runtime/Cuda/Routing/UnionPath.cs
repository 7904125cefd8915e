using System.Globalization;
using System.Numerics;

namespace MoBA.Runtime.Cuda;

/// <summary>The union path of a call: the tiles of queries of its attention kernel, and memory for what they choose together. It is offered
/// where that is little.</summary>
internal sealed class UnionPath : IDisposable
{
    // What sets of blocks may take: they grow with the square of a sequence.
    private const long MostBytes = 64L << 20;

    private const int Alignment = 256;

    private readonly WorkspacePool _pool;
    private readonly CudaStream _stream;
    private readonly DeviceBlock _block;

    private UnionPath(WorkspacePool pool, CudaStream stream, DeviceBlock block, in CudaUnion sets, in CudaRouting routing) =>
        (_pool, _stream, _block, Sets, Routing) = (pool, stream, block, sets, routing);

    /// <summary>Where sets and numbers are.</summary>
    public CudaUnion Sets { get; }

    /// <summary>Where routes are.</summary>
    public CudaRouting Routing { get; }

    /// <summary>Bytes that it takes.</summary>
    public long Bytes => _block.Bytes;

    /// <summary>Offers the path. The context is current.</summary>
    /// <param name="attention">Kernels.</param>
    /// <param name="pool">Where memory comes from.</param>
    /// <param name="call">The call.</param>
    /// <param name="gate">The gate.</param>
    /// <param name="routing">Its routes.</param>
    /// <param name="taken">Bytes that the call has taken before.</param>
    /// <param name="stream">Where it runs.</param>
    /// <returns>Null where nobody asks for it, where sets of blocks are too large, or where there is no memory for them.</returns>
    public static UnionPath? Of(
        TensorCoreAttention attention, WorkspacePool pool, in CudaCall call, BlockGate gate, in CudaRouting routing, long taken, CudaStream stream)
    {
        if (call.Path == AttendPath.Gathered && call.Overlap == 0)
            return null;
        TileShape shape = TileShape.For(attention.Target, call.Dim, call.Kind);
        TilePrinter tiles = TilePrinter.For(shape);
        int keys = CallKernels.RoutedKeys(shape, gate.BlockSize), most = 0;
        foreach (AttentionSequence sequence in call.Sequences)
            most = Math.Max(most, gate.Blocks(sequence.Keys));
        CudaUnion sets = new()
        {
            Tiles = attention.Data.Get<AttentionSequence, QueryTile, (int Queries, long Together, int BlockSize)>(
                call.Sequences, (tiles.Queries, attention.KeyTokensTogether(call.Dim), gate.BlockSize),
                static (sequences, s) => QueryTiles.WithBlocks(sequences, s.Queries, s.Together, s.BlockSize), out int count),
            TileCount = count,
            RouteHeads = call.QueryHeads / routing.HeadsPerGate,
            Words = (most + 31) / 32,
            TileShift = BitOperations.Log2((uint)tiles.Queries),
            KeyTile = tiles.Keys,
            GatheredKeys = (gate.BlockSize + keys - 1) / keys * keys,
        };
        long items = (long)count * sets.RouteHeads, counts = Aligned(items * UnionCount.Bytes), bits = Aligned(items * sets.Words * 2 * sizeof(int));
        long bytes = counts + bits + (UnionVerdict.Length * sizeof(int));
        bool fits = bytes <= MostBytes && (pool.CallBytes is not { } limit || taken + WorkspacePool.ClassOf(bytes) <= limit);
        bool counted = (long)count * tiles.Queries <= int.MaxValue && (long)call.QueryTokens * call.QueryHeads * routing.SlotStride / 4 <= int.MaxValue;
        return fits && counted ? Rent(pool, stream, sets, routing, counts, bits, call.Overlap) : null;
    }

    /// <summary>The path of a call, by what was asked for and offered.</summary>
    /// <exception cref="InsufficientMemoryException">The union was asked for, and is not offered.</exception>
    public static AttendPath Wanted(ISparseExpert expert, in CudaCall call, UnionPath? union) => (call.Path, union) switch
    {
        (AttendPath.Union, null) => throw new InsufficientMemoryException(string.Create(
            CultureInfo.InvariantCulture,
            $"{expert.Info.Name} on {call.QueryTokens:N0} query tokens has too many blocks for AttendPath.Union, which keeps sets of them in at most {MostBytes:N0} bytes within AttentionEngineOptions.WorkspaceBytes: give fewer tokens a call, or AttendPath.Auto. The engine can be used on.")),
        (AttendPath.Auto, null) => AttendPath.Gathered,
        _ => call.Path,
    };

    /// <inheritdoc/>
    public void Dispose() => _pool.GiveBack(_block, _stream);

    private static UnionPath? Rent(
        WorkspacePool pool, CudaStream stream, CudaUnion sets, in CudaRouting routing, long counts, long bits, nint verdict)
    {
        try
        {
            DeviceBlock block = pool.Rent(counts + bits + (UnionVerdict.Length * sizeof(int)), "what tiles of queries choose together", stream);
            sets.Counts = block.Pointer;
            sets.Bits = sets.Counts + counts;
            sets.Verdict = verdict != 0 ? verdict : sets.Bits + bits;
            return new(pool, stream, block, sets, routing);
        }
        catch (InsufficientMemoryException)
        {
            return null;
        }
    }

    private static long Aligned(long bytes) => (bytes + Alignment - 1) & -Alignment;
}
