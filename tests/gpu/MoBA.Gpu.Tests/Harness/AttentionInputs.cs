using MoBA.Conformance.Tests;
using MoBA.Gpu.Tests.Reference;

namespace MoBA.Gpu.Tests;

/// <summary>A sequence of a call: its first tokens in the tensors, and where they stand.</summary>
internal readonly record struct PlacedSequence(int FirstQuery, int FirstKey, Positions At);

/// <summary>The tensors of one call on the host, as bits of the element type and as their exact values.</summary>
internal sealed class AttentionInputs
{
    private AttentionInputs(AttentionCase at, float scale, ushort[][] bits, PlacedSequence[]? sequences = null)
    {
        (Case, Scale) = (at, scale);
        (QBits, KBits, VBits) = (bits[0], bits[1], bits[2]);
        (Q, K, V) = (Bits.ToFloats(QBits, at.Element), Bits.ToFloats(KBits, at.Element), Bits.ToFloats(VBits, at.Element));
        Sequences = sequences ?? Place(at);
    }

    /// <summary>What the call is.</summary>
    public AttentionCase Case { get; }

    /// <summary>Factor of the raw scores.</summary>
    public float Scale { get; }

    /// <summary>The sequences.</summary>
    public IReadOnlyList<PlacedSequence> Sequences { get; }

    /// <summary>Dense [query tokens, query heads, dim].</summary>
    public ushort[] QBits { get; }

    /// <summary>Dense [key tokens, key heads, dim].</summary>
    public ushort[] KBits { get; }

    /// <inheritdoc cref="KBits"/>
    public ushort[] VBits { get; }

    /// <summary>The exact values of <see cref="QBits"/>.</summary>
    public float[] Q { get; }

    /// <summary>The exact values of <see cref="KBits"/>.</summary>
    public float[] K { get; }

    /// <summary>The exact values of <see cref="VBits"/>.</summary>
    public float[] V { get; }

    /// <summary>Tokens of q.</summary>
    public int QueryTokens => Case.QueryLengths.Sum();

    /// <summary>Heads of q.</summary>
    public int QueryHeads => Case.QueryHeads;

    /// <summary>Heads of k and v.</summary>
    public int KeyHeads => Case.KeyHeads;

    /// <summary>Components of a row.</summary>
    public int Dim => Case.Dim;

    /// <summary>Whether elements are bfloat16; else they are halves.</summary>
    public bool IsBFloat16 => Case.Element == Element.BFloat16;

    /// <summary>Standard normal tensors for a case.</summary>
    /// <param name="at">The case, of halves or bfloat16.</param>
    /// <param name="scale">Null is 1 / sqrt(dim).</param>
    public static AttentionInputs Normal(AttentionCase at, float? scale = null)
    {
        int seed = at.Keys + (31 * at.Dim) + (1009 * at.QueryHeads) + (17 * (int)at.Placement);
        int queries = at.QueryLengths.Sum() * at.QueryHeads * at.Dim, keys = at.Keys * at.KeyHeads * at.Dim;
        return new(at, scale ?? 1 / MathF.Sqrt(at.Dim),
        [
            NormalPool.Take(at.Element, seed, queries),
            NormalPool.Take(at.Element, seed + 1, keys),
            NormalPool.Take(at.Element, seed + 2, keys),
        ]);
    }

    /// <summary>The same tensors as sequences of these lengths, with a query at every key.</summary>
    /// <param name="lengths">Tokens of every sequence, as many in all as the tensors have.</param>
    public AttentionInputs InSequences(int[] lengths)
    {
        if (lengths.Sum() is int sum && (sum != Case.Keys || sum != QueryTokens))
            throw new ArgumentException($"Sequences of {sum} tokens are not the {QueryTokens} queries and {Case.Keys} keys of {Case}.", nameof(lengths));
        int first = 0;
        PlacedSequence[] sequences = new PlacedSequence[lengths.Length];
        for (int i = 0; i < lengths.Length; first += lengths[i++])
            sequences[i] = new(first, first, new(lengths[i], lengths[i], 0));
        return new(Case, Scale, [QBits, KBits, VBits], sequences);
    }

    private static PlacedSequence[] Place(AttentionCase at)
    {
        PlacedSequence[] sequences = new PlacedSequence[at.KeyLengths.Length];
        for (int i = 0, query = 0, key = 0; i < sequences.Length; i++)
        {
            (int queries, int keys) = (at.QueryLengths[i], at.KeyLengths[i]);
            sequences[i] = new(query, key, new(queries, keys, at.Options.QueryStart ?? (keys - queries)));
            (query, key) = (query + queries, key + keys);
        }

        return sequences;
    }
}
