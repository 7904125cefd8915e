namespace MoBA.Patterns;

/// <summary>Both ways within a block, causal between blocks (frame-wise video models; MAR, Li et al., 2024).</summary>
[SparseExpert]
public sealed partial class BlockCausal
{
    /// <summary>Tokens of a block.</summary>
    public int Block { get; init; } = 256;

    private bool Attends(int q, int k) => k / Block <= q / Block;
}
