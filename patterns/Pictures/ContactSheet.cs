using MoBA.Patterns;
using MoBA.Runtime;
using SkiaSharp;

namespace MoBA.Program;

/// <summary>A pattern on the sheet.</summary>
/// <param name="Entry">Its name and origin.</param>
/// <param name="Expert">It, with parameters for the sheet's number of tokens.</param>
/// <param name="Density">How much it attends.</param>
internal sealed record SheetItem(GalleryEntry Entry, ISparseExpert Expert, Density Density);

/// <summary>The whole gallery in one picture, four patterns a row.</summary>
internal static class ContactSheet
{
    private const int Columns = 4;
    private const int PlotSize = 288;
    private const int Tiles = 24;
    private const int Cells = 96;
    private const int Margin = 44;
    private const int Gap = 36;
    private const int Head = 108;
    private const int PanelHead = 34;

    /// <summary>Draws the patterns as PNG, each for a sequence of that many tokens.</summary>
    public static SKData Draw(IReadOnlyList<SheetItem> items, int tokens, CancellationToken cancellationToken)
    {
        int rows = (items.Count + Columns - 1) / Columns;
        int width = (2 * Margin) + (Columns * PlotSize) + ((Columns - 1) * Gap);
        using var surface = SKSurface.Create(new SKImageInfo(width, Head + (rows * (PanelHead + PlotSize + Gap)) + Margin));
        SKCanvas canvas = surface.Canvas;
        canvas.Clear(Palette.Paper);
        StrokeFont.Draw(canvas, "Sparse attention patterns", Margin, 34, 24, Palette.Ink);
        StrokeFont.Draw(canvas, $"{tokens} tokens; queries downwards, keys to the right", Margin, 74, 12, Palette.Muted);
        for (int i = 0; i < items.Count; i++)
        {
            float x = Margin + (i % Columns * (PlotSize + Gap));
            float y = Head + (i / Columns * (PanelHead + PlotSize + Gap));
            DrawPanel(canvas, items[i], tokens, x, y, cancellationToken);
        }

        PatternPng.DrawLegend(canvas, Margin, Head + (rows * (PanelHead + PlotSize + Gap)) + 4);
        using SKImage image = surface.Snapshot();
        return image.Encode(SKEncodedImageFormat.Png, 100);
    }

    private static void DrawPanel(SKCanvas canvas, SheetItem item, int tokens, float x, float y, CancellationToken cancellationToken)
    {
        var plot = new PatternPlot(item.Expert, tokens, Tiles, Cells, PlotSize);
        string density = item.Density.ToString();
        StrokeFont.Draw(canvas, item.Entry.Name, x, y + 6, 15, Palette.Ink);
        StrokeFont.Draw(canvas, density, x + plot.Size - StrokeFont.Measure(density, 12), y + 9, 12, Palette.Muted);
        plot.Draw(canvas, x, y + PanelHead, cancellationToken);
    }
}
