namespace MoBA.Patterns;

/// <summary>Causal within chunks that do not see each other (Llama 4, Meta, 2025).</summary>
[SparseExpert]
public sealed partial class ChunkedCausal
{
    /// <summary>Tokens of a chunk.</summary>
    public int Chunk { get; init; } = 1024;

    private bool Attends(int q, int k) => q >= k && q / Chunk == k / Chunk;
}
