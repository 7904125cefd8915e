using MoBA.Runtime;

namespace MoBA.Conformance.Tests;

/// <summary>Where the queries stand beside the keys of a sequence.</summary>
public enum Placement
{
    /// <summary>A query at every key.</summary>
    Prefill,

    /// <summary>Queries at the last third of the keys, aligned by the engine.</summary>
    Tail,

    /// <summary>One query, at the last key.</summary>
    Decode,

    /// <summary>A chunk in the middle, placed by <see cref="AttentionOptions.QueryStart"/>.</summary>
    Chunk,

    /// <summary>Queries behind the last key.</summary>
    Beyond,

    /// <summary>More queries than keys: the first stand at negative positions.</summary>
    Before,
}

/// <summary>Types of tensor elements.</summary>
public enum Element
{
    /// <summary><c>float</c>.</summary>
    Single,

    /// <summary><see cref="System.Half"/>.</summary>
    Half,

    /// <summary><see cref="MoBA.Runtime.BFloat16"/>.</summary>
    BFloat16,
}

/// <summary>One attention call: a pattern and its variant, and the shapes of its tensors.</summary>
public sealed record AttentionCase(
    string Pattern, int Variant, int Keys, bool Packed, Placement Placement, int QueryHeads, int KeyHeads, int Dim, Element Element)
{
    /// <summary>Keys of every sequence; packed ones have uneven lengths, and one is empty.</summary>
    public int[] KeyLengths => Packed ? [Keys - (Keys / 3) - (Keys / 5), 0, Keys / 3, Keys / 5] : [Keys];

    /// <summary>Queries of every sequence.</summary>
    public int[] QueryLengths => [.. KeyLengths.Select(keys => Placement switch
    {
        Placement.Prefill => keys,
        Placement.Tail => (keys + 2) / 3,
        Placement.Decode => 1,
        Placement.Chunk => (keys / 4) + 1,
        Placement.Beyond => 66,
        _ => keys + 7,
    })];

    /// <summary>One past the last position of any query or key.</summary>
    public int Positions
    {
        get
        {
            int queries = Options.QueryStart is { } start ? start + QueryLengths.Max() : 0;
            return Math.Max(1, Math.Max(KeyLengths.Max(), queries));
        }
    }

    /// <summary>Products of one component of all scores: what the case costs.</summary>
    public long Cost => KeyLengths.Zip(QueryLengths, (k, q) => (long)k * q).Sum() * QueryHeads * Dim;

    /// <summary>The options of the call.</summary>
    public AttentionOptions Options => new()
    {
        Sequences = Packed ? Offsets(QueryLengths) : null,
        KeySequences = Packed && Placement != Placement.Prefill ? Offsets(KeyLengths) : null,
        QueryStart = Placement switch
        {
            Placement.Chunk => Keys / 2,
            Placement.Beyond => Keys + 70,
            _ => null,
        },
        ReturnLse = true,
    };

    /// <summary>The pattern with parameters that suit the positions.</summary>
    public ISparseExpert Expert => Variants.Create(Pattern, Variant, Positions);

    /// <inheritdoc/>
    public override string ToString() =>
        $"{Pattern}#{Variant} keys {Keys}{(Packed ? " packed" : "")} {Placement} heads {QueryHeads}/{KeyHeads} dim {Dim} {Element}";

    private static int[] Offsets(int[] lengths)
    {
        int[] offsets = new int[lengths.Length + 1];
        for (int i = 0; i < lengths.Length; i++)
            offsets[i + 1] = offsets[i] + lengths[i];
        return offsets;
    }
}
