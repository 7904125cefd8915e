using System.ComponentModel;
using MoBA.Runtime.Portable;

namespace MoBA.Runtime.Cuda;

/// <summary>
/// All that a gated expert attends, for tiles of queries over the blocks that any of them chose: what <see cref="OwnPattern{TPattern, TRuns, TQuery,
/// TKey, TAlways, TAlwaysRuns, TAlwaysQuery, TAlwaysKey}"/> attends, and the chosen blocks. A query is given by its number among the rows of
/// tiles, by which its tile, position and routes are found. Sets of blocks say which key tiles there are, and whether all queries chose them;
/// else a row asks once for every block of a key tile whether it is among its routes.
/// </summary>
/// <typeparam name="TPattern">The expert's pattern.</typeparam>
/// <typeparam name="TRuns">Its runs.</typeparam>
/// <typeparam name="TQuery">What it knows of a query.</typeparam>
/// <typeparam name="TKey">What it knows of a key.</typeparam>
/// <typeparam name="TAlways">The pattern of <c>Always</c> within the expert's; <see cref="NoKeysPattern"/> where there is none.</typeparam>
/// <typeparam name="TAlwaysRuns">Its runs.</typeparam>
/// <typeparam name="TAlwaysQuery">What it knows of a query.</typeparam>
/// <typeparam name="TAlwaysKey">What it knows of a key.</typeparam>
[EditorBrowsable(EditorBrowsableState.Never)]
public unsafe struct UnionPattern<TPattern, TRuns, TQuery, TKey, TAlways, TAlwaysRuns, TAlwaysQuery, TAlwaysKey>
    : ICudaPattern<UnionRuns, UnionQuery<TQuery>, OwnKey<TKey, TAlwaysKey>>
    where TPattern : unmanaged, ICudaPattern<TRuns, TQuery, TKey>
    where TRuns : unmanaged
    where TQuery : unmanaged
    where TKey : unmanaged
    where TAlways : unmanaged, ICudaPattern<TAlwaysRuns, TAlwaysQuery, TAlwaysKey>
    where TAlwaysRuns : unmanaged
    where TAlwaysQuery : unmanaged
    where TAlwaysKey : unmanaged
{
    // Words of a set that a search looks at before it answers with a key that may be none of a chosen block's.
    private const int WordsAhead = 8;

    /// <summary>The expert's pattern.</summary>
    public TPattern Inner;

    /// <summary>That of <c>Always</c>.</summary>
    public TAlways Always;

    /// <summary>Divides by the keys of a block.</summary>
    public CudaDivisor ByBlockSize;

    /// <summary>Divides by the query heads that share routes.</summary>
    public CudaDivisor ByHeadsPerRoute;

    /// <summary>As <see cref="CudaUnion"/> has them.</summary>
    public long Tiles, Bits;

    /// <summary>As <see cref="CudaRouting"/> has them.</summary>
    public long Routes;

    /// <summary>As <see cref="CudaUnion"/> has them.</summary>
    public int TileShift, RouteHeads, Words, KeyTile;

    /// <summary>Query heads, and query tokens of the call.</summary>
    public int Heads, QueryTokens;

    /// <summary>Fours of slots that a row has in <see cref="Routes"/>.</summary>
    public int SlotFours;

    /// <inheritdoc/>
    public readonly bool HasScore => Inner.HasScore;

    /// <inheritdoc/>
    public readonly bool ReadsTables => Inner.ReadsTables | Always.ReadsTables;

    /// <inheritdoc/>
    public readonly bool HasColumns => true;

    /// <inheritdoc/>
    public readonly bool HasNear => Inner.HasNear;

    /// <inheritdoc/>
    public readonly float ScoreBound => Inner.ScoreBound;

    private readonly OwnPattern<TPattern, TRuns, TQuery, TKey, TAlways, TAlwaysRuns, TAlwaysQuery, TAlwaysKey> Own
    {
        get
        {
            OwnPattern<TPattern, TRuns, TQuery, TKey, TAlways, TAlwaysRuns, TAlwaysQuery, TAlwaysKey> own;
            own.Inner = Inner;
            own.Always = Always;
            own.ByBlockSize = ByBlockSize;
            return own;
        }
    }

    /// <inheritdoc/>
    public readonly UnionRuns Runs(long q0, long q1, int keys, int head, int keyTile)
    {
        int shift = PositionShift((int)q0);
        OwnRuns own = Own.Runs(q0 + shift, q1 + shift, keys, head, keyTile);
        UnionRuns runs;
        runs.First = own.First;
        runs.End = own.End;
        runs.FirstQuery = own.FirstQuery;
        runs.LastQuery = own.LastQuery;
        runs.Keys = keys;
        runs.Head = head;
        runs.KeyTile = keyTile;
        runs.Bits = SetOf((int)q0, head);
        return runs;
    }

    /// <inheritdoc/>
    public readonly int Next(UnionRuns runs, int k0)
    {
        OwnRuns own;
        own.First = runs.First;
        own.End = runs.End;
        own.FirstQuery = runs.FirstQuery;
        own.LastQuery = runs.LastQuery;
        own.Keys = runs.Keys;
        own.Head = runs.Head;
        own.KeyTile = runs.KeyTile;
        return PortableMath.Min(Own.Next(own, k0), NextChosen(runs, k0));
    }

    /// <inheritdoc/>
    public readonly TileKind Classify(long q0, long q1, long k0, long k1, int head)
    {
        int shift = PositionShift((int)q0);
        TileKind own = Own.Classify(q0 + shift, q1 + shift, k0, k1, head);
        int set = SetOf((int)q0, head), any = 0, all = -1, last = ByBlockSize.DivNatural((int)k1);
        for (int block = ByBlockSize.DivNatural((int)k0); block <= last; block++)
        {
            any |= Word(set, block >> 5) >> (block & 31);
            all &= Word(set + Words, block >> 5) >> (block & 31);
        }

        if (own == TileKind.Full | (any & 1) == 0)
            return own;
        TileKind kind = Inner.Classify(q0 + shift, q1 + shift, k0, k1, head);
        return kind == TileKind.Empty | (all & 1) != 0 ? kind : TileKind.Partial;
    }

    /// <inheritdoc/>
    public readonly UnionQuery<TQuery> Query(int q, int head, int heads)
    {
        int position = q + PositionShift(q);
        UnionQuery<TQuery> query;
        query.Inner = Inner.Query(position, head, heads);
        query.Number = q;
        query.Head = head;
        return query;
    }

    /// <inheritdoc/>
    public readonly OwnKey<TKey, TAlwaysKey> Key(int k, int head, int heads) => Own.Key(k, head, heads);

    /// <inheritdoc/>
    public readonly bool Attends(UnionQuery<TQuery> q, OwnKey<TKey, TAlwaysKey> k) =>
        Own.Attends(OwnQueryOf(q), k) | (Inner.Attends(q.Inner, k.Inner) & IsChosen(q, ByBlockSize.DivNatural(k.Position)) != 0);

    /// <inheritdoc/>
    public readonly int AttendedColumns(UnionQuery<TQuery> q, int firstKey)
    {
        // A thread's columns begin within the first eight keys of the tile, and no block ends within eight keys.
        int chosen = 0, first = ByBlockSize.DivNatural(firstKey) * ByBlockSize.Divisor;
        for (; first < firstKey + KeyTile - 7; first += ByBlockSize.Divisor)
        {
            int found = IsChosen(q, ByBlockSize.DivNatural(first));
            chosen |= found & CudaColumns.BeforeKey(first + ByBlockSize.Divisor, firstKey) & ~CudaColumns.BeforeKey(first, firstKey);
        }

        OwnQuery<TQuery, TAlwaysQuery> own = OwnQueryOf(q);
        if (Inner.HasColumns & Always.HasColumns)
            return Own.AttendedColumns(own, firstKey) | (Inner.AttendedColumns(own.Inner, firstKey) & chosen);
        return OneByOne(q, own, firstKey, chosen);
    }

    /// <inheritdoc/>
    public readonly float Score(float score, UnionQuery<TQuery> q, OwnKey<TKey, TAlwaysKey> k) => Inner.Score(score, q.Inner, k.Inner);

    /// <inheritdoc/>
    public readonly float NearLimit(float scale) => Inner.NearLimit(scale);

    /// <inheritdoc/>
    public readonly float ScoreNear(float score, float scale, float unit, float shift, UnionQuery<TQuery> q, OwnKey<TKey, TAlwaysKey> k) =>
        Inner.ScoreNear(score, scale, unit, shift, q.Inner, k.Inner);

    // A column after the other, in a loop, which needs fewer registers than asking for each score does.
    private readonly int OneByOne(UnionQuery<TQuery> q, OwnQuery<TQuery, TAlwaysQuery> own, int firstKey, int chosen)
    {
        int attended = 0, lastKey = TileOf(q.Number)->Keys - 1;
        for (int column = 0; column < KeyTile >> 2; column++)
        {
            // A table ends with the last key; columns beyond it are left out elsewhere.
            OwnKey<TKey, TAlwaysKey> key = Own.Key(PortableMath.Min(firstKey + ((column >> 1) << 3) + (column & 1), lastKey), q.Head, Heads);
            bool attends = Own.Attends(own, key) | (Inner.Attends(own.Inner, key.Inner) & ((chosen >> column) & 1) != 0);
            attended |= (attends ? 1 : 0) << column;
        }

        return attended;
    }

    private readonly QueryTile* TileOf(int q) => (QueryTile*)Tiles + (q >> TileShift);

    // From the number of a query to its position.
    private readonly int PositionShift(int q)
    {
        QueryTile* tile = TileOf(q);
        return tile->SequencePosition - tile->Position;
    }

    // The first word of what any query of a tile chose.
    private readonly int SetOf(int q, int head) => (((q >> TileShift) * RouteHeads) + ByHeadsPerRoute.DivNatural(head)) * Words * 2;

    private readonly int Word(int set, int word) => Memory.Int(Bits + ((set + word) * 4L));

    // The first tile from a key on with a chosen block, or ahead of such.
    private readonly int NextChosen(UnionRuns runs, int k0)
    {
        if (k0 >= runs.Keys)
            return int.MaxValue;
        int block = ByBlockSize.DivNatural(k0), word = block >> 5, end = PortableMath.Min(Words - 1, word + WordsAhead);
        int bits = Word(runs.Bits, word) & (-1 << (block & 31));
        while (bits == 0 & word < end)
        {
            word++;
            bits = Word(runs.Bits, word);
        }

        if (bits == 0 & word == Words - 1)
            return int.MaxValue;
        int key = ((word * 32) + (bits == 0 ? 32 : Tile.LowestBit(bits))) * ByBlockSize.Divisor;
        return PortableMath.Max(k0, key - (int)((uint)key % (uint)runs.KeyTile));
    }

    // -1 if the row chose a block, else 0.
    private readonly int IsChosen(UnionQuery<TQuery> q, int block)
    {
        QueryTile* tile = TileOf(q.Number);
        int four = ((q.Head * QueryTokens) + tile->QueryToken + q.Number - tile->Position) * SlotFours, end = four + SlotFours, found = 0;
        for (; four < end; four++)
            found |= Tile.IsAmong(Routes + (four * 16L), tile->FirstBlock + block);
        return found;
    }

    // Asked for a tile, so that no register holds it meanwhile.
    private readonly OwnQuery<TQuery, TAlwaysQuery> OwnQueryOf(UnionQuery<TQuery> q)
    {
        return Own.Query(q.Number + PositionShift(q.Number), q.Head, Heads);
    }
}

/// <summary>The runs of such a pattern: flat, as <see cref="OwnRuns"/>.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public struct UnionRuns
{
    /// <summary>As <see cref="OwnRuns"/> has them.</summary>
    public int First, End, FirstQuery, LastQuery, Keys, Head, KeyTile;

    /// <summary>The first word of the set of chosen blocks.</summary>
    public int Bits;
}

/// <summary>What the pattern knows of a query.</summary>
/// <typeparam name="TQuery">What the expert's knows.</typeparam>
[EditorBrowsable(EditorBrowsableState.Never)]
public struct UnionQuery<TQuery>
    where TQuery : unmanaged
{
    /// <summary>For the score modifier of the expert's pattern.</summary>
    public TQuery Inner;

    /// <summary>Its number among the rows of tiles; what else there is to know is found by it when it is wanted, for registers are dear.</summary>
    public int Number;

    /// <summary>The query head.</summary>
    public int Head;
}
