using ILGPU;

namespace MoBA.Runtime.Cuda;

/// <summary>The items that a thread block claims, four that follow each other at a time and the next four ahead, by all threads of the
/// copying warpgroup. Device code.</summary>
internal struct RoutedClaims
{
    /// <summary>Items of a claim; <see cref="CudaRouting.ItemsPerHead"/> is a multiple, so that all are of one list head.</summary>
    public const int Together = 4;

    /// <summary>The item at hand; as many as there are, or more, at the end.</summary>
    public int Item;

    // What is left of the claim, and where the next is told.
    private int _left, _slot;

    /// <summary>At the first item.</summary>
    public static RoutedClaims Start(CudaProblem problem, int thread)
    {
        RoutedClaims claims = default;
        claims.Item = Grid.IdxX * Together;
        claims._left = Together - 1;
        Ahead(problem, thread, 0);
        return claims;
    }

    /// <summary>At the next item.</summary>
    public static RoutedClaims Next(RoutedClaims claims, CudaProblem problem, int items, int thread)
    {
        if (claims.Item < items)
        {
            claims.Item = claims.Item + 1;
            claims._left = claims._left - 1;
            if (claims._left < 0)
            {
                Tile.SyncCopiers();
                claims.Item = (Grid.DimX + Tile.Claimed(claims._slot)) * Together;
                claims._left = Together - 1;
                claims._slot ^= 1;
                Ahead(problem, thread, claims._slot);
            }
        }

        return claims;
    }

    private static void Ahead(CudaProblem problem, int thread, int slot)
    {
        if (thread < 32)
        {
            int next = Tile.NextItem(problem.Counters);
            if (thread == 0)
                Tile.Claim(slot, next);
        }
    }
}
