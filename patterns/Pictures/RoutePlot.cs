using SkiaSharp;

namespace MoBA.Program;

/// <summary>The square of routes: queries downwards, keys to the right, cells of blocks.</summary>
internal sealed class RoutePlot
{
    private readonly RouteGrid _grid;
    private readonly double _pixels;

    /// <summary>Plans a plot.</summary>
    /// <param name="routed">Routes of a block gate.</param>
    /// <param name="head">Query head.</param>
    /// <param name="cells">The most cells along each edge.</param>
    /// <param name="size">The most pixels along each edge.</param>
    public RoutePlot(RoutedRows routed, int head, int cells, int size)
    {
        _grid = new RouteGrid(routed, head, cells);
        _pixels = (double)size / Math.Max(_grid.Rows, _grid.Columns);
    }

    /// <summary>Swatches of the colours.</summary>
    public static (SKColor Colour, string Meaning)[] Legend { get; } =
    [
        (Palette.Route(new(0, 1, 0)), "chosen by all queries"), (Palette.Route(new(0, 0.35, 0)), "by some"), (Palette.Route(new(1, 0, 0)), "own block"),
        (Palette.Route(new(0, 0, 1)), "always"), (Palette.Route(default), "not visited"),
    ];

    /// <summary>Pixels to the right and downwards.</summary>
    public (int Width, int Height) Size => (Edge(_grid.Columns), Edge(_grid.Rows));

    /// <summary>Draws with the top left at (x, y).</summary>
    public void Draw(SKCanvas canvas, float x, float y)
    {
        using var paint = new SKPaint { IsAntialias = false };
        for (int row = 0; row < _grid.Rows; row++)
        {
            for (int column = 0; column < _grid.Columns; column++)
            {
                paint.Color = Palette.Route(_grid[row, column]);
                canvas.DrawRect(x + Edge(column), y + Edge(row), Edge(column + 1) - Edge(column), Edge(row + 1) - Edge(row), paint);
            }
        }
    }

    /// <summary>Pixels up to a cell.</summary>
    private int Edge(int cell) => (int)Math.Round(cell * _pixels);
}
