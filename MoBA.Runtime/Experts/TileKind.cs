namespace MoBA.Runtime;

/// <summary>How much of a tile of (query, key) pairs a predicate attends. The answer is always sound: never more certain than
/// the truth.</summary>
public enum TileKind
{
    /// <summary>No pair of the tile is attended: the tile is never visited.</summary>
    Empty,

    /// <summary>Some pairs may be attended and some may not: the predicate is applied score by score.</summary>
    Partial,

    /// <summary>Every pair of the tile is attended: no mask code runs.</summary>
    Full,
}
