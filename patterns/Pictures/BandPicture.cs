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
