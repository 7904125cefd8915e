using MoBA.Generators.Model;

namespace MoBA.Generators.Analyze;

/// <summary>How much of a tile a predicate attends.</summary>
internal enum Tile
{
    Empty,
    Partial,
    Full,
}

/// <summary>Classifies tiles by interval arithmetic: sound always, exact where the predicate's parts are independent.</summary>
internal static class TileClassifier
{
    /// <summary>All (a tile is full) and Any (a tile is not empty) of a predicate over a box.</summary>
    public static Interval Bounds(Expr attends, Box box) => box.Of(LinearForm.Normalize(attends));

    /// <summary>The class of a tile over a box of numbers.</summary>
    public static Tile Classify(Expr attends, Box numbers) => Bounds(attends, numbers) switch
    {
        { Low: BoolLiteral { Value: true } } => Tile.Full,
        { High: BoolLiteral { Value: false } } => Tile.Empty,
        _ => Tile.Partial,
    };
}
