using MoBA.Runtime;

namespace MoBA.Program;

/// <summary>One sequence of a call: where its rows begin, and its lengths.</summary>
/// <param name="FirstQuery">Its first query token.</param>
/// <param name="Queries">Its query tokens.</param>
/// <param name="Keys">Its key tokens.</param>
internal readonly record struct SequenceRows(int FirstQuery, int Queries, int Keys)
{
    /// <summary>Absolute position of a query, the last of which stands at the last key.</summary>
    public int Position(int query) => Keys - Queries + query;

    /// <summary>Its positions, for an expert that is bound to them; it has queries and keys.</summary>
    public AttentionExtent Extent(int heads) => new(Position(0), Position(Queries - 1), Keys, heads);
}

/// <summary>What the rows of one sequence attend, by the author's predicates and the blocks that a gate chose.</summary>
internal sealed class RoutedRows
{
    private readonly ISparseExpert _expert;
    private readonly SequenceRows _rows;
    private readonly RouteTable? _routes;
    private readonly int _group;
    private readonly PatternPairs _pairs;
    private readonly PatternPairs? _always;

    /// <summary>Rows of an expert.</summary>
    /// <param name="expert">The expert.</param>
    /// <param name="routes">Where it has a block gate, its routes.</param>
    /// <param name="rows">The sequence.</param>
    /// <param name="heads">Query heads.</param>
    /// <exception cref="ArgumentException">The parameters of an expert with a gate do not fit the sequence.</exception>
    public RoutedRows(ISparseExpert expert, RouteTable? routes, SequenceRows rows, int heads)
    {
        (_expert, _rows, _routes) = (expert, rows, routes);
        _group = heads / (routes?.Heads ?? heads);
        if (routes is not null && rows.Queries > 0 && rows.Keys > 0)
        {
            _pairs = PatternPairs.Of(expert, rows.Extent(heads));
            _always = PatternPairs.OfAlways(expert, rows.Extent(heads));
        }
    }

    /// <summary>The expert.</summary>
    public ISparseExpert Expert => _expert;

    /// <summary>The sequence.</summary>
    public SequenceRows Rows => _rows;

    /// <summary>Blocks that a query's route names, the own block first; -1 where there are fewer.</summary>
    public ReadOnlySpan<int> Route(int query, int head) => _routes is null ? [] : _routes[_rows.FirstQuery + query, head / _group];

    /// <summary>Keys that a query attends.</summary>
    public long Keys(int query, int head)
    {
        int q = _rows.Position(query);
        if (_routes is null)
        {
            return Asked(q, head);
        }

        if (_rows.Keys == 0)
        {
            return 0;
        }

        long keys = 0;
        ReadOnlySpan<int> route = Route(query, head);
        foreach (int block in route)
        {
            keys += block < 0 ? 0 : InBlock(_pairs, q, block, head);
        }

        return keys + (_always is { } always ? Elsewhere(always, q, route, head) : 0);
    }

    /// <summary>What is attended always, outside the blocks of a route.</summary>
    private long Elsewhere(PatternPairs always, int q, ReadOnlySpan<int> route, int head)
    {
        int size = _expert.Gate!.BlockSize, next = 0;
        long keys = 0;
        foreach (KeyRange run in always.Kernel.KeyRanges(q, q, _rows.Keys, head).OrderBy(run => run.Start))
        {
            for (next = Math.Max(next, run.Start / size); (long)next * size < run.End; next++)
            {
                keys += route.Contains(next) ? 0 : InBlock(always, q, next, head);
            }
        }

        return keys;
    }

    private long InBlock(PatternPairs pairs, int q, int block, int head)
    {
        long size = _expert.Gate!.BlockSize;
        return pairs.Count(q, q, (int)(block * size), (int)Math.Min(_rows.Keys, (block + 1) * size) - 1, head);
    }

    private long Asked(int q, int head)
    {
        long count = 0;
        for (int k = 0; k < _rows.Keys; k++)
        {
            count += _expert.Attends(q, k, head) ? 1 : 0;
        }

        return count;
    }
}
