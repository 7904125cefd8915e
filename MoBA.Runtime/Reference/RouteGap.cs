namespace MoBA.Runtime;

/// <summary>How far the routes that a kernel chose are from those that a gate's definition asks for.</summary>
/// <param name="Rows">Rows that were compared: query tokens times route heads.</param>
/// <param name="Different">Rows with another set of blocks.</param>
/// <param name="Deficit">Over the rows that differ, the most by which the best block that was left out beats the worst that was chosen,
/// as a share of the row's largest sum of |q·centroid| terms. Rounding to float makes about 1e-6; rounding of 16-bit centroids to
/// the other neighbour about 1e-2; a fault makes more.</param>
/// <param name="Fault">What no rounding explains, in words, for the first row that has it: the own block is not in slot 0, a block is not
/// past, is there twice or out of order, or there are too few. Null where there is no such row.</param>
public sealed record RouteGap(long Rows, long Different, double Deficit, string? Fault);
