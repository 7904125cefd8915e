namespace MoBA.Patterns;

/// <summary>Causal, with scores that saturate smoothly (Gemma 2, Gemma Team, 2024).</summary>
[SparseExpert]
public sealed partial class SoftCap
{
    /// <summary>Bound of the scores, in natural units.</summary>
    public float Cap { get; init; } = 50f;

    private static bool Attends(int q, int k) => q >= k;

    private float Score(float score) => Cap * MathF.Tanh(score / Cap);
}
