using SkiaSharp;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace MoBA.Program;

/// <summary>Which expert the tokens took as text: a line a head, tokens to the right, the colour or the letter of the expert that
/// got most of them.</summary>
internal static class BandPicture
{
    private const int MaxHeads = 16;

    /// <summary>Draws the heads, and below them what stands for which expert.</summary>
    public static IRenderable Draw(ExpertBands bands, bool coloured)
    {
        Paragraph picture = new();
        for (int head = 0; head < Math.Min(MaxHeads, bands.Heads); head++)
        {
            for (int run = 0; run < bands.Runs; run++)
            {
                Append(picture, bands.Most(head, run), coloured);
            }

            picture.Append("\n");
        }

        if (bands.Heads > MaxHeads)
        {
            picture.Append($"and {bands.Heads - MaxHeads} heads more\n");
        }

        for (int expert = 0; expert < bands.Loads.Count; expert++)
        {
            picture.Append("\n");
            Append(picture, expert, coloured);
            picture.Append($" {bands.Loads[expert].Name} {LoadTable.Percent(bands.Loads[expert].Share)}");
        }

        return picture;
    }

    /// <summary>What rows, columns and signs mean.</summary>
    /// <param name="coloured">Whether colours may be used.</param>
    /// <param name="head">The head that was asked for, if one was.</param>
    public static IRenderable Legend(bool coloured, int? head) => new Text(
        $"row: a head   column: a stretch of tokens   {(coloured ? "colour" : "letter")}: the expert that most of its tokens took"
        + (head is null ? "" : $"\nall heads are shown; --head {head} chooses whose blocks --png draws"));

    private static void Append(Paragraph picture, int expert, bool coloured)
    {
        SKColor colour = Palette.Experts[expert % Palette.Experts.Length];
        if (coloured)
        {
            picture.Append("█", new Style(new Color(colour.Red, colour.Green, colour.Blue)));
        }
        else
        {
            picture.Append($"{(char)('A' + (expert % 26))}");
        }
    }
}
