using MoBA.Patterns;
using MoBA.Runtime;

namespace MoBA.Conformance.Tests;

/// <summary>Parameter values of the gallery's patterns: what the gallery chooses, small ones that cross tiles, and corner cases.</summary>
internal static class Variants
{
    /// <summary>Number of choices of <see cref="Create"/>.</summary>
    public const int Count = 3;

    /// <summary>A pattern for positions [0, <paramref name="positions"/>).</summary>
    public static ISparseExpert Create(string pattern, int variant, int positions) => variant switch
    {
        0 => ((ExpertEntry)Gallery.Find(pattern)!).Create(positions),
        1 => Small(pattern, positions),
        _ => Corner(pattern, positions),
    };

    /// <summary>Whether the pattern can be asked about positions before the first key: a table has no value there.</summary>
    public static bool TakesNegativePositions(string pattern) => pattern != nameof(DocumentCausal);

    private static ISparseExpert Small(string pattern, int positions) => pattern switch
    {
        nameof(Causal) => new Causal(),
        nameof(SlidingWindow) => new SlidingWindow { Window = 5 },
        nameof(SinkWindow) => new SinkWindow { Window = 70, Sinks = 3 },
        nameof(PrefixLm) => new PrefixLm { Prefix = 70 },
        nameof(Strided) => new Strided { Stride = 7 },
        nameof(Dilated) => new Dilated { Window = 40, Dilation = 3 },
        nameof(ChunkedCausal) => new ChunkedCausal { Chunk = 48 },
        nameof(BlockCausal) => new BlockCausal { Block = 3 },
        nameof(DocumentCausal) => new DocumentCausal { Document = Ascending(positions, 37) },
        nameof(SharedPrefix) => new SharedPrefix { Prefix = 20, Branch = 9 },
        nameof(GlobalWindow) => new GlobalWindow { Window = 5, Global = 2, Causal = true },
        nameof(BigBird) => new BigBird { Window = 3, Global = 1, Block = 16, Random = 6 },
        nameof(Natten2D) => new Natten2D { Width = 8, Height = Math.Max(3, (positions + 7) / 8), Kernel = 3 },
        nameof(BlockDiffusion) => new BlockDiffusion { Block = 8, Length = 40 },
        nameof(AlibiCausal) => new AlibiCausal { MaxBias = 4 },
        nameof(SoftCap) => new SoftCap { Cap = 1.5f },
        nameof(MobaTopK) => new MobaTopK { BlockSize = 32, TopK = 3 },
        nameof(MobaSinks) => new MobaSinks { BlockSize = 48, TopK = 2, Sinks = 5, Window = 20 },
        nameof(QuestTopK) => new QuestTopK { BlockSize = 16, TopK = 5 },
        nameof(MobaGroup) => new MobaGroup { BlockSize = 16, TopK = 4 },
        _ => throw new ArgumentException($"'{pattern}' is new: give it small parameter values here.", nameof(pattern)),
    };

    private static ISparseExpert Corner(string pattern, int positions) => pattern switch
    {
        nameof(Causal) => new Causal(),
        nameof(SlidingWindow) => new SlidingWindow { Window = 0 },
        nameof(SinkWindow) => new SinkWindow { Window = 0, Sinks = 1 },
        nameof(PrefixLm) => new PrefixLm { Prefix = 0 },
        nameof(Strided) => new Strided { Stride = 1 },
        nameof(Dilated) => new Dilated { Window = int.MaxValue, Dilation = 64 },
        nameof(ChunkedCausal) => new ChunkedCausal { Chunk = 1 },
        nameof(BlockCausal) => new BlockCausal { Block = 100 },
        nameof(DocumentCausal) => new DocumentCausal { Document = Ascending(positions, 1) },
        nameof(SharedPrefix) => new SharedPrefix { Prefix = 0, Branch = 64 },
        nameof(GlobalWindow) => new GlobalWindow { Window = 0, Global = 0 },
        nameof(BigBird) => new BigBird { Window = 0, Global = 0, Block = 5, Random = 1 },
        nameof(Natten2D) => new Natten2D { Width = 13, Height = 13, Kernel = 13 },
        nameof(BlockDiffusion) => new BlockDiffusion { Block = 3, Length = 1 },
        nameof(AlibiCausal) => new AlibiCausal { MaxBias = 0 },
        nameof(SoftCap) => new SoftCap { Cap = 30 },
        nameof(MobaTopK) => new MobaTopK { BlockSize = 64, TopK = 1 },
        nameof(MobaSinks) => new MobaSinks { BlockSize = 16, TopK = 1, Sinks = 0, Window = 0 },
        nameof(QuestTopK) => new QuestTopK { BlockSize = 32, TopK = 100 },
        nameof(MobaGroup) => new MobaGroup { BlockSize = 1024, TopK = 2 },
        _ => throw new ArgumentException($"'{pattern}' is new: give it corner values here.", nameof(pattern)),
    };

    /// <summary>Documents of about that length, whose numbers start below zero and skip some.</summary>
    private static int[] Ascending(int positions, int length)
    {
        Random random = new(length);
        int[] documents = new int[positions];
        for (int i = 0, document = -3; i < positions; i++)
        {
            document += random.Next(length) == 0 ? random.Next(1, 5) : 0;
            documents[i] = document;
        }

        return documents;
    }
}
