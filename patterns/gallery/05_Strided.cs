namespace MoBA.Patterns;

/// <summary>The last <see cref="Stride"/> tokens and every <see cref="Stride"/>-th before them (Sparse Transformer, Child et al.,
/// 2019).</summary>
[SparseExpert]
public sealed partial class Strided
{
    /// <summary>Length of the window and distance of the stripes.</summary>
    public int Stride { get; init; } = 128;

    private bool Attends(int q, int k) => q >= k && (q - k < Stride || (q - k) % Stride == 0);
}
