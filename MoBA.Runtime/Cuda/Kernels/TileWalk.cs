namespace MoBA.Runtime.Cuda;

/// <summary>
/// The walk over the key tiles of a work item, ascending, by a whole warp: 32 tiles at a time are classified, one a lane, and those
/// that are not empty are then taken in turn. Device code; the same in every lane.
/// </summary>
internal struct TileWalk
{
    /// <summary>The tile that the walk stands at, with the marks of <see cref="TileNote"/>; -1 at the end.</summary>
    public int Note;

    // Tiles found and not taken yet, and which of them are partial: bit n is the n-th tile from First on. What is ahead of them.
    private int _first, _found, _partial, _ahead;

    /// <summary>At the first tile.</summary>
    public static TileWalk Start<TPattern, TRuns, TQuery, TKey>(TPattern pattern, TRuns runs, WorkItem work, int lane, int keyTile)
        where TPattern : unmanaged, ICudaPattern<TRuns, TQuery, TKey>
        where TRuns : unmanaged
        where TQuery : unmanaged
        where TKey : unmanaged
    {
        TileWalk walk = default;
        walk._ahead = pattern.Next(runs, 0);
        return Next<TPattern, TRuns, TQuery, TKey>(walk, pattern, runs, work, lane, keyTile);
    }

    /// <summary>At the next tile.</summary>
    public static TileWalk Next<TPattern, TRuns, TQuery, TKey>(
        TileWalk walk, TPattern pattern, TRuns runs, WorkItem work, int lane, int keyTile)
        where TPattern : unmanaged, ICudaPattern<TRuns, TQuery, TKey>
        where TRuns : unmanaged
        where TQuery : unmanaged
        where TKey : unmanaged
    {
        while (walk._found == 0 & walk._ahead < work.Keys)
        {
            walk._first = walk._ahead;
            int k0 = walk._first + (lane * keyTile), end = k0 + keyTile;
            bool whole = end <= work.Keys;
            TileKind kind = TileKind.Empty;
            if (k0 < work.Keys)
            {
                if (pattern.Next(runs, k0) == k0)
                    kind = pattern.Classify(work.Position, work.LastPosition, k0, (whole ? end : work.Keys) - 1, work.Head);
            }

            walk._found = Tile.Ballot(kind != TileKind.Empty);
            walk._partial = Tile.Ballot(kind == TileKind.Partial | !whole);
            walk._ahead = pattern.Next(runs, walk._first + (32 * keyTile));
        }

        walk.Note = -1;
        if (walk._found != 0)
        {
            int tile = Tile.LowestBit(walk._found);
            walk._found &= walk._found - 1;
            walk.Note = (walk._first + (tile * keyTile)) | (((walk._partial >> tile) & 1) * TileNote.Partial);
        }

        return walk;
    }
}
