namespace MoBA.Patterns;

/// <summary>A window both ways, and global tokens that see all and are seen by all (Longformer, Beltagy et al., 2020).</summary>
[SparseExpert]
public sealed partial class GlobalWindow
{
    /// <summary>Tokens to either side.</summary>
    public int Window { get; init; } = 512;

    /// <summary>First tokens that are global.</summary>
    public int Global { get; init; } = 64;

    /// <summary>Whether only the past is seen, as a model that writes text needs it.</summary>
    public bool Causal { get; init; }

    private bool Attends(int q, int k) => (!Causal || q >= k) && (Math.Abs(q - k) <= Window || q < Global || k < Global);
}
