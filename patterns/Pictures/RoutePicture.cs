using SkiaSharp;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace MoBA.Program;

/// <summary>The routes of a block gate as text: coloured half blocks, or digits where colours are not to be had.</summary>
internal static class RoutePicture
{
    private const int Columns = TerminalPicture.Width;

    /// <summary>Draws the routes of one head.</summary>
    public static IRenderable Draw(RoutedRows routed, int head, bool coloured) =>
        coloured ? Coloured(new RouteGrid(routed, head, Columns)) : Plain(new RouteGrid(routed, head, Columns / 2));

    /// <summary>What the signs mean.</summary>
    public static IRenderable Legend(bool coloured)
    {
        if (!coloured)
        {
            return new Text("routes: 1 to 9 tenths of the queries chose the block, # all   o own block   a always   . none");
        }

        Paragraph legend = new();
        foreach ((RouteCell cell, string meaning) in ((RouteCell, string)[])[(new(0, 1, 0), "block chosen by all queries"), (new(0, 0.4, 0), "by some"), (new(1, 0, 0), "own block"), (new(0, 0, 1), "always")])
        {
            legend.Append("██", new Style(Colour(cell)));
            legend.Append($" {meaning}   ");
        }

        return legend;
    }

    private static Paragraph Plain(RouteGrid grid)
    {
        Paragraph picture = new();
        for (int row = 0; row < grid.Rows; row++)
        {
            for (int column = 0; column < grid.Columns; column++)
            {
                picture.Append($"{Sign(grid[row, column])} ");
            }

            picture.Append("\n");
        }

        return picture;
    }

    private static char Sign(RouteCell cell)
    {
        if (cell.Own > 0)
        {
            return 'o';
        }

        int tenths = (int)Math.Ceiling((10 * cell.Chosen) - 1e-9);
        return cell.Always > cell.Chosen ? 'a' : tenths == 0 ? '.' : tenths == 10 ? '#' : (char)('0' + tenths);
    }

    private static Paragraph Coloured(RouteGrid grid)
    {
        Paragraph picture = new();
        for (int row = 0; row < grid.Rows; row += 2)
        {
            for (int column = 0; column < grid.Columns; column++)
            {
                Color upper = Colour(grid[row, column]);
                picture.Append("▀", row + 1 < grid.Rows ? new Style(upper, Colour(grid[row + 1, column])) : new Style(upper));
            }

            picture.Append("\n");
        }

        return picture;
    }

    private static Color Colour(RouteCell cell)
    {
        SKColor colour = Palette.RouteOnDark(cell);
        return new(colour.Red, colour.Green, colour.Blue);
    }
}
