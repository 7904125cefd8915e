using MoBA.Runtime;
using Spectre.Console.Rendering;

namespace MoBA.Program;

/// <summary>The picture that suits a pattern, for a terminal: tiles of a predicate, routes of a block gate, or bands of a mixture.</summary>
internal static class PatternPicture
{
    /// <summary>Draws what a pattern attended.</summary>
    /// <param name="pattern">The pattern.</param>
    /// <param name="result">What it made, with routes.</param>
    /// <param name="rows">The sequence to draw.</param>
    /// <param name="head">The query head whose blocks are drawn.</param>
    /// <param name="coloured">Whether colours may be used.</param>
    public static IRenderable Draw(Pattern pattern, AttentionResult<float> result, SequenceRows rows, int head, bool coloured)
    {
        int heads = (int)result.Output.Lengths[1];
        return pattern switch
        {
            MixturePattern mixture => BandPicture.Draw(new ExpertBands(mixture.Mixture.Info, result, rows, TerminalPicture.Width), coloured),
            ExpertPattern { Expert.Gate: null } expert => TerminalPicture.Draw(expert.Expert, Math.Max(1, rows.Keys), coloured),
            _ => RoutePicture.Draw(new RoutedRows(((ExpertPattern)pattern).Expert, RouteTable.Of(result.Routes), rows, heads), head, coloured),
        };
    }
}
