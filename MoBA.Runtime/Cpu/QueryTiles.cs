namespace MoBA.Runtime.Cpu;

/// <summary>One piece of work: a tile of queries of one head.</summary>
/// <param name="Sequence">Index of the sequence.</param>
/// <param name="Head">Query head, or route head.</param>
/// <param name="First">First query of the tile within the sequence.</param>
/// <param name="Count">Queries of the tile.</param>
internal readonly record struct QueryTileItem(int Sequence, int Head, int First, int Count);

/// <summary>
/// The tiles of queries of a problem, in the order in which they are best attended: long sequences first, the heads that share
/// keys together, and the last tile of a sequence first, because late queries mostly see the most keys.
/// </summary>
internal sealed class QueryTiles
{
    private readonly AttentionProblem _problem;
    private readonly int _rows, _heads;
    private readonly int[] _order;
    private readonly long[] _first;

    /// <summary>Orders the tiles of <paramref name="problem"/>: <paramref name="rows"/> queries of each of its query heads.</summary>
    public QueryTiles(AttentionProblem problem, int rows = CpuTile.QueryTile)
        : this(problem, rows, problem.QueryHeads)
    {
    }

    /// <summary>Orders the tiles of <paramref name="problem"/>: <paramref name="rows"/> queries of each of its
    /// <paramref name="heads"/> heads, which are query heads or key heads.</summary>
    public QueryTiles(AttentionProblem problem, int rows, int heads)
    {
        (_problem, _rows, _heads) = (problem, rows, heads);
        _order = [.. Enumerable.Range(0, problem.Sequences.Length)
            .OrderByDescending(i => (long)problem.Sequences[i].Queries * problem.Sequences[i].Keys)];
        _first = new long[_order.Length + 1];
        for (int i = 0; i < _order.Length; i++)
            _first[i + 1] = _first[i] + (long)TilesOf(_order[i]) * heads;
    }

    /// <summary>How many there are.</summary>
    public long Count => _first[^1];

    /// <summary>The tile at a place of the order.</summary>
    public QueryTileItem this[long item]
    {
        get
        {
            int place = Array.BinarySearch(_first, item);
            place = place < 0 ? ~place - 1 : place;
            while (_first[place + 1] == item)
                place++;   // sequences without queries have no tiles

            int sequence = _order[place];
            int tiles = TilesOf(sequence);
            int group = _heads / _problem.KeyHeads;
            long rest = item - _first[place];
            int keyHead = (int)(rest / ((long)tiles * group));
            rest %= (long)tiles * group;
            int first = (tiles - 1 - (int)(rest / group)) * _rows;
            int head = keyHead * group + (int)(rest % group);
            return new(sequence, head, first, Math.Min(_rows, _problem.Sequences[sequence].Queries - first));
        }
    }

    private int TilesOf(int sequence) =>
        (int)(((long)_problem.Sequences[sequence].Queries + _rows - 1) / _rows);
}
