using System.Numerics;
using MoBA.Runtime;

namespace MoBA.Patterns;

/// <summary>A pattern of the gallery.</summary>
/// <param name="Info">What the compiler knows of it.</param>
/// <param name="Create">The pattern with parameter values that suit a sequence of that many tokens.</param>
public sealed record GalleryEntry(ExpertInfo Info, Func<int, ISparseExpert> Create)
{
    /// <summary>The class's name.</summary>
    public string Name => Info.Name;

    /// <summary>What it does, and the paper or system that it comes from: the first paragraph of the class's own comment.</summary>
    public string Origin => Info.Summary;
}

/// <summary>The patterns of this library, in reading order.</summary>
public static class Gallery
{
    /// <summary>Every pattern.</summary>
    public static IReadOnlyList<GalleryEntry> Entries { get; } =
    [
        new(Causal.Info, _ => new Causal()),
        new(SlidingWindow.Info, tokens => new SlidingWindow { Window = Part(tokens, 8) }),
        new(SinkWindow.Info, tokens => new SinkWindow { Window = Part(tokens, 8), Sinks = 4 }),
        new(PrefixLm.Info, tokens => new PrefixLm { Prefix = Part(tokens, 4) }),
        new(Strided.Info, tokens => new Strided { Stride = Root(tokens) }),
        new(Dilated.Info, tokens => new Dilated { Window = Part(tokens, 8), Dilation = 4 }),
        new(ChunkedCausal.Info, tokens => new ChunkedCausal { Chunk = Part(tokens, 8) }),
        new(BlockCausal.Info, tokens => new BlockCausal { Block = Part(tokens, 16) }),
        new(DocumentCausal.Info, tokens => new DocumentCausal { Document = Documents(tokens) }),
        new(SharedPrefix.Info, tokens => new SharedPrefix { Prefix = Part(tokens, 4), Branch = Part(tokens, 8) }),
        new(GlobalWindow.Info, tokens => new GlobalWindow { Window = Part(tokens, 16), Global = Part(tokens, 64) }),
        new(BigBird.Info, tokens => new BigBird { Window = Part(tokens, 32), Global = Part(tokens, 64), Block = PowerOfTwo(Part(tokens, 16)), Random = 3 }),
        new(Natten2D.Info, tokens => new Natten2D { Width = Root(tokens), Height = (tokens + Root(tokens) - 1) / Root(tokens), Kernel = (Root(tokens) / 4) | 1 }),
        new(BlockDiffusion.Info, tokens => new BlockDiffusion { Block = Part(tokens, 32), Length = Part(tokens, 2) }),
        new(AlibiCausal.Info, _ => new AlibiCausal { MaxBias = 8 }),
        new(SoftCap.Info, _ => new SoftCap { Cap = 50 }),
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
