namespace MoBA.Runtime.Cuda;

/// <summary>Rows of partial outputs. Device code.</summary>
internal static class RoutedRows
{
    /// <summary>Writes two rows of a thread, eight apart, as partials.</summary>
    /// <param name="problem">The launch.</param>
    /// <param name="routing">The launch.</param>
    /// <param name="firstRow">The item's first row, among the partial rows.</param>
    /// <param name="rows">Rows of the item.</param>
    /// <param name="row">The first of the thread's two rows in the item.</param>
    /// <param name="lane">The thread's lane.</param>
    public static void Store(CudaProblem problem, CudaRouting routing, long firstRow, int rows, int row, int lane)
    {
        Tile.RoundPartial();
        Store(routing, firstRow, rows, 0, row, lane);
        Store(routing, firstRow, rows, 1, row + 8, lane);
    }

    private static void Store(CudaRouting routing, long firstRow, int rows, int ofThread, int row, int lane)
    {
        bool exists = row < rows;
        long index = firstRow + row;
        Tile.StorePartial(ofThread, routing.Partials + (index * routing.PaddedDim * sizeof(ushort)) + ((lane & 3) * 16L), row & 1, exists);
        Tile.StoreLse(ofThread, routing.PartialLse + (index * sizeof(float)), exists & ((lane & 3) == 0));
    }
}
