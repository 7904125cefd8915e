namespace MoBA.Runtime.Cuda;

/// <summary>Key tiles of a block, in pass "routed". Device code.</summary>
internal static class RoutedTiles<TPattern, TRuns, TQuery, TKey>
    where TPattern : unmanaged, ICudaPattern<TRuns, TQuery, TKey>
    where TRuns : unmanaged
    where TQuery : unmanaged
    where TKey : unmanaged
{
    /// <summary>First key of the first tile that a row sees, with <see cref="TileNote.Partial"/>; -1 if there is none.</summary>
    /// <param name="pattern">The pattern.</param>
    /// <param name="work">The item.</param>
    /// <param name="first">Position of its first query.</param>
    /// <param name="last">Position of its last query.</param>
    /// <param name="k0">Where to start: the position of a tile, which is multiples of the key tile from the block's first.</param>
    /// <param name="keyTile">Keys in a tile.</param>
    public static int From(TPattern pattern, RoutedWork work, int first, int last, int k0, int keyTile)
    {
        int note = -1;
        while (note < 0 & k0 < work.EndPosition)
        {
            bool whole = k0 + keyTile <= work.EndPosition;
            TileKind kind = pattern.Classify(first, last, k0, (whole ? k0 + keyTile : work.EndPosition) - 1, work.FirstHead);
            if (kind != TileKind.Empty)
                note = kind == TileKind.Partial | !whole ? k0 | TileNote.Partial : k0;
            k0 = k0 + keyTile;
        }

        return note;
    }
}
