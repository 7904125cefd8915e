namespace MoBA.Patterns;

/// <summary>Packed documents that do not see each other (Krell et al., 2021; Llama 3).</summary>
[SparseExpert]
public sealed partial class DocumentCausal
{
    /// <summary>The document of every token, ascending.</summary>
    [Monotone]
    public required int[] Document { get; init; }

    private bool Attends(int q, int k) => q >= k && Document[q] == Document[k];
}
