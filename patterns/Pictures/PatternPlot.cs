using MoBA.Runtime;
using SkiaSharp;

namespace MoBA.Program;

/// <summary>The square of a picture: queries downwards, keys to the right, cells of pairs within tiles.</summary>
internal sealed class PatternPlot
{
    private readonly TileGrid _tiles;
    private readonly TileGrid _cells;
    private readonly int _pixels;

    /// <summary>Plans a plot.</summary>
    /// <param name="expert">The pattern.</param>
    /// <param name="tokens">Length of the sequence.</param>
    /// <param name="tiles">Tiles along each edge.</param>
    /// <param name="cells">Cells along each edge, a multiple of <paramref name="tiles"/>; fewer where there are fewer tokens.</param>
    /// <param name="size">The most pixels along each edge.</param>
    public PatternPlot(ISparseExpert expert, int tokens, int tiles, int cells, int size)
    {
        int perTile = cells / tiles;
        bool pairs = tokens <= cells;
        _cells = new TileGrid(expert, tokens, pairs ? tokens : cells);
        _tiles = new TileGrid(expert, tokens, pairs ? (tokens + perTile - 1) / perTile : tiles);
        _pixels = Math.Max(1, size / _cells.Side);
    }

    /// <summary>Pixels along each edge.</summary>
    public int Size => _cells.Side * _pixels;

    /// <summary>Draws with the top left at (x, y).</summary>
    public void Draw(SKCanvas canvas, float x, float y, CancellationToken cancellationToken)
    {
        using var paint = new SKPaint { IsAntialias = false };
        for (int row = 0; row < _cells.Side; row++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            for (int column = 0; column < _cells.Side; column++)
            {
                paint.Color = Colour(row, column);
                canvas.DrawRect(x + (column * _pixels), y + (row * _pixels), _pixels, _pixels, paint);
            }
        }

        DrawTileLines(canvas, x, y);
    }

    /// <summary>The colour of a cell: that of its tile, shaded by the pairs it attends where the tile is partial.</summary>
    private SKColor Colour(int row, int column) => _tiles[Tile(row), Tile(column)] switch
    {
        TileKind.Full => Palette.Full,
        TileKind.Empty => Palette.Empty,
        _ => Palette.Attended(_cells.Share(row, column)),
    };

    private int Tile(int cell) => cell * _tiles.Side / _cells.Side;

    private void DrawTileLines(SKCanvas canvas, float x, float y)
    {
        using var paint = new SKPaint { Color = Palette.Paper.WithAlpha(150), StrokeWidth = 1, IsAntialias = false };
        for (int cell = 1; cell < _cells.Side; cell++)
        {
            if (Tile(cell) != Tile(cell - 1))
            {
                float at = cell * _pixels;
                canvas.DrawLine(x + at, y, x + at, y + Size, paint);
                canvas.DrawLine(x, y + at, x + Size, y + at, paint);
            }
        }
    }
}
