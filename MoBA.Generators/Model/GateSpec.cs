namespace MoBA.Generators.Model;

/// <summary>What a gate knows of a block; named as MoBA.Pooling is.</summary>
internal enum Pooling
{
    Mean,
    MinMax,
}

/// <summary>Which heads share a route; named as MoBA.RouteScope is.</summary>
internal enum RouteScope
{
    QueryHead,
    KeyGroup,
}

/// <summary>The block gate of an expert, at the values of its attribute.</summary>
internal sealed record GateSpec(int BlockSize, int TopK, Pooling Pooling, RouteScope Scope)
{
    /// <summary>Block sizes are multiples of this.</summary>
    public const int BlockStep = 16;

    /// <summary>The parameters that a gate adds to its class. No kernel of the expert reads them.</summary>
    public IEnumerable<ParameterSpec> Parameters => [Parameter(nameof(BlockSize), BlockSize), Parameter(nameof(TopK), TopK)];

    private static ParameterSpec Parameter(string name, int value) =>
        new(name, ParameterKind.Int32, new IntLiteral(value), IsMonotone: false, IsMemory: false, IsRead: true);
}
