namespace MoBA;

/// <summary>
/// Gives a sparse attention expert a block gate: every query attends its own block of keys and the <see cref="TopK"/> - 1 past
/// blocks that its gate scores highest, within <c>Attends</c> (MoBA, Lu et al., 2025).
/// </summary>
/// <remarks>
/// <para>Block i holds the keys [i * BlockSize, (i + 1) * BlockSize) of its sequence. A past block is one that ends before the
/// query. Of blocks with equal gates the later wins.</para>
/// <para>An optional method <c>bool Always(int q, int k)</c> (or with a third argument <c>int head</c>) names pairs that are
/// attended besides the routed blocks, within <c>Attends</c>: sinks, or a local window.</para>
/// <para>The compiler adds the parameters <c>BlockSize</c> and <c>TopK</c> to the class, so that one instance can have others.</para>
/// </remarks>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
public sealed class BlockGateAttribute : Attribute
{
    /// <summary>Keys in a block, a multiple of 16.</summary>
    public int BlockSize { get; init; } = 128;

    /// <summary>Blocks that a query attends, its own one counted; at least 1.</summary>
    public int TopK { get; init; } = 8;

    /// <summary>What the gate knows of a block.</summary>
    public Pooling Pooling { get; init; }

    /// <summary>Which heads share a route.</summary>
    public RouteScope Scope { get; init; }
}
