using ILGPU;

namespace MoBA.Runtime.Cuda;

/// <summary>
/// The slow way for a row whose output is no number though its weights are: a value of the row's key tiles is NaN or infinite, and a
/// weight of zero does not silence it on tensor cores. A warp does the row again, key by key, and reads no value that the row does
/// not attend. Device code; on good input it costs a multiplication of each output.
/// </summary>
internal static class CarefulRows<TPattern, TRuns, TQuery, TKey>
    where TPattern : unmanaged, ICudaPattern<TRuns, TQuery, TKey>
    where TRuns : unmanaged
    where TQuery : unmanaged
    where TKey : unmanaged
{
    private const float Log2E = 1.44269504f;

    /// <summary>Does the broken ones among 16 rows of a warp again; their output has been written.</summary>
    /// <param name="problem">The launch.</param>
    /// <param name="pattern">The pattern.</param>
    /// <param name="work">The tile of queries.</param>
    /// <param name="first">The first of the rows in the tile.</param>
    /// <param name="upper">Lanes whose first row is broken, four lanes a row.</param>
    /// <param name="lower">Lanes whose second row, eight below, is broken.</param>
    /// <param name="lane">The thread's lane.</param>
    public static void Mend(CudaProblem problem, TPattern pattern, WorkItem work, int first, int upper, int lower, int lane)
    {
        if ((upper | lower) != 0)
        {
            Warp.Barrier();
            for (int row = 0; row < 16; row++)
            {
                int lanes = (row < 8 ? upper : lower) >> ((row & 7) * 4);
                if ((lanes & 15) != 0 & first + row < work.Queries)
                    Attend(problem, pattern, work, first + row, lane);
            }
        }
    }

    private static void Attend(CudaProblem problem, TPattern pattern, WorkItem work, int row, int lane)
    {
        long token = work.QueryToken + row;
        CarefulRow state = Of(problem, pattern, work, token, work.Position + row, lane);
        state.Sum.Store(
            problem.Output + (token * problem.OutputTokenStride) + (work.Head * problem.OutputHeadStride) + (lane * 16L), state.Factor, lane * 8 < problem.Dim);
    }

    /// <summary>A row with all keys that it attends. Each lane has eight components of it, those of it that there are.</summary>
    /// <param name="problem">The launch.</param>
    /// <param name="pattern">The pattern.</param>
    /// <param name="work">The head, and the keys of the sequence.</param>
    /// <param name="token">The query token.</param>
    /// <param name="position">Its position.</param>
    /// <param name="lane">The thread's lane.</param>
    public static CarefulRow Of(CudaProblem problem, TPattern pattern, WorkItem work, long token, int position, int lane)
    {
        TQuery query = pattern.Query(position, work.Head, problem.Heads);
        CarefulRow state = CarefulRow.Of(problem, token, work.Head, lane);
        int keyTile = Tile.Keys();
        TRuns runs = pattern.Runs(position, position, work.Keys, work.Head, keyTile);
        for (int k0 = pattern.Next(runs, 0); k0 < work.Keys; k0 = pattern.Next(runs, k0 + keyTile))
        {
            for (int k = k0; k < k0 + keyTile & k < work.Keys; k++)
                state = Add(state, problem, pattern, query, work, k, lane);
        }

        return state;
    }

    /// <summary>The row with a key, if the query attends it.</summary>
    public static CarefulRow Add(CarefulRow state, CudaProblem problem, TPattern pattern, TQuery query, WorkItem work, int k, int lane)
    {
        TKey key = pattern.Key(k, work.Head, problem.Heads);
        if (pattern.Attends(query, key))
        {
            long keyToken = work.KeyToken + k, bytes = lane * 16L;
            bool exists = lane * 8 < problem.Dim;
            Octet row = Octet.Load(problem.K + (keyToken * problem.KeyTokenStride) + (work.KeyHead * problem.KeyHeadStride) + bytes, exists);
            float score = state.Query.Dot(row) * problem.Scale;
            if (pattern.HasScore)
                score = pattern.Score(score, query, key);
            float next = score > state.Most ? score : state.Most;
            float decay = CudaMath.Exp2((state.Most - next) * Log2E), weight = CudaMath.Exp2((score - next) * Log2E);
            state.Most = next;
            state.Total = (state.Total * decay) + weight;
            state.Sum.Add(
                decay, weight, Octet.Load(problem.V + (keyToken * problem.ValueTokenStride) + (work.KeyHead * problem.ValueHeadStride) + bytes, exists));
        }

        return state;
    }
}

/// <summary>A row that is done key by key: a lane's part of it. Device code.</summary>
internal struct CarefulRow
{
    /// <summary>The query, and the sum of weighted values.</summary>
    public Octet Query, Sum;

    /// <summary>The greatest score, and the sum of weights relative to it.</summary>
    public float Most, Total;

    /// <summary>What normalises the sum.</summary>
    public readonly float Factor => Total > 0f ? 1f / Total : 0f;

    /// <summary>A row that has met no key.</summary>
    public static CarefulRow Of(CudaProblem problem, long token, int head, int lane)
    {
        CarefulRow row = default;
        row.Query = Octet.Load(problem.Q + (token * problem.QueryTokenStride) + (head * problem.QueryHeadStride) + (lane * 16L), lane * 8 < problem.Dim);
        row.Most = -1e30f;
        return row;
    }
}

/// <summary>Eight components of a row, as floats. Device code.</summary>
internal struct Octet
{
    private float _0, _1, _2, _3, _4, _5, _6, _7;

    /// <summary>Reads them, or zeros where they do not exist.</summary>
    public static Octet Load(long address, bool exists)
    {
        Octet x = default;
        if (exists)
        {
            x._0 = Tile.Element(address);
            x._1 = Tile.Element(address + 2);
            x._2 = Tile.Element(address + 4);
            x._3 = Tile.Element(address + 6);
            x._4 = Tile.Element(address + 8);
            x._5 = Tile.Element(address + 10);
            x._6 = Tile.Element(address + 12);
            x._7 = Tile.Element(address + 14);
        }

        return x;
    }

    /// <summary>The product with another row's, over the whole warp; the same in every lane.</summary>
    public readonly float Dot(Octet y)
    {
        float sum = (_0 * y._0) + (_1 * y._1) + (_2 * y._2) + (_3 * y._3) + (_4 * y._4) + (_5 * y._5) + (_6 * y._6) + (_7 * y._7);
        for (int lanes = 16; lanes > 0; lanes >>= 1)
            sum += Warp.ShuffleXor(sum, lanes);
        return sum;
    }

    /// <summary>this = this * decay + weight * y.</summary>
    public void Add(float decay, float weight, Octet y)
    {
        _0 = (_0 * decay) + (weight * y._0);
        _1 = (_1 * decay) + (weight * y._1);
        _2 = (_2 * decay) + (weight * y._2);
        _3 = (_3 * decay) + (weight * y._3);
        _4 = (_4 * decay) + (weight * y._4);
        _5 = (_5 * decay) + (weight * y._5);
        _6 = (_6 * decay) + (weight * y._6);
        _7 = (_7 * decay) + (weight * y._7);
    }

    /// <summary>Writes them times a factor as a partial has them: two here and two there, <paramref name="stride"/> bytes apart.</summary>
    public readonly void StorePairs(long address, long stride, float factor, bool exists)
    {
        if (exists)
        {
            Memory.SetInt(address, Tile.Pair(_0 * factor, _1 * factor));
            Memory.SetInt(address + stride, Tile.Pair(_2 * factor, _3 * factor));
            Memory.SetInt(address + (2 * stride), Tile.Pair(_4 * factor, _5 * factor));
            Memory.SetInt(address + (3 * stride), Tile.Pair(_6 * factor, _7 * factor));
        }
    }

    /// <summary>Writes them times a factor, where they exist.</summary>
    public readonly void Store(long address, float factor, bool exists)
    {
        if (exists)
        {
            Tile.SetElement(address, _0 * factor);
            Tile.SetElement(address + 2, _1 * factor);
            Tile.SetElement(address + 4, _2 * factor);
            Tile.SetElement(address + 6, _3 * factor);
            Tile.SetElement(address + 8, _4 * factor);
            Tile.SetElement(address + 10, _5 * factor);
            Tile.SetElement(address + 12, _6 * factor);
            Tile.SetElement(address + 14, _7 * factor);
        }
    }
}
