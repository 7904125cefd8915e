namespace MoBA.Patterns;

/// <summary>Routed blocks, one route for the query heads that read one key head (NSA, Yuan et al., 2025).</summary>
[SparseExpert]
[BlockGate(BlockSize = 64, TopK = 16, Scope = RouteScope.KeyGroup)]
public sealed partial class MobaGroup
{
    private static bool Attends(int q, int k) => q >= k;
}
