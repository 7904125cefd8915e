namespace MoBA.Patterns;

/// <summary>A window, global tokens, and key blocks at random (BigBird, Zaheer et al., 2020). The random choice is a hash of the two
/// blocks, so it needs no table and is the same everywhere.</summary>
[SparseExpert]
public sealed partial class BigBird
{
    /// <summary>Tokens to either side.</summary>
    public int Window { get; init; } = 256;

    /// <summary>First tokens that are global.</summary>
    public int Global { get; init; } = 64;

    /// <summary>Tokens of a block.</summary>
    public int Block { get; init; } = 128;

    /// <summary>Random key blocks in thirty-two that a query block sees.</summary>
    public int Random { get; init; } = 3;

    private bool Attends(int q, int k) =>
        Math.Abs(q - k) <= Window || q < Global || k < Global || Hash(q / Block, k / Block) < Random;

    // 0 to 31, different for neighbouring blocks.
    private static int Hash(int queryBlock, int keyBlock) =>
        ((((queryBlock & 255) * 977) ^ ((keyBlock & 255) * 353)) >> 3) & 31;
}
