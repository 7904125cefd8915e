namespace MoBA.Patterns;

/// <summary>A sliding window beside the first tokens, which soak up attention that has nowhere to go (StreamingLLM, Xiao et al.,
/// 2023).</summary>
[SparseExpert]
public sealed partial class SinkWindow
{
    /// <summary>Tokens of the window.</summary>
    public int Window { get; init; } = 1024;

    /// <summary>First tokens that every later query sees.</summary>
    public int Sinks { get; init; } = 4;

    private bool Attends(int q, int k) => q >= k && (q - k < Window || k < Sinks);
}
