using System.Numerics.Tensors;
using MoBA.Runtime;

namespace MoBA.Gpu.Tests;

/// <summary>What a block gate chose, [query tokens, route heads, TopK]: the own block first, then past ones, ascending; -1 where there are
/// fewer.</summary>
/// <param name="Blocks">The numbers, flat.</param>
/// <param name="Heads">Route heads.</param>
/// <param name="TopK">Blocks of a row.</param>
internal sealed record BlockRoutes(int[] Blocks, int Heads, int TopK)
{
    /// <summary>As an engine returns them.</summary>
    public static BlockRoutes Of(Tensor<int> routes)
    {
        int[] blocks = new int[routes.FlattenedLength];
        routes.FlattenTo(blocks);
        return new(blocks, (int)routes.Lengths[1], (int)routes.Lengths[2]);
    }

    /// <summary>Heads that have routes of their own.</summary>
    public static int HeadsOf(BlockGate gate, int queryHeads, int keyHeads) => gate.Scope == RouteScope.KeyGroup ? keyHeads : queryHeads;

    /// <summary>Rows: query tokens x route heads.</summary>
    public int Rows => Blocks.Length / TopK;

    /// <summary>The blocks of a row.</summary>
    public ReadOnlySpan<int> Row(int token, int routeHead) => Blocks.AsSpan(((token * Heads) + routeHead) * TopK, TopK);

    /// <summary>The blocks that a query head of <paramref name="queryHeads"/> attends.</summary>
    public ReadOnlySpan<int> Of(int token, int queryHead, int queryHeads) => Row(token, queryHead / (queryHeads / Heads));

    /// <summary>Blocks that these rows have and those of <paramref name="other"/> have not, the slots of no block among them.</summary>
    public long Missing(BlockRoutes other)
    {
        long missing = 0;
        for (int row = 0; row < Rows; row++)
        {
            ReadOnlySpan<int> mine = Blocks.AsSpan(row * TopK, TopK), others = other.Blocks.AsSpan(row * TopK, TopK);
            foreach (int block in mine)
                missing += others.Contains(block) ? 0 : 1;
        }

        return missing;
    }
}
