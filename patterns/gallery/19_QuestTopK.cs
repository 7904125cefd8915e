namespace MoBA.Patterns;

/// <summary>Blocks chosen by an upper bound on their keys' scores (Quest, Tang et al., 2024).</summary>
[SparseExpert]
[BlockGate(BlockSize = 64, TopK = 16, Pooling = Pooling.MinMax)]
public sealed partial class QuestTopK
{
    private static bool Attends(int q, int k) => q >= k;
}
