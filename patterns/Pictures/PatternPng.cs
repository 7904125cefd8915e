using System.Globalization;
using MoBA.Patterns;
using MoBA.Runtime;
using SkiaSharp;

namespace MoBA.Program;

/// <summary>A picture of one pattern: title, predicate, the square of pairs with its axes, legend, density.</summary>
internal static class PatternPng
{
    private const int PlotSize = 896;
    private const int Tiles = 16;
    private const int Cells = 128;
    private const int Left = 92;
    private const int Top = 164;
    private const int OriginLine = 18;
    private const float OriginText = 12;
    private const int Right = 52;
    private const int Bottom = 104;

    /// <summary>Draws a pattern as PNG.</summary>
    public static SKData Draw(GalleryEntry entry, ISparseExpert expert, int tokens, Density density, CancellationToken cancellationToken)
    {
        var plot = new PatternPlot(expert, tokens, Tiles, Cells, PlotSize);
        int width = Left + Math.Max(plot.Size, PlotSize) + Right;
        IReadOnlyList<string> origin = StrokeFont.Wrap(entry.Origin, OriginText, width - Left - Right);
        int top = Top + ((origin.Count - 1) * OriginLine);
        using var surface = SKSurface.Create(new SKImageInfo(width, top + plot.Size + Bottom));
        SKCanvas canvas = surface.Canvas;
        canvas.Clear(Palette.Paper);
        DrawTitle(canvas, (expert.Info.Name, ExpertSettings.Describe(expert.ParameterValues), expert.Info.Predicate), origin, width - Left - Right);
        plot.Draw(canvas, Left, top, cancellationToken);
        DrawAxes(canvas, (plot.Size, plot.Size), (tokens, tokens), Left, top);
        DrawLegend(canvas, Left, top + plot.Size + 28);
        string counted = string.Create(CultureInfo.InvariantCulture, $"{density} of {(double)tokens * tokens:#,0} pairs attended");
        StrokeFont.Draw(canvas, counted, Left, top + plot.Size + 64, 14, Palette.Ink);
        using SKImage image = surface.Snapshot();
        return image.Encode(SKEncodedImageFormat.Png, 100);
    }

    /// <summary>Swatches and what they mean.</summary>
    public static void DrawLegend(SKCanvas canvas, float x, float y)
    {
        (SKColor Colour, string Meaning)[] legend =
        [
            (Palette.Full, "full tile: no mask"), (Palette.Partial, "partial tile: attended"), (Palette.Skipped, "partial tile: masked"),
            (Palette.Empty, "empty tile: never visited"),
        ];
        DrawLegend(canvas, x, y, legend);
    }

    /// <summary>Swatches in a line.</summary>
    public static void DrawLegend(SKCanvas canvas, float x, float y, IEnumerable<(SKColor Colour, string Meaning)> legend)
    {
        const int swatch = 16;
        using var paint = new SKPaint();
        using var edge = new SKPaint { Color = Palette.Line, Style = SKPaintStyle.Stroke, IsAntialias = true };
        foreach ((SKColor colour, string meaning) in legend)
        {
            paint.Color = colour;
            canvas.DrawRect(x, y - 2, swatch, swatch, paint);
            canvas.DrawRect(x, y - 2, swatch, swatch, edge);
            StrokeFont.Draw(canvas, meaning, x + swatch + 8, y, 12, Palette.Muted);
            x += swatch + 8 + StrokeFont.Measure(meaning, 12) + 26;
        }
    }

    /// <summary>Name, parameters, predicate, and below them the lines of the origin.</summary>
    public static void DrawTitle(SKCanvas canvas, (string Name, string Settings, string Predicate) of, IReadOnlyList<string> origin, float width)
    {
        const float title = 30, text = 13;
        string settings = StrokeFont.Fit(of.Settings, text, width / 2);
        StrokeFont.Draw(canvas, of.Name, Left, 34, title, Palette.Ink);
        StrokeFont.Draw(canvas, settings, Left + width - StrokeFont.Measure(settings, text), 48, text, Palette.Muted);
        StrokeFont.Draw(canvas, StrokeFont.Fit(of.Predicate, text, width), Left, 82, text, Palette.Full);
        for (int line = 0; line < origin.Count; line++)
        {
            StrokeFont.Draw(canvas, origin[line], Left, 106 + (line * OriginLine), OriginText, Palette.Muted);
        }
    }

    /// <summary>First, middle and last token along both edges.</summary>
    public static void DrawAxes(SKCanvas canvas, (int Width, int Height) size, (int Queries, int Keys) tokens, float left, float top)
    {
        const float text = 12, gap = 10;
        DrawAxis(canvas, "keys", size.Width, tokens.Keys, left, top - gap - text);
        canvas.Save();
        canvas.RotateDegrees(-90, left, top);
        canvas.Translate(-size.Height, -gap - text);
        DrawAxis(canvas, "queries", size.Height, tokens.Queries, left, top, reversed: true);
        canvas.Restore();
    }

    /// <summary>First and last token along an edge, and its name between them.</summary>
    public static void DrawAxis(SKCanvas canvas, string name, int size, int tokens, float x, float y, bool reversed = false)
    {
        const float text = 12;
        string first = "0", last = (tokens - 1).ToString(CultureInfo.InvariantCulture);
        (string start, string end) = reversed ? (last, first) : (first, last);
        StrokeFont.Draw(canvas, start, x, y, text, Palette.Muted);
        StrokeFont.Draw(canvas, name, x + ((size - StrokeFont.Measure(name, text)) / 2), y, text, Palette.Ink);
        StrokeFont.Draw(canvas, end, x + size - StrokeFont.Measure(end, text), y, text, Palette.Muted);
    }
}
