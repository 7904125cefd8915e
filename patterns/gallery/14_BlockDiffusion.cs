namespace MoBA.Patterns;

/// <summary>Training of a block diffusion model: noisy tokens [0, Length) beside the clean ones [Length, 2 Length). A noisy block
/// sees itself and the clean blocks before it; clean blocks are causal (BD3-LM, Arriola et al., 2025).</summary>
[SparseExpert]
public sealed partial class BlockDiffusion
{
    /// <summary>Tokens of a block.</summary>
    public int Block { get; init; } = 128;

    /// <summary>Tokens of the text, which stands here twice.</summary>
    public int Length { get; init; } = 1024;

    private bool Attends(int q, int k)
    {
        if (q < Length)
        {
            return k < Length ? q / Block == k / Block : (k - Length) / Block < q / Block;
        }

        return k >= Length && (k - Length) / Block <= (q - Length) / Block;
    }
}
