using MoBA.Conformance.Tests;
using MoBA.Patterns;
using MoBA.Runtime;

namespace MoBA.Gpu.Tests;

/// <summary>Which sequences a gated call has. Length and block size are those of the case.</summary>
public enum Batch
{
    /// <summary>One of the length, with a query at every key.</summary>
    One,

    /// <summary>Seven: about one and two blocks, none, one token, the length.</summary>
    Ragged,

    /// <summary>Two, with queries at the last third of the keys.</summary>
    Tail,

    /// <summary>Four, with a query at the last key.</summary>
    Decode,

    /// <summary>Two, with queries in the middle, placed by their position.</summary>
    Chunk,

    /// <summary>Two, with queries more than a block behind the last key, so that the last block, which is short, is a past one.</summary>
    Beyond,

    /// <summary>Two, with seven queries before the first key.</summary>
    Before,
}

/// <summary>One call of a gated expert.</summary>
internal sealed record GatedCase(
    string Pattern, int BlockSize, int TopK, Batch Batch, int Length, int QueryHeads, int KeyHeads, int Dim, Element Element)
{
    /// <summary>The gallery's experts with a gate.</summary>
    public static IReadOnlyList<string> Patterns { get; } = [.. Gallery.Experts.Where(entry => entry.Info.Gate is not null).Select(entry => entry.Info.Name)];

    /// <summary>Keys of every sequence.</summary>
    public int[] KeyLengths => Batch switch
    {
        Batch.One => [Length],
        Batch.Ragged => [BlockSize - 1, 0, 1, Length, BlockSize + 1, (2 * BlockSize) - 1, BlockSize],
        Batch.Decode => [Length, BlockSize, 1, (Length + 1) / 2],
        Batch.Before => [Length, BlockSize],
        _ => [Length, (Length / 3) + 1],
    };

    /// <summary>Queries of every sequence.</summary>
    public int[] QueryLengths => [.. KeyLengths.Select(keys => Batch switch
    {
        Batch.Tail => (keys + 2) / 3,
        Batch.Decode => 1,
        Batch.Chunk => (keys / 4) + 1,
        Batch.Beyond => 66,
        Batch.Before => keys + 7,
        _ => keys,
    })];

    /// <summary>Position of every sequence's first query; null stands the last one at the last key.</summary>
    public int? QueryStart => Batch switch
    {
        Batch.Chunk => (Length / 2) + 3,
        Batch.Beyond => Length + BlockSize + 3,
        _ => null,
    };

    /// <summary>The expert with the case's blocks.</summary>
    public ISparseExpert Expert => Pattern switch
    {
        nameof(MobaTopK) => new MobaTopK { BlockSize = BlockSize, TopK = TopK },
        nameof(MobaSinks) => new MobaSinks { BlockSize = BlockSize, TopK = TopK, Sinks = 5, Window = (BlockSize / 2) + 3 },
        nameof(QuestTopK) => new QuestTopK { BlockSize = BlockSize, TopK = TopK },
        nameof(MobaGroup) => new MobaGroup { BlockSize = BlockSize, TopK = TopK },
        _ => throw new ArgumentException($"'{Pattern}' is new: make it here.", nameof(Pattern)),
    };

    /// <summary>Layouts in turn, the same one for the same case.</summary>
    public Layout Layout => (Layout)((Length + (Dim / 8) + QueryHeads + (int)Batch + TopK) % 3);

    /// <summary>The numbers of heads, dim and type, for tensors.</summary>
    public AttentionCase Shape => new(Pattern, 0, KeyLengths.Sum(), false, Placement.Prefill, QueryHeads, KeyHeads, Dim, Element);

    /// <summary>Standard normal tensors.</summary>
    public AttentionInputs Normal(float? scale = null)
    {
        int seed = Length + (31 * Dim) + (1009 * QueryHeads) + (17 * (int)Batch) + (7 * BlockSize);
        return With(AttentionInputs.NormalBits(Shape, seed, QueryLengths.Sum(), KeyLengths.Sum()), scale);
    }

    /// <summary>These tensors: q, k and v.</summary>
    public AttentionInputs With(ushort[][] bits, float? scale = null) => AttentionInputs.Of(Shape, scale, bits, QueryLengths, KeyLengths, QueryStart);

    /// <inheritdoc/>
    public override string ToString() =>
        $"{Pattern} {BlockSize}x{TopK} {Batch} length {Length} heads {QueryHeads}/{KeyHeads} dim {Dim} {Element} {Layout}";
}
