namespace MoBA.Patterns;

/// <summary>Causal, with a penalty on distance that differs by head (ALiBi, Press et al., 2022).</summary>
[SparseExpert]
public sealed partial class AlibiCausal
{
    /// <summary>Exponent of the weakest head's slope: slopes run from 2^(-MaxBias / heads) to 2^-MaxBias.</summary>
    public float MaxBias { get; init; } = 8f;

    private static bool Attends(int q, int k) => q >= k;

    private float Score(float score, int q, int k, int head, int heads) =>
        score - float.Exp2(-MaxBias * (head + 1) / heads) * (q - k);
}
