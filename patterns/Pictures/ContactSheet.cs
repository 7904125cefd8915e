using MoBA.Patterns;
using MoBA.Runtime;
using SkiaSharp;

namespace MoBA.Program;

/// <summary>The whole gallery in one picture, four experts a row and below them the mixtures.</summary>
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
    private const int BandHeight = 180;
    private const int BandIndent = 60;
    private const int LegendHeight = 52;
    private const int RoutedHead = 1;

    /// <summary>Draws the gallery as PNG: predicates for a sequence of that many tokens, routes of the data that ships.</summary>
    /// <param name="tokens">Tokens of the predicates' pictures.</param>
    /// <param name="step">Told the name of each pattern.</param>
    /// <param name="cancellationToken">Ends it early.</param>
    public static SKData Draw(int tokens, Action<string> step, CancellationToken cancellationToken)
    {
        int rows = (Gallery.Experts.Count + Columns - 1) / Columns;
        int width = (2 * Margin) + (Columns * PlotSize) + ((Columns - 1) * Gap), bands = Head + (rows * (PanelHead + PlotSize + Gap));
        int legends = bands + (Gallery.Mixtures.Count * (PanelHead + BandHeight + LegendHeight));
        using var surface = SKSurface.Create(new SKImageInfo(width, legends + LegendHeight + Margin));
        SKCanvas canvas = surface.Canvas;
        canvas.Clear(Palette.Paper);
        StrokeFont.Draw(canvas, "Sparse attention patterns", Margin, 34, 24, Palette.Ink);
        for (int i = 0; i < Gallery.Experts.Count; i++)
        {
            step(Gallery.Experts[i].Name);
            (float x, float y) = (Margin + (i % Columns * (PlotSize + Gap)), Head + (i / Columns * (PanelHead + PlotSize + Gap)));
            DrawExpert(canvas, Gallery.Experts[i], tokens, x, y, cancellationToken);
        }

        int routed = 0;
        for (int i = 0; i < Gallery.Mixtures.Count; i++)
        {
            step(Gallery.Mixtures[i].Name);
            routed = DrawMixture(canvas, Gallery.Mixtures[i], bands + (i * (PanelHead + BandHeight + LegendHeight)), width - (2 * Margin), cancellationToken);
        }

        string axes = $"queries downwards, keys to the right; {tokens} tokens, and {routed} tokens of a language model where something is routed";
        StrokeFont.Draw(canvas, axes, Margin, 74, 12, Palette.Muted);
        PatternPng.DrawLegend(canvas, Margin, legends + 4);
        PatternPng.DrawLegend(canvas, Margin, legends + 30, RoutePlot.Legend);
        using SKImage image = surface.Snapshot();
        return image.Encode(SKEncodedImageFormat.Png, 100);
    }

    private static void DrawExpert(SKCanvas canvas, ExpertEntry entry, int tokens, float x, float y, CancellationToken cancellationToken)
    {
        if (entry.Info.Gate is null)
        {
            ISparseExpert expert = entry.Create(tokens);
            var plot = new PatternPlot(expert, tokens, Tiles, Cells, PlotSize);
            DrawHead(canvas, entry.Name, Density.Of(expert, tokens, 1, cancellationToken), x, y, plot.Size);
            plot.Draw(canvas, x, y + PanelHead, cancellationToken);
            return;
        }

        RoutedView view = RoutedView.Of(entry, [], null, null, null, cancellationToken);
        var routes = new RoutePlot(view.Blocks.Single(), RoutedHead, Cells, PlotSize);
        DrawHead(canvas, entry.Name, view.Density, x, y, PlotSize);
        routes.Draw(canvas, x, y + PanelHead);
    }

    /// <returns>Tokens of the data.</returns>
    private static int DrawMixture(SKCanvas canvas, MixtureEntry entry, float y, int width, CancellationToken cancellationToken)
    {
        RoutedView view = RoutedView.Of(entry, [], null, null, null, cancellationToken);
        var plot = new BandPlot(new ExpertBands(entry.Info, view.Result, view.Rows, (width - BandIndent) / BandPlot.Column), width - BandIndent, BandHeight);
        DrawHead(canvas, $"{entry.Name}: the expert of each token, head by head", view.Density, Margin, y, width);
        plot.Draw(canvas, Margin + BandIndent, y + PanelHead);
        PatternPng.DrawLegend(canvas, Margin + BandIndent, y + PanelHead + BandHeight + 14, plot.Legend);
        return view.Rows.Queries;
    }

    private static void DrawHead(SKCanvas canvas, string name, Density density, float x, float y, int width)
    {
        string share = density.ToString();
        StrokeFont.Draw(canvas, name, x, y + 6, 15, Palette.Ink);
        StrokeFont.Draw(canvas, share, x + width - StrokeFont.Measure(share, 12), y + 9, 12, Palette.Muted);
    }
}
