using System.Runtime.Intrinsics;

namespace MoBA.Runtime.Cpu;

/// <summary>
/// One tile of queries of one query head, with the scratch memory of the worker that attends it: what a generated
/// <see cref="CpuKernel"/> works on.
/// </summary>
public sealed unsafe class CpuTile
{
    /// <summary>Keys in a key tile.</summary>
    public const int KeyTile = 64;

    /// <summary>Query head of the tile.</summary>
    public int Head { get; private set; }

    /// <summary>Query heads of the call.</summary>
    public int Heads { get; private set; }

    /// <summary>Absolute position of the first query.</summary>
    public int Q0 { get; private set; }

    /// <summary>Absolute position of the last query, included.</summary>
    public int Q1 { get; private set; }

    /// <summary>Keys of the sequence; key positions are [0, Keys).</summary>
    public int Keys { get; private set; }

    /// <summary>Last key position of the key tile that starts at <paramref name="k0"/>.</summary>
    public int LastKey(int k0) => Math.Min(k0 + KeyTile, Keys) - 1;

    /// <summary>The key tiles that touch the ranges: ascending starts, multiples of <see cref="KeyTile"/>, each once. Sorts and
    /// merges <paramref name="ranges"/> in place.</summary>
    public KeyTileEnumerator KeyTiles(Span<KeyRange> ranges) => throw new NotImplementedException();

    /// <summary>Pass: scores of the key tile at <paramref name="k0"/>, scale * Q K^T, [query, key].</summary>
    public void Scores(int k0) => throw new NotImplementedException();

    /// <summary>Positions of sixteen keys from <paramref name="k0"/> + <paramref name="column"/>, clamped to the last key.</summary>
    public Vector512<int> KeysAt(int k0, int column) => throw new NotImplementedException();

    /// <summary>Sixteen scores of query position <paramref name="q"/> from column <paramref name="column"/> of the key tile.</summary>
    public Vector512<float> Load(int q, int column) => throw new NotImplementedException();

    /// <summary>Replaces sixteen scores.</summary>
    public void Store(int q, int column, Vector512<float> scores) => throw new NotImplementedException();

    /// <summary>Sets the scores whose lane is zero in <paramref name="attends"/> to -infinity.</summary>
    public void Keep(int q, int column, Vector512<int> attends) => throw new NotImplementedException();

    /// <summary>Pass: online softmax over the scores of the key tile at <paramref name="k0"/>, and output += P V.</summary>
    public void Accumulate(int k0) => throw new NotImplementedException();
}

/// <summary>Enumerates key tile starts; see <see cref="CpuTile.KeyTiles"/>.</summary>
public ref struct KeyTileEnumerator
{
    /// <summary>Start of the current key tile.</summary>
    public int Current => throw new NotImplementedException();

    /// <summary>Goes to the next key tile.</summary>
    public bool MoveNext() => throw new NotImplementedException();

    /// <summary>This enumerator.</summary>
    public KeyTileEnumerator GetEnumerator() => this;
}
