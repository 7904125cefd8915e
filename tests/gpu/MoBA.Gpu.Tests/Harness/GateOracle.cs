using MoBA.Runtime;

namespace MoBA.Gpu.Tests;

/// <summary>A row of a gate: a query token and a route head, where the query stands, and how many blocks compete for it.</summary>
/// <param name="Token">Query token.</param>
/// <param name="RouteHead">Head of the routes.</param>
/// <param name="Position">Where the query stands in its sequence.</param>
/// <param name="Own">Its own block, or -1 where it has none.</param>
/// <param name="Past">Blocks that end at or before it.</param>
internal readonly record struct GateRow(int Token, int RouteHead, int Position, int Own, int Past);

/// <summary>A block gate by its definition, in double: what it knows of blocks, its values, and the blocks that it chooses.</summary>
internal sealed class GateOracle
{
    private readonly AttentionInputs _inputs;
    private readonly BlockGate _gate;
    private readonly PooledBlock[][] _blocks;
    private readonly int[] _sequenceOf;

    /// <summary>Pools the keys of a call.</summary>
    public GateOracle(AttentionInputs inputs, BlockGate gate)
    {
        (_inputs, _gate) = (inputs, gate);
        RouteHeads = BlockRoutes.HeadsOf(gate, inputs.QueryHeads, inputs.KeyHeads);
        _blocks = [.. inputs.Sequences.Select(Pool)];
        _sequenceOf = new int[inputs.QueryTokens];
        for (int i = 0; i < inputs.Sequences.Count; i++)
            Array.Fill(_sequenceOf, i, inputs.Sequences[i].FirstQuery, inputs.Sequences[i].At.Queries);
    }

    /// <summary>Heads that have routes of their own.</summary>
    public int RouteHeads { get; }

    /// <summary>Rows: query tokens x route heads.</summary>
    public int Rows => _inputs.QueryTokens * RouteHeads;

    /// <summary>Where a row stands.</summary>
    public GateRow Row(int row)
    {
        (int token, int head) = Math.DivRem(row, RouteHeads);
        PlacedSequence sequence = _inputs.Sequences[_sequenceOf[token]];
        int position = sequence.At.Start + token - sequence.FirstQuery, blocks = BlocksOf(sequence.At.Keys);
        int own = position >= 0 && position / _gate.BlockSize < blocks ? position / _gate.BlockSize : -1;
        return new(token, head, position, own, position < 0 ? 0 : Math.Min(position / _gate.BlockSize, blocks));
    }

    /// <summary>The gates of a row's past blocks. NaN is -infinity.</summary>
    public GateValue[] Gates(GateRow row)
    {
        PooledBlock[] blocks = _blocks[_sequenceOf[row.Token]];
        int group = _inputs.QueryHeads / RouteHeads, perKeyHead = _inputs.QueryHeads / _inputs.KeyHeads;
        GateValue[] gates = new GateValue[row.Past];
        for (int block = 0; block < gates.Length; block++)
        {
            for (int head = row.RouteHead * group; head < (row.RouteHead + 1) * group; head++)
            {
                ReadOnlySpan<float> query = _inputs.Q.AsSpan(((row.Token * _inputs.QueryHeads) + head) * _inputs.Dim, _inputs.Dim);
                gates[block] += blocks[(block * _inputs.KeyHeads) + (head / perKeyHead)].Gate(query);
            }

            if (double.IsNaN(gates[block].Value))
                gates[block] = new(double.NegativeInfinity, gates[block].Magnitude, 0);
        }

        return gates;
    }

    /// <summary>The routes by the definition; of equal gates the later block.</summary>
    public BlockRoutes Choose()
    {
        int[] routes = new int[Rows * _gate.TopK];
        Parallel.For(0, Rows, number =>
        {
            GateRow row = Row(number);
            Span<int> route = routes.AsSpan(number * _gate.TopK, _gate.TopK);
            route.Fill(-1);
            route[0] = row.Own;
            int[] best = [.. Gates(row).Select((gate, block) => (gate.Value, Block: block))
                .OrderByDescending(one => one.Value).ThenByDescending(one => one.Block).Take(_gate.TopK - 1).Select(one => one.Block).Order()];
            best.CopyTo(route[1..]);
        });
        return new(routes, RouteHeads, _gate.TopK);
    }

    private int BlocksOf(int keys) => (keys + _gate.BlockSize - 1) / _gate.BlockSize;

    // [blocks, key heads].
    private PooledBlock[] Pool(PlacedSequence sequence)
    {
        (int heads, int dim) = (_inputs.KeyHeads, _inputs.Dim);
        PooledBlock[] blocks = new PooledBlock[BlocksOf(sequence.At.Keys) * heads];
        Parallel.For(0, blocks.Length, i =>
        {
            (int block, int head) = Math.DivRem(i, heads);
            int first = block * _gate.BlockSize, count = Math.Min(_gate.BlockSize, sequence.At.Keys - first);
            float[] rows = new float[count * dim];
            for (int key = 0; key < count; key++)
                _inputs.K.AsSpan((((sequence.FirstKey + first + key) * heads) + head) * dim, dim).CopyTo(rows.AsSpan(key * dim));
            blocks[i] = new(rows, dim, _inputs.Case.Element, _gate.Pooling);
        });
        return blocks;
    }
}
