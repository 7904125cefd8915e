namespace MoBA.Runtime;

/// <summary>
/// How blocks that a gate chose are attended on a CUDA device. The paths round differently: gathered outputs are rounded to 16 bits once
/// a block before they are merged, those of a union once. The same input on the same path has the same result, bit by bit; and as
/// <see cref="Auto"/> decides by whole numbers, it takes the same path then.
/// </summary>
public enum AttendPath
{
    /// <summary>What the device finds to be better, by how much the choices of neighbouring queries overlap.</summary>
    Auto = 0,

    /// <summary>Block by block: the queries that chose it, gathered.</summary>
    Gathered = 1,

    /// <summary>Tile of queries by tile of queries: all blocks that a query of the tile chose.</summary>
    Union = 2,
}
