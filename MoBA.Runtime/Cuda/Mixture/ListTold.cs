namespace MoBA.Runtime.Cuda;

/// <summary>The words told with a query tile of pass "experts".</summary>
internal static class ListTold
{
    /// <summary>The item, -1 at the end.</summary>
    public const int Item = 0;

    /// <summary>Its first key tile, as <see cref="TileWalk.Note"/>.</summary>
    public const int Note = 1;

    /// <summary>Its rows.</summary>
    public const int Rows = 2;

    /// <summary>Its number among those of the head.</summary>
    public const int Place = 3;

    /// <summary>Its query head.</summary>
    public const int Head = 4;

    /// <summary>Keys of its sequence.</summary>
    public const int Keys = 5;

    /// <summary>What makes a position of a token.</summary>
    public const int QueryShift = 6;
}
