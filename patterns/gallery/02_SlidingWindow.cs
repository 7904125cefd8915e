namespace MoBA.Patterns;

/// <summary>The last <see cref="Window"/> tokens (Mistral 7B, Jiang et al., 2023).</summary>
[SparseExpert]
public sealed partial class SlidingWindow
{
    /// <summary>Tokens that a query sees, itself among them.</summary>
    public int Window { get; init; } = 1024;

    private bool Attends(int q, int k) => q >= k && q - k < Window;
}
