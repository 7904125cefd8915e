namespace MoBA.Runtime.Cuda;

/// <summary>What the walk over a pattern's key tiles tells of each: its first key with marks.</summary>
internal static class TileNote
{
    /// <summary>Mark of a tile whose pairs are not all attended, or which the sequence's end cuts.</summary>
    public const int Partial = 1 << 30;

    /// <summary>Mark of the last tile of a work item.</summary>
    public const int Last = 1 << 31;

    /// <summary>The first key without marks; also a work item's number without <see cref="NoKeys"/>.</summary>
    public const int Position = Partial - 1;

    /// <summary>Mark of a work item whose queries see no key.</summary>
    public const int NoKeys = 1 << 30;
}
