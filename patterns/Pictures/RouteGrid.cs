using MoBA.Runtime;

namespace MoBA.Program;

/// <summary>Why the pairs of a cell are visited, each as a share of all of them.</summary>
/// <param name="Own">In the query's own block.</param>
/// <param name="Chosen">In a past block that the query chose.</param>
/// <param name="Always">Attended whatever the gate chose, and in no routed block.</param>
internal readonly record struct RouteCell(double Own, double Chosen, double Always);

/// <summary>The routes of one head, cut into cells: queries downwards, keys to the right. Where blocks fit, a cell is a whole
/// number of them, or a part of one.</summary>
internal sealed class RouteGrid
{
    private const int Most = 16;

    private readonly RouteCell[,] _cells;

    /// <summary>Cuts routes into cells.</summary>
    /// <param name="routed">Routes of an expert with a block gate.</param>
    /// <param name="head">Query head.</param>
    /// <param name="side">The most cells along each edge.</param>
    public RouteGrid(RoutedRows routed, int head, int side)
    {
        BlockSize = routed.Expert.Gate!.BlockSize;
        int longest = Math.Max(1, Math.Max(routed.Rows.Queries, routed.Rows.Keys));
        Step = BlockSize * Parts(Parts(longest, BlockSize), side);
        while (Step % 2 == 0 && Parts(longest, Step / 2) <= side)
        {
            Step /= 2;
        }

        _cells = new RouteCell[Parts(routed.Rows.Queries, Step), Parts(routed.Rows.Keys, Step)];
        Parallel.For(0, Rows, row => FillRow(routed, head, row));
    }

    /// <summary>Keys of a block.</summary>
    public int BlockSize { get; }

    /// <summary>Tokens along a cell's edge.</summary>
    public int Step { get; }

    /// <summary>Cells downwards.</summary>
    public int Rows => _cells.GetLength(0);

    /// <summary>Cells to the right.</summary>
    public int Columns => _cells.GetLength(1);

    /// <summary>The cell in a row of queries and a column of keys.</summary>
    public RouteCell this[int row, int column] => _cells[row, column];

    private static int Parts(int length, int step) => (length + step - 1) / step;

    private void FillRow(RoutedRows routed, int head, int row)
    {
        int[] queries = Sample.Of(row * Step, Math.Min(routed.Rows.Queries, (row + 1) * Step), Most, row);
        foreach (int query in queries)
        {
            ReadOnlySpan<int> route = routed.Route(query, head);
            int q = routed.Rows.Position(query);
            for (int column = 0; column < Columns; column++)
            {
                int[] keys = Sample.Of(column * Step, Math.Min(routed.Rows.Keys, (column + 1) * Step), Most, column);
                double part = 1.0 / (queries.Length * keys.Length);
                RouteCell cell = _cells[row, column];
                foreach (int k in keys)
                {
                    int block = k / BlockSize;
                    cell = block == route[0] ? cell with { Own = cell.Own + part }
                        : route[1..].Contains(block) ? cell with { Chosen = cell.Chosen + part }
                        : routed.Expert.Always(q, k, head) && routed.Expert.Attends(q, k, head) ? cell with { Always = cell.Always + part }
                        : cell;
                }

                _cells[row, column] = cell;
            }
        }
    }
}
