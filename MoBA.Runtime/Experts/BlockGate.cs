namespace MoBA.Runtime;

/// <summary>
/// The block gate of an expert: a query attends its own block of keys and the <see cref="TopK"/> - 1 past blocks that its gate
/// scores highest (MoBA, Lu et al., 2025; docs/routing.md has the exact meaning).
/// </summary>
public sealed class BlockGate
{
    /// <summary>Block sizes are multiples of this.</summary>
    public const int BlockStep = 16;

    private readonly Shape _shape;

    /// <summary>A gate whose block size and top-k are known at run time only.</summary>
    /// <exception cref="ArgumentException">A value is out of range.</exception>
    public BlockGate(int blockSize, int topK, Pooling pooling = Pooling.Mean, RouteScope scope = RouteScope.QueryHead)
    {
        if (blockSize > AttentionExtent.MaxPosition)
            throw new ArgumentException($"BlockSize is {blockSize}: it must be at most {AttentionExtent.MaxPosition}.", nameof(BlockSize));
        if (blockSize < BlockStep || blockSize % BlockStep != 0)
            throw new ArgumentException($"BlockSize is {blockSize}: it must be a multiple of {BlockStep}, at least {BlockStep}.", nameof(BlockSize));
        if (topK < 1)
            throw new ArgumentException($"TopK is {topK}: it must be at least 1, the query's own block.", nameof(TopK));
        (BlockSize, TopK, Pooling, Scope) = (blockSize, topK, pooling, scope);
        _shape = new Shape<GateShape>(new(blockSize, topK));
    }

    private BlockGate(Shape shape, int blockSize, int topK, Pooling pooling, RouteScope scope)
        : this(blockSize, topK, pooling, scope) => _shape = shape;

    /// <summary>Keys in a block: block i holds the keys [i * BlockSize, (i + 1) * BlockSize) of its sequence.</summary>
    public int BlockSize { get; }

    /// <summary>Blocks that a query attends, its own one counted.</summary>
    public int TopK { get; }

    /// <summary>What the gate knows of a block.</summary>
    public Pooling Pooling { get; }

    /// <summary>Which heads share a route.</summary>
    public RouteScope Scope { get; }

    /// <summary>A gate whose block size and top-k are constants of the generated code, so that its passes are compiled for them.</summary>
    public static BlockGate Of<TShape>(TShape shape, Pooling pooling, RouteScope scope)
        where TShape : unmanaged, IGateShape => new(new Shape<TShape>(shape), shape.BlockSize, shape.TopK, pooling, scope);

    /// <summary>Heads that have routes of their own.</summary>
    internal int RouteHeads(int queryHeads, int keyHeads) => Scope == RouteScope.KeyGroup ? keyHeads : queryHeads;

    /// <summary>Blocks of a sequence of <paramref name="keys"/> keys, the last of which may be short.</summary>
    internal int Blocks(int keys) => (int)(((long)keys + BlockSize - 1) / BlockSize);

    /// <summary>Most past blocks that a query of a sequence of <paramref name="keys"/> keys is routed to.</summary>
    internal int Slots(int keys) => Math.Min(TopK - 1, Blocks(keys));

    /// <summary>Runs code that is compiled for this gate's shape.</summary>
    internal TResult With<TResult>(IForGateShape<TResult> code) => _shape.With(code);

    private abstract class Shape
    {
        public abstract TResult With<TResult>(IForGateShape<TResult> code);
    }

    private sealed class Shape<TShape>(TShape shape) : Shape
        where TShape : unmanaged, IGateShape
    {
        public override TResult With<TResult>(IForGateShape<TResult> code) => code.Run(shape);
    }
}

/// <summary>Block size and top-k of a gate. The source generator writes one with constants for every
/// <c>[BlockGate]</c>, and passes are generic over it.</summary>
public interface IGateShape
{
    /// <summary>Keys in a block.</summary>
    int BlockSize { get; }

    /// <summary>Blocks that a query attends, its own one counted.</summary>
    int TopK { get; }
}

/// <summary>A shape that is known at run time only. Public because ILGPU compiles it.</summary>
/// <param name="BlockSize">Keys in a block.</param>
/// <param name="TopK">Blocks that a query attends, its own one counted.</param>
public readonly record struct GateShape(int BlockSize, int TopK) : IGateShape;

/// <summary>Code that is generic over a gate's shape.</summary>
internal interface IForGateShape<out TResult>
{
    TResult Run<TShape>(TShape shape)
        where TShape : unmanaged, IGateShape;
}
