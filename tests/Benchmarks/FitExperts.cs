using MoBA.Patterns;

namespace MoBA.Benchmarks;

/// <summary>The near past and every <see cref="Stride"/>-th token before it.</summary>
[SparseExpert]
public sealed partial class NearStrided
{
    /// <summary>Tokens of the window.</summary>
    public int Window { get; init; } = 448;

    /// <summary>Distance of the tokens before it.</summary>
    public int Stride { get; init; } = 8;

    private bool Attends(int q, int k) => q >= k && (q - k < Window || (q - k) % Stride == 0);
}

/// <summary>A block gate that chooses few blocks.</summary>
[SparseExpert]
[BlockGate(BlockSize = 128, TopK = 4)]
public sealed partial class FewBlocks
{
    private static bool Attends(int q, int k) => q >= k;
}

/// <summary>A block gate that chooses many blocks.</summary>
[SparseExpert]
[BlockGate(BlockSize = 128, TopK = 16)]
public sealed partial class ManyBlocks
{
    private static bool Attends(int q, int k) => q >= k;
}

/// <summary>Experts that attend about as many keys each.</summary>
[ExpertMixture]
[Expert<SinkWindow>, Expert<GlobalWindow>, Expert<NearStrided>, Expert<MobaTopK>]
public sealed partial class EqualDensity;

/// <summary>Experts from cheap to dear.</summary>
[ExpertMixture]
[Expert<SinkWindow>, Expert<FewBlocks>, Expert<ManyBlocks>, Expert<Causal>]
public sealed partial class CheapAndDear;
