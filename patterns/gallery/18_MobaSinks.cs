namespace MoBA.Patterns;

/// <summary>Routed blocks (MoBA, Lu et al., 2025) beside the first tokens and a local window that every query sees
/// (StreamingLLM, Xiao et al., 2023).</summary>
[SparseExpert]
[BlockGate(BlockSize = 128, TopK = 6)]
public sealed partial class MobaSinks
{
    /// <summary>First tokens that every later query sees.</summary>
    public int Sinks { get; init; } = 64;

    /// <summary>Tokens of the local window.</summary>
    public int Window { get; init; } = 256;

    private static bool Attends(int q, int k) => q >= k;

    private bool Always(int q, int k) => k < Sinks || q - k < Window;
}
