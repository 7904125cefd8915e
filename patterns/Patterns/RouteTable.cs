using System.Diagnostics.CodeAnalysis;
using System.Numerics.Tensors;

namespace MoBA.Program;

/// <summary>Blocks that a gate chose for every query token.</summary>
/// <param name="blocks">[query tokens, route heads, TopK], flat.</param>
/// <param name="heads">Route heads.</param>
/// <param name="topK">Slots of a route.</param>
internal sealed class RouteTable(int[] blocks, int heads, int topK)
{
    private const int TileRows = 128;

    /// <summary>Route heads.</summary>
    public int Heads => heads;

    /// <summary>The blocks of one route: the own block, then the chosen past ones, ascending; -1 where there are fewer.</summary>
    public ReadOnlySpan<int> this[int token, int routeHead] => blocks.AsSpan(((token * heads) + routeHead) * topK, topK);

    /// <summary>The routes of a result; null where there are none.</summary>
    [return: NotNullIfNotNull(nameof(routes))]
    public static RouteTable? Of(Tensor<int>? routes) => routes is null ? null : new(routes.ToFlat(), (int)routes.Lengths[1], (int)routes.Lengths[2]);

    /// <summary>How many past blocks 128 neighbouring queries of a head choose together, over how many one of them does: 1 where all choose the
    /// same, 128 where no two share a block. Null where no past block is chosen.</summary>
    public double? Union(IReadOnlyList<SequenceRows> sequences, CancellationToken cancellationToken)
    {
        (int First, int Rows)[] tiles = [.. sequences.SelectMany(Tiles)];
        long routed = 0, touched = 0;
        Parallel.For(0, (long)tiles.Length * heads, new ParallelOptions { CancellationToken = cancellationToken }, i =>
        {
            ((int first, int rows), int head) = (tiles[i / heads], (int)(i % heads));
            HashSet<int> union = [];
            long chosen = 0;
            for (int token = first; token < first + rows; token++)
            {
                foreach (int block in this[token, head][1..])
                {
                    if (block >= 0)
                    {
                        chosen++;
                        union.Add(block);
                    }
                }
            }

            Interlocked.Add(ref routed, chosen);
            Interlocked.Add(ref touched, (long)union.Count * rows);
        });
        return routed == 0 ? null : (double)touched / routed;
    }

    private static IEnumerable<(int First, int Rows)> Tiles(SequenceRows rows)
    {
        for (int first = 0; first < rows.Queries; first += TileRows)
        {
            yield return (rows.FirstQuery + first, Math.Min(TileRows, rows.Queries - first));
        }
    }
}
