using System.Globalization;
using SkiaSharp;

namespace MoBA.Program;

/// <summary>A picture of what a pattern routed: the blocks that a gate chose, or the experts that tokens took and, beside them, the
/// blocks of the mixture's gated experts.</summary>
internal static class RoutePng
{
    private const int PlotSize = 896;
    private const int BandSize = 640;
    private const int Cells = 128;
    private const int Left = 92;
    private const int Top = 164;
    private const int Right = 52;
    private const int Bottom = 116;
    private const int Between = 104;
    private const int OriginLine = 18;
    private const float OriginText = 12;

    /// <summary>Draws as PNG.</summary>
    /// <param name="view">What was routed.</param>
    /// <param name="head">The query head whose blocks are drawn.</param>
    public static SKData Draw(RoutedView view, int head) => view.Pattern is MixturePattern mixture ? Bands(view, mixture, head) : Blocks(view, head);

    private static SKData Blocks(RoutedView view, int head)
    {
        var plot = new RoutePlot(view.Blocks.Single(), head, Cells, PlotSize);
        int width = Left + PlotSize + Right;
        return Page(view, PatternCard.Describe(view.Pattern.Experts[0].Gate!), (width, plot.Size.Height), (canvas, top) =>
        {
            plot.Draw(canvas, Left, top);
            PatternPng.DrawAxes(canvas, plot.Size, (view.Rows.Queries, view.Rows.Keys), Left, top);
            PatternPng.DrawLegend(canvas, Left, top + plot.Size.Height + 28, RoutePlot.Legend);
            string counted = string.Create(CultureInfo.InvariantCulture, $"head {head}; {view.Density} of the pairs attended; {view.Data}");
            StrokeFont.Draw(canvas, StrokeFont.Fit(counted, 14, PlotSize), Left, top + plot.Size.Height + 64, 14, Palette.Ink);
        });
    }

    private static SKData Bands(RoutedView view, MixturePattern mixture, int head)
    {
        var bands = new BandPlot(new ExpertBands(mixture.Mixture.Info, view.Result, view.Rows, BandSize / BandPlot.Column), BandSize, BandSize);
        RoutePlot[] plots = [.. view.Blocks.Select(blocks => new RoutePlot(blocks, head, Cells, BandSize))];
        int width = Left + BandSize + (plots.Length * (Between + BandSize)) + Right;
        return Page(view, "Which expert each token took, head by head", (width, BandSize), (canvas, top) =>
        {
            bands.Draw(canvas, Left, top);
            PatternPng.DrawAxis(canvas, "tokens", BandSize, view.Rows.Queries, Left, top - 22);
            PatternPng.DrawLegend(canvas, Left, top + BandSize + 28, bands.Legend);
            for (int i = 0; i < plots.Length; i++)
            {
                float left = Left + ((i + 1) * (BandSize + Between));
                plots[i].Draw(canvas, left, top);
                PatternPng.DrawAxes(canvas, plots[i].Size, (view.Rows.Queries, view.Rows.Keys), left, top);
                PatternPng.DrawLegend(canvas, left, top + BandSize + 28, RoutePlot.Legend);
                StrokeFont.Draw(canvas, $"Blocks that {view.Blocks.ElementAt(i).Expert.Info.Name} chooses, head {head}", left, top + BandSize + 64, 14, Palette.Ink);
            }

            StrokeFont.Draw(canvas, $"{view.Density} of the pairs attended", Left, top + BandSize + 64, 14, Palette.Ink);
            StrokeFont.Draw(canvas, StrokeFont.Fit(view.Data, OriginText, BandSize), Left, top + BandSize + 88, OriginText, Palette.Muted);
        });
    }

    /// <summary>Title, the picture that is drawn below it, and room for what stands below that.</summary>
    private static SKData Page(RoutedView view, string subtitle, (int Width, int Height) size, Action<SKCanvas, int> draw)
    {
        int room = size.Width - Left - Right;
        IReadOnlyList<string> origin = StrokeFont.Wrap(view.Entry.Origin, OriginText, room);
        int top = Top + ((origin.Count - 1) * OriginLine);
        using var surface = SKSurface.Create(new SKImageInfo(size.Width, top + size.Height + Bottom));
        surface.Canvas.Clear(Palette.Paper);
        PatternPng.DrawTitle(surface.Canvas, (view.Entry.Name, view.Pattern is ExpertPattern ? view.Pattern.Settings : "", subtitle), origin, room);
        draw(surface.Canvas, top);
        using SKImage image = surface.Snapshot();
        return image.Encode(SKEncodedImageFormat.Png, 100);
    }
}
