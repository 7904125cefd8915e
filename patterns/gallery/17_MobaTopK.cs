namespace MoBA.Patterns;

/// <summary>Every block of keys is an expert: the query's own block and the past ones that its gate scores highest (MoBA, Lu et
/// al., 2025).</summary>
[SparseExpert]
[BlockGate(BlockSize = 128, TopK = 8)]
public sealed partial class MobaTopK
{
    private static bool Attends(int q, int k) => q >= k;
}
