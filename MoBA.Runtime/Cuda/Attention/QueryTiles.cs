using System.Runtime.InteropServices;

namespace MoBA.Runtime.Cuda;

/// <summary>
/// Pass "schedule": the tiles of queries of a call in the order in which they are started. It depends on the sequences alone, so a
/// model's layers share one. Sequences go in groups whose keys and values fit the L2 cache; within a group tiles that stand late in
/// their sequence, which under a causal pattern have the most keys, go first, so that the last blocks to end are short.
/// </summary>
internal static class QueryTiles
{
    /// <summary>The tiles.</summary>
    /// <param name="sequences">The sequences of a call.</param>
    /// <param name="queries">Queries of a tile.</param>
    /// <param name="keyTokensTogether">Key tokens of a head whose keys and values fit the cache.</param>
    public static QueryTile[] Of(ReadOnlySpan<AttentionSequence> sequences, int queries, long keyTokensTogether)
    {
        List<QueryTile> tiles = [];
        int groupStart = 0;
        long groupKeys = 0;
        foreach (AttentionSequence sequence in sequences)
        {
            if (groupKeys > 0 && groupKeys + sequence.Keys > keyTokensTogether)
            {
                LongestFirst(tiles, groupStart);
                (groupStart, groupKeys) = (tiles.Count, 0);
            }

            groupKeys += sequence.Keys;
            for (int first = 0; first < sequence.Queries; first += queries)
            {
                tiles.Add(new()
                {
                    QueryToken = sequence.FirstQueryToken + first,
                    Queries = Math.Min(queries, sequence.Queries - first),
                    Position = sequence.Position + first,
                    KeyToken = sequence.FirstKeyToken,
                    Keys = sequence.Keys,
                });
            }
        }

        LongestFirst(tiles, groupStart);
        return [.. tiles];
    }

    /// <summary>The same tiles as <see cref="CudaUnion.Tiles"/> has them, with their blocks.</summary>
    public static QueryTile[] WithBlocks(ReadOnlySpan<AttentionSequence> sequences, int queries, long keyTokensTogether, int blockSize)
    {
        QueryTile[] tiles = Of(sequences, queries, keyTokensTogether);
        Dictionary<int, int> firstBlocks = [];
        int firstBlock = 0;
        foreach (AttentionSequence sequence in sequences)
        {
            for (int first = 0; first < sequence.Queries; first += queries)
                firstBlocks.Add(sequence.FirstQueryToken + first, firstBlock);
            firstBlock += (int)(((long)sequence.Keys + blockSize - 1) / blockSize);
        }

        for (int i = 0; i < tiles.Length; i++)
            tiles[i] = tiles[i] with { Position = i * queries, SequencePosition = tiles[i].Position, FirstBlock = firstBlocks[tiles[i].QueryToken] };
        return tiles;
    }

    /// <summary>How many query heads are worked on together, so that their keys and values fit the cache: a divisor of the heads,
    /// and a multiple of those that share a key head.</summary>
    /// <param name="heads">Query heads.</param>
    /// <param name="headsPerKeyHead">Query heads that share a key head.</param>
    /// <param name="keyTokens">Key tokens of the call.</param>
    /// <param name="keyTokensTogether">Key tokens of a head whose keys and values fit the cache.</param>
    public static int HeadsTogether(int heads, int headsPerKeyHead, long keyTokens, long keyTokensTogether)
    {
        int keyHeads = heads / headsPerKeyHead;
        int most = (int)Math.Clamp(keyTokensTogether / Math.Max(1, keyTokens), 1, keyHeads);
        while (keyHeads % most != 0)
            most--;
        return most * headsPerKeyHead;
    }

    private static void LongestFirst(List<QueryTile> tiles, int start) =>
        CollectionsMarshal.AsSpan(tiles)[start..].Sort(static (a, b) => LastKey(b).CompareTo(LastKey(a)) is var order and not 0 ? order : a.QueryToken.CompareTo(b.QueryToken));

    private static int LastKey(QueryTile tile) => Math.Min(tile.Keys, tile.Position + tile.Queries);
}
