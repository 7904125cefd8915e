using MoBA.Conformance.Tests;
using MoBA.Gpu.Tests.Reference;
using MoBA.Runtime;

namespace MoBA.Gpu.Tests;

/// <summary>A sequence of a call: its first tokens in the tensors, and where they stand.</summary>
internal readonly record struct PlacedSequence(int FirstQuery, int FirstKey, Positions At);

/// <summary>The tensors of one call on the host, as bits of the element type and as their exact values.</summary>
internal sealed class AttentionInputs
{
    private AttentionInputs(AttentionCase at, float scale, ushort[][] bits, PlacedSequence[] sequences, AttentionOptions options)
    {
        (Case, Scale, Sequences, Options) = (at, scale, sequences, options);
        (QBits, KBits, VBits) = (bits[0], bits[1], bits[2]);
        (Q, K, V) = (Bits.ToFloats(QBits, at.Element), Bits.ToFloats(KBits, at.Element), Bits.ToFloats(VBits, at.Element));
    }

    /// <summary>What the call is.</summary>
    public AttentionCase Case { get; }

    /// <summary>Factor of the raw scores.</summary>
    public float Scale { get; }

    /// <summary>The sequences.</summary>
    public IReadOnlyList<PlacedSequence> Sequences { get; }

    /// <summary>The call's options that say which sequences these are.</summary>
    public AttentionOptions Options { get; }

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
    public int QueryTokens => QBits.Length / (QueryHeads * Dim);

    /// <summary>Tokens of k and v.</summary>
    public int KeyTokens => KBits.Length / (KeyHeads * Dim);

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
        ushort[][] bits = NormalBits(at, seed, at.QueryLengths.Sum(), at.Keys);
        return new(at, scale ?? 1 / MathF.Sqrt(at.Dim), bits, Place(at.QueryLengths, at.KeyLengths, at.Options.QueryStart), at.Options);
    }

    /// <summary>Elements of q, k and v, standard normal.</summary>
    public static ushort[][] NormalBits(AttentionCase at, int seed, int queryTokens, int keyTokens)
    {
        int queries = queryTokens * at.QueryHeads * at.Dim, keys = keyTokens * at.KeyHeads * at.Dim;
        return
        [
            NormalPool.Take(at.Element, seed, queries),
            NormalPool.Take(at.Element, seed + 1, keys),
            NormalPool.Take(at.Element, seed + 2, keys),
        ];
    }

    /// <summary>Sequences of any lengths.</summary>
    /// <param name="at">Heads, dim and type; its lengths and placement say nothing here.</param>
    /// <param name="scale">Null is 1 / sqrt(dim).</param>
    /// <param name="bits">q, k and v, dense.</param>
    /// <param name="queryLengths">Query tokens of every sequence.</param>
    /// <param name="keyLengths">Key tokens of every sequence.</param>
    /// <param name="queryStart">Position of every sequence's first query; null stands the last one at the last key.</param>
    public static AttentionInputs Of(AttentionCase at, float? scale, ushort[][] bits, int[] queryLengths, int[] keyLengths, int? queryStart = null) =>
        new(at, scale ?? 1 / MathF.Sqrt(at.Dim), bits, Place(queryLengths, keyLengths, queryStart), new()
        {
            Sequences = Offsets(queryLengths),
            KeySequences = queryLengths.SequenceEqual(keyLengths) ? null : Offsets(keyLengths),
            QueryStart = queryStart,
        });

    /// <summary>The same tensors as sequences of these lengths, with a query at every key.</summary>
    /// <param name="lengths">Tokens of every sequence, as many in all as the tensors have.</param>
    public AttentionInputs InSequences(int[] lengths)
    {
        if (lengths.Sum() is int sum && (sum != Case.Keys || sum != QueryTokens))
            throw new ArgumentException($"Sequences of {sum} tokens are not the {QueryTokens} queries and {Case.Keys} keys of {Case}.", nameof(lengths));
        return Of(Case, Scale, [QBits, KBits, VBits], lengths, lengths);
    }

    private static PlacedSequence[] Place(int[] queryLengths, int[] keyLengths, int? queryStart)
    {
        PlacedSequence[] sequences = new PlacedSequence[keyLengths.Length];
        for (int i = 0, query = 0, key = 0; i < sequences.Length; i++)
        {
            (int queries, int keys) = (queryLengths[i], keyLengths[i]);
            sequences[i] = new(query, key, new(queries, keys, queryStart ?? (keys - queries)));
            (query, key) = (query + queries, key + keys);
        }

        return sequences;
    }

    private static int[] Offsets(int[] lengths)
    {
        int[] offsets = new int[lengths.Length + 1];
        for (int i = 0; i < lengths.Length; i++)
            offsets[i + 1] = offsets[i] + lengths[i];
        return offsets;
    }
}
