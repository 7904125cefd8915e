using System.Numerics.Tensors;
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
}

/// <summary>What the rows of one sequence attend, by the author's predicates and the blocks that a gate chose.</summary>
internal sealed class RoutedRows
{
    private readonly ISparseExpert _expert;
    private readonly SequenceRows _rows;
    private readonly int[] _routes;
    private readonly int _routeHeads, _group, _topK;

    /// <summary>Rows of an expert.</summary>
    /// <param name="expert">The expert.</param>
    /// <param name="routes">[query tokens, route heads, TopK] where it has a block gate.</param>
    /// <param name="rows">The sequence.</param>
    /// <param name="heads">Query heads.</param>
    public RoutedRows(ISparseExpert expert, Tensor<int>? routes, SequenceRows rows, int heads)
    {
        (_expert, _rows, _routes) = (expert, rows, routes?.ToFlat() ?? []);
        _routeHeads = (int?)routes?.Lengths[1] ?? heads;
        (_group, _topK) = (heads / _routeHeads, (int?)routes?.Lengths[2] ?? 0);
    }

    /// <summary>The expert.</summary>
    public ISparseExpert Expert => _expert;

    /// <summary>The sequence.</summary>
    public SequenceRows Rows => _rows;

    /// <summary>Blocks that a query's route names, the own block first; -1 where there are fewer.</summary>
    public ReadOnlySpan<int> Route(int query, int head) =>
        _routes.AsSpan((((_rows.FirstQuery + query) * _routeHeads) + (head / _group)) * _topK, _topK);

    /// <summary>Keys that a query attends.</summary>
    public long Keys(int query, int head)
    {
        int q = _rows.Position(query);
        if (_expert.Gate is not { } gate)
        {
            return Count(q, 0, _rows.Keys, head);
        }

        long keys = 0;
        ReadOnlySpan<int> route = Route(query, head);
        foreach (int block in route)
        {
            keys += block < 0 ? 0 : Count(q, block * gate.BlockSize, Math.Min(_rows.Keys, (block + 1) * gate.BlockSize), head);
        }

        if (_expert.Info.AlwaysPredicate is not null)
        {
            for (int k = 0; k < _rows.Keys; k++)
            {
                keys += !route.Contains(k / gate.BlockSize) && _expert.Always(q, k, head) && _expert.Attends(q, k, head) ? 1 : 0;
            }
        }

        return keys;
    }

    private long Count(int q, int first, int end, int head)
    {
        long count = 0;
        for (int k = first; k < end; k++)
        {
            count += _expert.Attends(q, k, head) ? 1 : 0;
        }

        return count;
    }
}
