using SkiaSharp;

namespace MoBA.Program;

/// <summary>Bands of a mixture: one a head, tokens to the right; a column is filled from the bottom with the shares that the
/// experts got of its tokens.</summary>
internal sealed class BandPlot(ExpertBands bands, int width, int height)
{
    /// <summary>Pixels of a column: a run of tokens.</summary>
    public const int Column = 4;

    private const int Gap = 10;
    private const float Text = 12;

    /// <summary>Draws with the top left of the first band at (x, y), and the heads' numbers to the left of it.</summary>
    public void Draw(SKCanvas canvas, float x, float y)
    {
        using var paint = new SKPaint { IsAntialias = false };
        float band = (float)(height + Gap) / bands.Heads, column = (float)width / bands.Runs;
        float filled = Math.Max(1, band - Gap);
        for (int head = 0; head < bands.Heads; head++)
        {
            string name = $"head {head}";
            float top = y + (head * band);
            StrokeFont.Draw(canvas, name, x - 10 - StrokeFont.Measure(name, Text), top + ((filled - Text) / 2), Text, Palette.Muted);
            for (int run = 0; run < bands.Runs; run++)
            {
                float bottom = top + filled;
                for (int expert = 0; expert < bands.Mixture.Experts.Count; expert++)
                {
                    float share = (float)bands.Share(head, run, expert) * filled;
                    paint.Color = Palette.Experts[expert % Palette.Experts.Length];
                    canvas.DrawRect(x + (run * column), bottom - share, column, share, paint);
                    bottom -= share;
                }
            }
        }
    }

    /// <summary>The experts' colours, names and shares.</summary>
    public IEnumerable<(SKColor Colour, string Meaning)> Legend => bands.Loads.Select((load, expert) =>
        (Palette.Experts[expert % Palette.Experts.Length], $"{load.Name} {LoadTable.Percent(load.Share)}"));
}
