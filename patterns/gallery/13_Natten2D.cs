namespace MoBA.Patterns;

/// <summary>Neighbourhood attention over a picture whose pixels are tokens in row order; at the border the neighbourhood is shifted
/// inside (NATTEN, Hassani et al., 2023).</summary>
[SparseExpert]
public sealed partial class Natten2D
{
    /// <summary>Pixels in a row of the picture.</summary>
    public int Width { get; init; } = 64;

    /// <summary>Rows of the picture.</summary>
    public int Height { get; init; } = 64;

    /// <summary>Pixels of the neighbourhood along either side; odd.</summary>
    public int Kernel { get; init; } = 13;

    private int Radius => Kernel / 2;

    private bool Attends(int q, int k) =>
        Math.Abs(Math.Clamp(q / Width, Radius, Height - 1 - Radius) - (k / Width)) <= Radius
        && Math.Abs(Math.Clamp(q % Width, Radius, Width - 1 - Radius) - (k % Width)) <= Radius;
}
