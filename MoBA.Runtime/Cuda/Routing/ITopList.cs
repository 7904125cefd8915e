using MoBA.Runtime.Portable;

namespace MoBA.Runtime.Cuda;

/// <summary>The best blocks of a row, by keys: the gate, and of equal gates the later block. Device code.</summary>
internal interface ITopList<TSelf>
    where TSelf : unmanaged, ITopList<TSelf>
{
    /// <summary>Blocks that it has room for.</summary>
    int Room { get; }

    /// <summary>A list for fewer blocks than there is room for: places that are not wanted have greater keys than any block.</summary>
    /// <param name="wanted">How many are wanted.</param>
    /// <param name="place">Bytes in shared memory where the row's list may be.</param>
    TSelf Empty(int wanted, int place);

    /// <summary>The list with a key, if it is among the best.</summary>
    TSelf With(long key);

    /// <summary>The least key of the list.</summary>
    long Least();

    /// <summary>The key at a place.</summary>
    long At(int place);
}

/// <summary>Keys of a list: the gate's bits in their order above, the block below. Device code.</summary>
internal static class TopKey
{
    /// <summary>Where no block is yet.</summary>
    public const long None = long.MinValue;

    /// <summary>Where no block is wanted.</summary>
    public const long Unwanted = long.MaxValue;

    /// <summary>The key of a block; a NaN is as low as -infinity.</summary>
    public static long Of(float gate, int block)
    {
        float number = gate >= float.NegativeInfinity ? gate : float.NegativeInfinity;
        int bits = (int)ILGPU.Interop.FloatAsInt(number);

        // Of negative numbers those with greater bits are less; -0 is 0.
        int ordered = number == 0f ? 0 : bits ^ ((bits >> 31) & int.MaxValue);
        return ((long)ordered << 32) | (uint)block;
    }

    /// <summary>The gate of a key; NaN where there is no block.</summary>
    public static float Gate(long key)
    {
        int ordered = (int)(key >> 32);
        float gate = ILGPU.Interop.IntAsFloat((uint)(ordered ^ ((ordered >> 31) & int.MaxValue)));
        return key == None ? float.NaN : gate;
    }
}

/// <summary>Eight in registers, the best first.</summary>
internal struct TopList8 : ITopList<TopList8>
{
    private long _0, _1, _2, _3, _4, _5, _6, _7;

    public readonly int Room => 8;

    public readonly TopList8 Empty(int wanted, int place)
    {
        TopList8 list = default;
        list._0 = wanted < 8 ? TopKey.Unwanted : TopKey.None;
        list._1 = wanted < 7 ? TopKey.Unwanted : TopKey.None;
        list._2 = wanted < 6 ? TopKey.Unwanted : TopKey.None;
        list._3 = wanted < 5 ? TopKey.Unwanted : TopKey.None;
        list._4 = wanted < 4 ? TopKey.Unwanted : TopKey.None;
        list._5 = wanted < 3 ? TopKey.Unwanted : TopKey.None;
        list._6 = wanted < 2 ? TopKey.Unwanted : TopKey.None;
        list._7 = TopKey.None;
        return list;
    }

    public readonly TopList8 With(long key)
    {
        TopList8 list = default;
        list._7 = Place(key, _6, _7);
        list._6 = Place(key, _5, _6);
        list._5 = Place(key, _4, _5);
        list._4 = Place(key, _3, _4);
        list._3 = Place(key, _2, _3);
        list._2 = Place(key, _1, _2);
        list._1 = Place(key, _0, _1);
        list._0 = PortableMath.Max(key, _0);
        return list;
    }

    public readonly long Least() => _7;

    public readonly long At(int place) =>
        place < 4 ? (place < 2 ? (place == 0 ? _0 : _1) : (place == 2 ? _2 : _3)) : (place < 6 ? (place == 4 ? _4 : _5) : (place == 6 ? _6 : _7));

    // What stands behind a greater key once another has come: the middle one of the three.
    private static long Place(long key, long greater, long here) => PortableMath.Max(here, PortableMath.Min(greater, key));
}

/// <summary>Sixteen in registers, the best first.</summary>
internal struct TopList16 : ITopList<TopList16>
{
    private TopList8 _best, _rest;

    public readonly int Room => 16;

    public readonly TopList16 Empty(int wanted, int place)
    {
        TopList16 list = default;
        list._best = _best.Empty(wanted - 8, place);
        list._best = wanted < 9 ? AllUnwanted(list._best) : list._best;
        list._rest = _rest.Empty(wanted < 8 ? wanted : 8, place);
        return list;
    }

    public readonly TopList16 With(long key)
    {
        // What the first half gives up, the second may have.
        long least = _best.Least();
        TopList16 list = default;
        list._best = _best.With(key);
        list._rest = _rest.With(PortableMath.Min(key, least));
        return list;
    }

    public readonly long Least() => _rest.Least();

    public readonly long At(int place) => place < 8 ? _best.At(place) : _rest.At(place - 8);

    private static TopList8 AllUnwanted(TopList8 list) => list.With(TopKey.Unwanted);
}

/// <summary>64 in shared memory, in no order but for the least, which is known.</summary>
internal struct TopList64 : ITopList<TopList64>
{
    private int _at, _place;
    private long _least;

    public readonly int Room => 64;

    public readonly TopList64 Empty(int wanted, int place)
    {
        TopList64 list = default;
        list._at = place;
        list._least = TopKey.None;
        for (int i = 0; i < 64; i++)
            list.Set(i, i < wanted ? TopKey.None : TopKey.Unwanted);
        return list;
    }

    public readonly TopList64 With(long key)
    {
        TopList64 list = this;
        if (key > _least)
        {
            list.Set(_place, key);
            list._least = TopKey.Unwanted;
            for (int i = 0; i < 64; i++)
            {
                long other = list.At(i);
                list._place = other < list._least ? i : list._place;
                list._least = PortableMath.Min(other, list._least);
            }
        }

        return list;
    }

    public readonly long Least() => _least;

    public readonly long At(int place) =>
        ((long)Tile.LoadShared(_at + (place * 8) + 4) << 32) | (uint)Tile.LoadShared(_at + (place * 8));

    private readonly void Set(int place, long key)
    {
        Tile.StoreShared(_at + (place * 8), (int)key);
        Tile.StoreShared(_at + (place * 8) + 4, (int)(key >> 32));
    }
}
