using System.Numerics;
using MoBA.Runtime;

namespace MoBA.Patterns;

/// <summary>A pattern of the gallery.</summary>
/// <param name="Name">The class's name.</param>
/// <param name="Origin">The paper or system it comes from, in one line.</param>
/// <param name="Create">The pattern with parameter values that suit a sequence of that many tokens.</param>
public sealed record GalleryEntry(string Name, string Origin, Func<int, ISparseExpert> Create);

/// <summary>The patterns of this library, in reading order.</summary>
public static class Gallery
{
    /// <summary>Every pattern.</summary>
    public static IReadOnlyList<GalleryEntry> Entries { get; } =
    [
        new(nameof(Causal), "GPT: every token sees itself and all before it (Radford et al., 2018)",
            _ => new Causal()),
        new(nameof(SlidingWindow), "Mistral 7B: the last Window tokens (Jiang et al., 2023)",
            tokens => new SlidingWindow { Window = Part(tokens, 8) }),
        new(nameof(SinkWindow), "StreamingLLM: a window and the first tokens as sinks (Xiao et al., 2023)",
            tokens => new SinkWindow { Window = Part(tokens, 8), Sinks = 4 }),
        new(nameof(PrefixLm), "UniLM, T5: a prefix seen both ways, then causal (Dong et al., 2019; Raffel et al., 2020)",
            tokens => new PrefixLm { Prefix = Part(tokens, 4) }),
        new(nameof(Strided), "Sparse Transformer: a window and every Stride-th token before it (Child et al., 2019)",
            tokens => new Strided { Stride = Root(tokens) }),
        new(nameof(Dilated), "Longformer, LongNet: a window with gaps (Beltagy et al., 2020; Ding et al., 2023)",
            tokens => new Dilated { Window = Part(tokens, 8), Dilation = 4 }),
        new(nameof(ChunkedCausal), "Llama 4: causal within chunks (Meta, 2025)",
            tokens => new ChunkedCausal { Chunk = Part(tokens, 8) }),
        new(nameof(BlockCausal), "Causal between blocks, both ways within one (frame-wise video models; MAR, Li et al., 2024)",
            tokens => new BlockCausal { Block = Part(tokens, 16) }),
        new(nameof(DocumentCausal), "Packed documents that do not see each other (Krell et al., 2021; Llama 3)",
            tokens => new DocumentCausal { Document = Documents(tokens) }),
        new(nameof(SharedPrefix), "Tree attention: branches that share one prompt (Hydragen, Juravsky et al., 2024)",
            tokens => new SharedPrefix { Prefix = Part(tokens, 4), Branch = Part(tokens, 8) }),
        new(nameof(GlobalWindow), "Longformer: a window both ways and global tokens (Beltagy et al., 2020)",
            tokens => new GlobalWindow { Window = Part(tokens, 16), Global = Part(tokens, 64) }),
        new(nameof(BigBird), "BigBird: window, global and random blocks (Zaheer et al., 2020)",
            tokens => new BigBird { Window = Part(tokens, 32), Global = Part(tokens, 64), Block = PowerOfTwo(Part(tokens, 16)), Random = 3 }),
        new(nameof(Natten2D), "Neighbourhood attention over a picture in row order (Hassani et al., 2023)",
            tokens => new Natten2D { Width = Root(tokens), Height = (tokens + Root(tokens) - 1) / Root(tokens), Kernel = (Root(tokens) / 4) | 1 }),
        new(nameof(BlockDiffusion), "BD3-LM: noisy blocks beside clean ones (Arriola et al., 2025)",
            tokens => new BlockDiffusion { Block = Part(tokens, 32), Length = Part(tokens, 2) }),
        new(nameof(AlibiCausal), "ALiBi: causal, with a penalty that grows with distance (Press et al., 2022)",
            _ => new AlibiCausal { MaxBias = 8 }),
        new(nameof(SoftCap), "Gemma 2: causal, with scores that saturate (Gemma Team, 2024)",
            _ => new SoftCap { Cap = 50 }),
    ];

    /// <summary>The pattern of that name in any case, or null.</summary>
    public static GalleryEntry? Find(string name) =>
        Entries.FirstOrDefault(entry => string.Equals(entry.Name, name, StringComparison.OrdinalIgnoreCase));

    /// <summary>That part of the tokens, and one at least.</summary>
    private static int Part(int tokens, int parts) => Math.Max(1, tokens / parts);

    /// <summary>The power of two at or above the square root.</summary>
    private static int Root(int tokens) => PowerOfTwo((int)Math.Ceiling(Math.Sqrt(tokens)));

    private static int PowerOfTwo(int atLeast) => (int)BitOperations.RoundUpToPowerOf2((uint)atLeast);

    /// <summary>Documents of uneven lengths: 3, 1, 5, 2, 4 and 1 sixteenths of the tokens.</summary>
    private static int[] Documents(int tokens)
    {
        ReadOnlySpan<int> ends = [3, 4, 9, 11, 15];
        int[] documents = new int[tokens];
        for (int i = 0; i < tokens; i++)
        {
            foreach (int end in ends)
            {
                documents[i] += i >= (long)tokens * end / 16 ? 1 : 0;
            }
        }

        return documents;
    }
}
