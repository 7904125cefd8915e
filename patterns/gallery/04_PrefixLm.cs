namespace MoBA.Patterns;

/// <summary>A prefix that all see, both ways, and causal attention behind it (UniLM, Dong et al., 2019; T5, Raffel et al.,
/// 2020).</summary>
[SparseExpert]
public sealed partial class PrefixLm
{
    /// <summary>Tokens of the prefix.</summary>
    public int Prefix { get; init; } = 512;

    private bool Attends(int q, int k) => q >= k || k < Prefix;
}
