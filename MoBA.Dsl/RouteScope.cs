namespace MoBA;

/// <summary>Which heads share a route.</summary>
public enum RouteScope
{
    /// <summary>Every query head has a route of its own (MoBA).</summary>
    QueryHead,

    /// <summary>The query heads that read one key head share a route; their gates are added up (as in NSA).</summary>
    KeyGroup,
}
