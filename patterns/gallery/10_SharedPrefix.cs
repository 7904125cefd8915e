namespace MoBA.Patterns;

/// <summary>Branches of text that share one prompt and do not see each other (Hydragen, Juravsky et al., 2024).</summary>
[SparseExpert]
public sealed partial class SharedPrefix
{
    /// <summary>Tokens of the prompt.</summary>
    public int Prefix { get; init; } = 512;

    /// <summary>Tokens of a branch.</summary>
    public int Branch { get; init; } = 256;

    private bool Attends(int q, int k) => q >= k && (k < Prefix || BranchOf(q) == BranchOf(k));

    private int BranchOf(int token) => (token - Prefix) / Branch;
}
