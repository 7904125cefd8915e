namespace MoBA.Patterns;

/// <summary>A router picks for every token of every head what it attends: the near past, a stride through all of it, the global
/// tokens, or the blocks that it asks for (MoBA, Lu et al., 2025).</summary>
[ExpertMixture(TopK = 1)]
[Expert<SinkWindow>, Expert<Strided>, Expert<GlobalWindow>, Expert<MobaTopK>]
public sealed partial class LongContext
{
    /// <summary>The window and the global tokens, of which a query sees those in its past.</summary>
    public GlobalWindow GlobalWindow { get; init; } = new() { Causal = true };
}
