using ILGPU;

namespace MoBA.Runtime.Cuda;

/// <summary>The items that a thread block claims, one at a time and one ahead, by all threads of the copying warpgroup. Device code.</summary>
internal struct ListClaims
{
    /// <summary>The item at hand; as many as there are, or more, at the end.</summary>
    public int Item;

    // Where the next is told.
    private int _slot;

    /// <summary>At the first item.</summary>
    public static ListClaims Start(CudaProblem problem, int thread)
    {
        ListClaims claims = default;
        claims.Item = Grid.IdxX;
        Ahead(problem, thread, 0);
        return claims;
    }

    /// <summary>At the next item.</summary>
    public static ListClaims Next(ListClaims claims, CudaProblem problem, int thread)
    {
        Tile.SyncCopiers();
        claims.Item = Grid.DimX + Tile.Claimed(claims._slot);
        claims._slot ^= 1;
        Ahead(problem, thread, claims._slot);
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
