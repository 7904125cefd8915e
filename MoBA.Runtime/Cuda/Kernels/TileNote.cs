namespace MoBA.Runtime.Cuda;

/// <summary>What the walk over a pattern's key tiles tells of each: its first key with marks. Device code.</summary>
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

    /// <summary>The first tile from <paramref name="k0"/> on that is not empty; -1 if there is none.</summary>
    public static int Next<TPattern, TRuns, TQuery, TKey>(TPattern pattern, TRuns runs, WorkItem work, int k0, int keyTile)
        where TPattern : unmanaged, ICudaPattern<TRuns, TQuery, TKey>
        where TRuns : unmanaged
        where TQuery : unmanaged
        where TKey : unmanaged
    {
        int note = -1;
        k0 = pattern.Next(runs, k0);
        while (k0 < work.Keys)
        {
            int end = k0 + keyTile;
            bool whole = end <= work.Keys;
            long k1 = (whole ? end : work.Keys) - 1;
            TileKind kind = pattern.Classify(work.Position, work.LastPosition, k0, k1, work.Head);
            if (kind != TileKind.Empty)
            {
                note = kind == TileKind.Full && whole ? k0 : k0 | Partial;
                k0 = work.Keys;
            }
            else
            {
                k0 = pattern.Next(runs, end);
            }
        }

        return note;
    }
}
