namespace MoBA.Runtime.Cuda;

/// <summary>Words told with the queries of an item, by their places.</summary>
internal static class RoutedTold
{
    /// <summary>The item, -1 at the end.</summary>
    public const int Item = 0;

    /// <summary>Its first key tile that a row sees, as <see cref="RoutedTiles{TPattern, TRuns, TQuery, TKey}.From"/> has it.</summary>
    public const int Note = 1;

    /// <summary>Its rows.</summary>
    public const int Rows = 2;

    /// <summary>A number of its block and list head: the same in items that share keys.</summary>
    public const int Keys = 3;

    /// <summary>Its list head.</summary>
    public const int ListHead = 4;

    /// <summary>The position behind the block's last key.</summary>
    public const int EndPosition = 5;

    /// <summary>What makes a position of a token.</summary>
    public const int QueryShift = 6;

    /// <summary>Words for all of them.</summary>
    public const int Words = 8;
}
