using ILGPU;

namespace MoBA.Runtime.Portable;

/// <summary>
/// One query row of one head with its running softmax: what a generated portable kernel works on. One thread owns it; rows
/// share nothing, so the kernel needs no barrier and runs on every ILGPU device.
/// </summary>
public struct PortableRow
{
    /// <summary>Query rows that are classified together, so that neighbouring threads take the same branches.</summary>
    public const int QueryTile = 64;

    /// <summary>Keys in a key tile.</summary>
    public const int KeyTile = 16;

    /// <summary>Position of this row's query.</summary>
    public int Q;

    /// <summary>Position of the first query of the tile that holds this row.</summary>
    public int Q0;

    /// <summary>Position of the last query of the tile that holds this row.</summary>
    public int Q1;

    /// <summary>Query head.</summary>
    public int Head;

    /// <summary>Query heads of the call.</summary>
    public int Heads;

    /// <summary>Keys of the sequence; key positions are [0, Keys).</summary>
    public int Keys;

    private PortableProblem _problem;
    private long _query;      // first piece of the row in Queries
    private long _output;     // first piece of the row in Output
    private long _keyHead;    // first piece of the key head in KeyRows and ValueRows
    private long _lse;
    private int _firstKey;    // the keys that this thread owns, both ends included
    private int _lastKey;
    private int _unit;
    private float _max;       // greatest score so far, -infinity before the first
    private float _sum;       // sum of exp(score - _max) so far

    /// <summary>The row that thread <paramref name="index"/> owns: (row, head), or (unit or entry, head of the unit) where rows
    /// are gathered.</summary>
    public static PortableRow Start(Index2D index, PortableProblem problem)
    {
        PortableUnit unit;
        unit.Row = index.X;
        unit.Head = index.Y;
        unit.Slot = 0;
        int head = index.Y, place = index.X, rank = problem.Gather.Rank, block = 0;
        if (problem.Gather.Kind == GatherKind.Routed)
        {
            int entry = problem.Gather.Entries[(long)index.X];
            place = (int)((uint)entry % (uint)problem.Gather.Length);
            rank = (int)((uint)entry / (uint)problem.Gather.Length);
            block = problem.Gather.Routes[(long)entry];
        }

        if (problem.Gather.Kind != GatherKind.None)
        {
            unit = problem.Gather.Units.At(place);
            head = (unit.Head * problem.Gather.HeadsPerUnit) + index.Y;
        }

        PortableRow result = At(unit.Row, head, problem);
        result._unit = place;
        result._output = problem.OutputAt(unit, head);
        result._lse = problem.LseAt(unit, head);
        if (problem.Gather.Kind >= GatherKind.Routed)
            result.Narrow(problem.Gather.Partial(rank, index.Y, place), block);
        return result;
    }

    private static PortableRow At(int row, int head, PortableProblem problem)
    {
        int first = (int)((uint)row & ~(uint)(QueryTile - 1));
        PortableRow result = default;
        result.Q = problem.QueryStart + row;
        result.Q0 = problem.QueryStart + first;
        result.Q1 = problem.QueryStart + PortableMath.Min(first + QueryTile, problem.Rows) - 1;
        result.Head = head;
        result.Heads = problem.Heads;
        result.Keys = problem.Keys;
        result._problem = problem;
        result._query = problem.QueryAt(row, head);
        result._keyHead = (int)((uint)head / (uint)problem.HeadsPerKeyHead) * problem.KeyHeadStride;
        result._firstKey = 0;
        result._lastKey = problem.Keys - 1;
        result._max = float.NegativeInfinity;
        return result;
    }

    // A partial result: of one block, or of what lies beside all blocks of the row.
    private void Narrow(long partial, int block)
    {
        Q0 = Q;
        Q1 = Q;
        _output = partial * _problem.SlotStride;
        _lse = partial;
        if (_problem.Gather.Kind == GatherKind.Beside)
            return;

        if (_problem.Gather.Kind == GatherKind.Own)
            block = Q < 0 ? (int)((uint)Keys / (uint)_problem.Gather.BlockSize) + 1 : (int)((uint)Q / (uint)_problem.Gather.BlockSize);
        long first = (long)block * _problem.Gather.BlockSize;
        _lastKey = (int)PortableMath.Min(first + _problem.Gather.BlockSize, Keys) - 1;
        _firstKey = (int)PortableMath.Min(first, Keys);             // none where the block lies past the last key
    }

    /// <summary>The key tiles that keys [<paramref name="first"/>, <paramref name="last"/>] (both included) touch, cut to the
    /// keys that this thread owns.</summary>
    public readonly PortableTiles Tiles(long first, long last)
    {
        first = PortableMath.Max(first, _firstKey);
        last = PortableMath.Min(last, _lastKey);
        PortableTiles tiles;
        tiles.First = (int)PortableMath.Min(first, Keys) & ~(KeyTile - 1);
        tiles.Last = last >= first ? (int)last & ~(KeyTile - 1) : -1;
        return tiles;
    }

    /// <summary>Last key of the key tile that starts at <paramref name="k0"/>.</summary>
    public readonly int LastKey(int k0) => PortableMath.Min(k0 + (KeyTile - 1), Keys - 1);

    /// <summary><paramref name="key"/>, or the last key where there is no such key: safe to read a table at.</summary>
    public readonly int KeyAt(int key) => PortableMath.Min(key, Keys - 1);

    /// <summary>Whether the key tile at <paramref name="k0"/> has all of its keys: the last tile of a sequence may not.</summary>
    public readonly bool IsWhole(int k0) => k0 + (KeyTile - 1) < Keys;

    /// <summary>Pass: scores of the key tile at <paramref name="k0"/>, scale * q k^T. Keys past the last are the last key again
    /// and must be masked.</summary>
    public readonly PortableScores Scores(int k0)
    {
        PortableScores s = default;
        if (IsElsewhere(k0))
            return s;

        long row0 = KeyRow(k0 + 0);
        long row1 = KeyRow(k0 + 1);
        long row2 = KeyRow(k0 + 2);
        long row3 = KeyRow(k0 + 3);
        long row4 = KeyRow(k0 + 4);
        long row5 = KeyRow(k0 + 5);
        long row6 = KeyRow(k0 + 6);
        long row7 = KeyRow(k0 + 7);
        long row8 = KeyRow(k0 + 8);
        long row9 = KeyRow(k0 + 9);
        long row10 = KeyRow(k0 + 10);
        long row11 = KeyRow(k0 + 11);
        long row12 = KeyRow(k0 + 12);
        long row13 = KeyRow(k0 + 13);
        long row14 = KeyRow(k0 + 14);
        long row15 = KeyRow(k0 + 15);
        for (int piece = 0; piece < _problem.Pieces; piece++)
        {
            Float4 q = _problem.Queries[_query + (piece * _problem.QueryPieceStride)];
            s.S0 = Dot(q, _problem.KeyRows[row0 + piece], s.S0);
            s.S1 = Dot(q, _problem.KeyRows[row1 + piece], s.S1);
            s.S2 = Dot(q, _problem.KeyRows[row2 + piece], s.S2);
            s.S3 = Dot(q, _problem.KeyRows[row3 + piece], s.S3);
            s.S4 = Dot(q, _problem.KeyRows[row4 + piece], s.S4);
            s.S5 = Dot(q, _problem.KeyRows[row5 + piece], s.S5);
            s.S6 = Dot(q, _problem.KeyRows[row6 + piece], s.S6);
            s.S7 = Dot(q, _problem.KeyRows[row7 + piece], s.S7);
            s.S8 = Dot(q, _problem.KeyRows[row8 + piece], s.S8);
            s.S9 = Dot(q, _problem.KeyRows[row9 + piece], s.S9);
            s.S10 = Dot(q, _problem.KeyRows[row10 + piece], s.S10);
            s.S11 = Dot(q, _problem.KeyRows[row11 + piece], s.S11);
            s.S12 = Dot(q, _problem.KeyRows[row12 + piece], s.S12);
            s.S13 = Dot(q, _problem.KeyRows[row13 + piece], s.S13);
            s.S14 = Dot(q, _problem.KeyRows[row14 + piece], s.S14);
            s.S15 = Dot(q, _problem.KeyRows[row15 + piece], s.S15);
        }

        s.Multiply(_problem.Scale);
        if (_problem.Careful != 0)
            s.Hold(_problem.ScaleRest);
        return s;
    }

    /// <summary>Pass: online softmax over the scores of the key tile at <paramref name="k0"/>, and output += p v.</summary>
    public void Accumulate(int k0, PortableScores scores)
    {
        float max = scores.Max(_max);
        if (IsElsewhere(k0) || max == float.NegativeInfinity)
            return;                                         // no key of this row so far: exp(-inf - -inf) would be NaN

        float decay = PortableMath.Exp(_max - max);         // 0 at the first attended key
        scores.Exp(max);
        _max = max;
        _sum = (_sum * decay) + scores.Sum();
        AddValues(k0, decay, scores);
    }

    /// <summary>Divides the output by the softmax sum and writes the log-sum-exp. A row that saw no key keeps its zero output.</summary>
    public readonly void Finish()
    {
        if (_sum == 0)
        {
            _problem.Lse[_lse] = float.NegativeInfinity;
            return;
        }

        float factor = 1f / _sum;
        for (int piece = 0; piece < _problem.Pieces; piece++)
        {
            long at = _output + (piece * _problem.OutputPieceStride);
            Float4 o = _problem.Output[at];
            o.X *= factor;
            o.Y *= factor;
            o.Z *= factor;
            o.W *= factor;
            if (_problem.Careful != 0)
                o = Held(o, _problem.ValueFactor);
            _problem.Output[at] = o;
        }

        _problem.Lse[_lse] = _max + PortableMath.Log(_sum);
    }

    // output = decay * output + sum over the tile's keys of p[key] * v[key]
    private readonly void AddValues(int k0, float decay, PortableScores p)
    {
        long row0 = KeyRow(k0 + 0);
        long row1 = KeyRow(k0 + 1);
        long row2 = KeyRow(k0 + 2);
        long row3 = KeyRow(k0 + 3);
        long row4 = KeyRow(k0 + 4);
        long row5 = KeyRow(k0 + 5);
        long row6 = KeyRow(k0 + 6);
        long row7 = KeyRow(k0 + 7);
        long row8 = KeyRow(k0 + 8);
        long row9 = KeyRow(k0 + 9);
        long row10 = KeyRow(k0 + 10);
        long row11 = KeyRow(k0 + 11);
        long row12 = KeyRow(k0 + 12);
        long row13 = KeyRow(k0 + 13);
        long row14 = KeyRow(k0 + 14);
        long row15 = KeyRow(k0 + 15);
        for (int piece = 0; piece < _problem.Pieces; piece++)
        {
            long at = _output + (piece * _problem.OutputPieceStride);
            Float4 o = _problem.Output[at];
            o.X *= decay;
            o.Y *= decay;
            o.Z *= decay;
            o.W *= decay;
            o = Add(o, p.S0, _problem.ValueRows[row0 + piece]);
            o = Add(o, p.S1, _problem.ValueRows[row1 + piece]);
            o = Add(o, p.S2, _problem.ValueRows[row2 + piece]);
            o = Add(o, p.S3, _problem.ValueRows[row3 + piece]);
            o = Add(o, p.S4, _problem.ValueRows[row4 + piece]);
            o = Add(o, p.S5, _problem.ValueRows[row5 + piece]);
            o = Add(o, p.S6, _problem.ValueRows[row6 + piece]);
            o = Add(o, p.S7, _problem.ValueRows[row7 + piece]);
            o = Add(o, p.S8, _problem.ValueRows[row8 + piece]);
            o = Add(o, p.S9, _problem.ValueRows[row9 + piece]);
            o = Add(o, p.S10, _problem.ValueRows[row10 + piece]);
            o = Add(o, p.S11, _problem.ValueRows[row11 + piece]);
            o = Add(o, p.S12, _problem.ValueRows[row12 + piece]);
            o = Add(o, p.S13, _problem.ValueRows[row13 + piece]);
            o = Add(o, p.S14, _problem.ValueRows[row14 + piece]);
            o = Add(o, p.S15, _problem.ValueRows[row15 + piece]);
            _problem.Output[at] = o;
        }
    }

    // Whether the key tile lies in a block that another launch attends for this row.
    private readonly bool IsElsewhere(int k0)
    {
        if (_problem.Gather.Kind != GatherKind.Beside)
            return false;
        int block = (int)((uint)k0 / (uint)_problem.Gather.BlockSize);
        return (Q >= 0 && block == (int)((uint)Q / (uint)_problem.Gather.BlockSize)) || _problem.Gather.IsRouted(_unit, block);
    }

    // First piece of a key's row; the last key's where there is no such key, so that nothing past the end is read.
    private readonly long KeyRow(int key) => (KeyAt(key) * _problem.KeyStride) + _keyHead;

    private static float Dot(Float4 a, Float4 b, float sum) => sum + (a.X * b.X) + (a.Y * b.Y) + (a.Z * b.Z) + (a.W * b.W);

    internal static Float4 Held(Float4 o, float factor)
    {
        o.X = PortableScores.Held(o.X * factor, float.MaxValue);
        o.Y = PortableScores.Held(o.Y * factor, float.MaxValue);
        o.Z = PortableScores.Held(o.Z * factor, float.MaxValue);
        o.W = PortableScores.Held(o.W * factor, float.MaxValue);
        return o;
    }

    private static Float4 Add(Float4 o, float p, Float4 v)
    {
        o.X += p * v.X;
        o.Y += p * v.Y;
        o.Z += p * v.Z;
        o.W += p * v.W;
        return o;
    }
}
