namespace MoBA.Patterns;

/// <summary>A causal window with gaps: every <see cref="Dilation"/>-th token of the last <see cref="Window"/> (Longformer, Beltagy et
/// al., 2020; LongNet, Ding et al., 2023).</summary>
[SparseExpert]
public sealed partial class Dilated
{
    /// <summary>Tokens that the window spans.</summary>
    public int Window { get; init; } = 1024;

    /// <summary>Distance between tokens that are seen.</summary>
    public int Dilation { get; init; } = 4;

    private bool Attends(int q, int k) => q >= k && q - k < Window && (q - k) % Dilation == 0;
}
