using System.Numerics;
using MoBA.Runtime;

namespace MoBA.Patterns;

/// <summary>A pattern of the gallery: an expert, or a mixture of experts.</summary>
/// <param name="Name">The class's name.</param>
/// <param name="Origin">What it does, and the paper or system that it comes from: the first paragraph of the class's own
/// comment.</param>
public abstract record GalleryEntry(string Name, string Origin);

/// <summary>An expert of the gallery.</summary>
/// <param name="Info">What the compiler knows of it.</param>
/// <param name="Create">The expert with parameter values that suit a sequence of that many tokens.</param>
public sealed record ExpertEntry(ExpertInfo Info, Func<int, ISparseExpert> Create) : GalleryEntry(Info.Name, Info.Summary);

/// <summary>A mixture of the gallery.</summary>
/// <param name="Info">What the compiler knows of it.</param>
/// <param name="Create">The mixture with parameter values that suit a sequence of that many tokens.</param>
public sealed record MixtureEntry(MixtureInfo Info, Func<int, IExpertMixture> Create) : GalleryEntry(Info.Name, Info.Summary);

/// <summary>The patterns of this library, in reading order.</summary>
public static class Gallery
{
    /// <summary>The experts: those whose predicate is all there is, then those with a block gate.</summary>
    public static IReadOnlyList<ExpertEntry> Experts { get; } =
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
        new(MobaTopK.Info, tokens => Routed(tokens, 128, 8, (size, topK) => new MobaTopK { BlockSize = size, TopK = topK })),
        new(MobaSinks.Info, tokens => Routed(tokens, 128, 6, (size, topK) => new MobaSinks
        {
            BlockSize = size, TopK = topK, Sinks = Math.Min(64, Part(tokens, 128)), Window = Math.Min(256, Part(tokens, 32)),
        })),
        new(QuestTopK.Info, tokens => Routed(tokens, 64, 16, (size, topK) => new QuestTopK { BlockSize = size, TopK = topK })),
        new(MobaGroup.Info, tokens => Routed(tokens, 64, 16, (size, topK) => new MobaGroup { BlockSize = size, TopK = topK })),
    ];

    /// <summary>The mixtures of experts.</summary>
    public static IReadOnlyList<MixtureEntry> Mixtures { get; } =
    [
        new(LongContext.Info, tokens => new LongContext
        {
            SinkWindow = new() { Window = Part(tokens, 8), Sinks = 4 },
            Strided = new() { Stride = Root(tokens) },
            GlobalWindow = new() { Window = Part(tokens, 16), Global = Part(tokens, 64), Causal = true },
            MobaTopK = Routed(tokens, 128, 8, static (size, topK) => new MobaTopK { BlockSize = size, TopK = topK }),
        }),
    ];

    /// <summary>Every pattern: the experts, then the mixtures.</summary>
    public static IReadOnlyList<GalleryEntry> Entries { get; } = [.. Experts, .. Mixtures];

    /// <summary>The pattern of that name in any case, or null.</summary>
    public static GalleryEntry? Find(string name) =>
        Entries.FirstOrDefault(entry => string.Equals(entry.Name, name, StringComparison.OrdinalIgnoreCase));

    /// <summary>A block gate as it is from 8,192 tokens on, and below that with as many keys in proportion, in blocks of a 32nd of the
    /// tokens or less.</summary>
    private static TExpert Routed<TExpert>(int tokens, int blockSize, int topK, Func<int, int, TExpert> create)
    {
        int size = Math.Clamp(PowerOfTwo(tokens / 32), BlockGate.BlockStep, blockSize);
        return create(size, (int)Math.Clamp((long)tokens * blockSize * topK / (8192L * size), 2, topK));
    }

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
