namespace MoBA.Patterns;

/// <summary>Every token sees itself and all before it (GPT, Radford et al., 2018).</summary>
[SparseExpert]
public sealed partial class Causal
{
    private static bool Attends(int q, int k) => q >= k;
}
