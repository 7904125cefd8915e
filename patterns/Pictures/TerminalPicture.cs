using MoBA.Runtime;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace MoBA.Program;

/// <summary>A pattern as text: coloured half blocks, two rows of tiles in a line, or <c># + .</c> where colours are not to be had.</summary>
internal static class TerminalPicture
{
    private const int Columns = 32;

    /// <summary>Widest line in characters.</summary>
    public const int Width = Columns;

    /// <summary>Draws the pattern for one sequence of that many tokens, 16 lines high.</summary>
    public static IRenderable Draw(ISparseExpert expert, int tokens, bool coloured) =>
        coloured ? Coloured(new TileGrid(expert, tokens, Columns)) : Plain(new TileGrid(expert, tokens, Columns / 2));

    /// <summary>What the signs mean.</summary>
    public static IRenderable Legend(bool coloured)
    {
        if (!coloured)
        {
            return new Text("# every pair attended   + some   . none");
        }

        Paragraph legend = new();
        foreach ((TileKind kind, string meaning) in ((TileKind, string)[])[(TileKind.Full, "every pair attended"), (TileKind.Partial, "some"), (TileKind.Empty, "none")])
        {
            legend.Append("██", new Style(Colour(kind)));
            legend.Append($" {meaning}   ");
        }

        return legend;
    }

    private static Paragraph Plain(TileGrid grid)
    {
        Paragraph picture = new();
        for (int row = 0; row < grid.Side; row++)
        {
            for (int column = 0; column < grid.Side; column++)
            {
                // A space between signs makes tiles about as wide as they are high.
                picture.Append(grid[row, column] switch { TileKind.Full => "# ", TileKind.Partial => "+ ", _ => ". " });
            }

            picture.Append("\n");
        }

        return picture;
    }

    private static Paragraph Coloured(TileGrid grid)
    {
        Paragraph picture = new();
        for (int row = 0; row < grid.Side; row += 2)
        {
            for (int column = 0; column < grid.Side; column++)
            {
                Color upper = Colour(grid[row, column]);
                picture.Append("▀", row + 1 < grid.Side ? new Style(upper, Colour(grid[row + 1, column])) : new Style(upper));
            }

            picture.Append("\n");
        }

        return picture;
    }

    private static Color Colour(TileKind kind) => kind switch
    {
        TileKind.Full => new(74, 123, 224),
        TileKind.Partial => new(240, 162, 70),
        _ => new(52, 57, 70),
    };
}
