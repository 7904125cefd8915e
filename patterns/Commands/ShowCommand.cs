using System.CommandLine;
using MoBA.Patterns;
using MoBA.Runtime;
using SkiaSharp;
using Spectre.Console.Rendering;

namespace MoBA.Program;

/// <summary><c>moba show</c>: a pattern as a picture, in the terminal and as PNG: the tiles of a predicate, or what was routed of
/// real data.</summary>
internal static class ShowCommand
{
    private const int SheetTokens = 96;
    private const int DrawnTokens = 2048;

    /// <summary>What the command line asks for.</summary>
    private sealed record Request(GalleryEntry Entry, string[] Settings, int? Tokens, int? Heads, int? Head, string? Input, string? Router, string? Png)
    {
        public bool IsRouted => Entry is MixtureEntry or ExpertEntry { Info.Gate: not null };
    }

    /// <summary>The command.</summary>
    public static Command Create(Terminal terminal)
    {
        Argument<GalleryEntry?> pattern = Arguments.OptionalPattern();
        Option<int?> tokens = Arguments.OptionalNumber("--tokens", $"Length of the sequence, {DrawnTokens} by default; of a pattern that routes, the first tokens of the data, all by default", DrawnTokens, Arguments.MaxTokens);
        Option<int?> heads = Arguments.OptionalNumber("--heads", "Query heads of a pattern that does not route, 1 by default; the picture is that of head 0", 1, 4096);
        Option<string?> input = Arguments.Data("The data of a pattern that routes; what ships with moba by default");
        Option<int?> head = Arguments.OptionalIndex("--head", "The query head whose blocks are drawn, 0 by default", 1, 4095);
        Option<string?> router = Arguments.Router("the input's logits without it, or, with the data that ships, the router that ships");
        Option<string?> png = new("--png") { Description = "Write the picture to this PNG file too", HelpName = "FILE" };
        Option<bool> all = new("--all") { Description = $"Every pattern on one sheet ({SheetTokens} tokens by default; routes are of the data that ships)" };
        Option<string[]> set = Arguments.Set();
        var command = new Command("show", "Show a pattern as a picture, in the terminal and as PNG.") { pattern, tokens, heads, input, head, router, png, all, set };
        command.Validators.Add(result =>
        {
            bool named = result.GetResult(pattern) is { Tokens.Count: > 0 }, whole = result.GetValue(all);
            if (named == whole)
            {
                result.AddError(whole ? "show takes a NAME or --all, not both: leave one out." : "show wants a pattern's NAME, or --all with --png FILE.");
            }
            else if (whole && (result.GetResult(png) is null || new Option[] { set, heads, input, head, router }.Any(option => result.GetResult(option) is { Implicit: false })))
            {
                result.AddError("show --all draws the gallery as it is into a file: give --png FILE, and of the other options --tokens alone.");
            }
        });
        command.SetAction((parsed, cancellationToken) => Task.Run(() =>
        {
            string? path = parsed.GetValue(png);
            if (path is not null)
            {
                Arguments.CheckPlace(path);
            }

            if (parsed.GetValue(all))
            {
                return ShowAll(terminal, parsed.GetValue(tokens) ?? SheetTokens, path!, cancellationToken);
            }

            var request = new Request(
                parsed.GetValue(pattern)!, parsed.GetValue(set)!, parsed.GetValue(tokens), parsed.GetValue(heads), parsed.GetValue(head), parsed.GetValue(input),
                parsed.GetValue(router), path);
            return request.IsRouted ? ShowRoutes(terminal, request, cancellationToken) : Show(terminal, request, cancellationToken);
        }, CancellationToken.None));
        return command;
    }

    private static int Show(Terminal terminal, Request request, CancellationToken cancellationToken)
    {
        foreach ((string option, object? value) in ((string, object?)[])[("--input", request.Input), ("--head", request.Head), ("--router", request.Router)])
        {
            if (value is not null)
            {
                throw new UserErrorException($"{option} is {Arguments.Quoted($"{value}")}, and {request.Entry.Name} routes nothing, so that its picture needs no data; leave {option} out.");
            }
        }

        (int tokens, int heads) = (request.Tokens ?? DrawnTokens, request.Heads ?? 1);
        ISparseExpert expert = ExpertSettings.Apply(((ExpertEntry)request.Entry).Create(tokens), request.Settings);
        _ = UserErrorException.Around(() => expert.Bind(new AttentionExtent(0, tokens - 1, tokens, heads)));
        Density density = terminal.Progress($"Counting the pairs of {request.Entry.Name}", 0, _ => Density.Of(expert, tokens, heads, cancellationToken));
        IRenderable picture = TerminalPicture.Draw(expert, tokens, terminal.IsColoured);
        terminal.Out.Write(PatternCard.Draw(request.Entry, new ExpertPattern(expert), picture, tokens, density, []));
        terminal.Out.Write(TerminalPicture.Legend(terminal.IsColoured));
        terminal.Line("");
        if (request.Png is not null)
        {
            using SKData png = terminal.Progress("Drawing", 0, _ => PatternPng.Draw(request.Entry, expert, tokens, density, cancellationToken));
            Save(terminal, png, request.Png, cancellationToken);
        }

        return Moba.Ok;
    }

    private static int ShowRoutes(Terminal terminal, Request request, CancellationToken cancellationToken)
    {
        if (request.Heads is { } heads)
        {
            throw new UserErrorException($"--heads is '{heads}', and {request.Entry.Name} is shown on data that has its own heads; leave --heads out, or choose one with --head.");
        }

        RoutedView view = terminal.Progress($"Routing {request.Entry.Name}", 0, _ => RoutedView.Of(
            request.Entry, request.Settings, request.Input, request.Router, request.Tokens, cancellationToken));
        int head = view.CheckHead(request.Head ?? 0);
        IReadOnlyList<(string, string)> facts = [("data", view.Data), .. view.Facts(head)];
        IRenderable picture = PatternPicture.Draw(view.Pattern, view.Result, view.Rows, head, terminal.IsColoured);
        terminal.Out.Write(PatternCard.Draw(request.Entry, view.Pattern, picture, view.Rows.Keys, view.Density, facts));
        terminal.Out.Write(view.Pattern is ExpertPattern ? RoutePicture.Legend(terminal.IsColoured) : BandPicture.Legend(terminal.IsColoured, request.Head));
        terminal.Line("");
        LoadTable.Write(terminal, view.Result.Loads);
        if (request.Png is not null)
        {
            using SKData png = terminal.Progress("Drawing", 0, _ => RoutePng.Draw(view, head));
            Save(terminal, png, request.Png, cancellationToken);
        }

        return Moba.Ok;
    }

    private static int ShowAll(Terminal terminal, int tokens, string path, CancellationToken cancellationToken)
    {
        using SKData png = terminal.Progress("Drawing", Gallery.Entries.Count, step => ContactSheet.Draw(tokens, step, cancellationToken));
        Save(terminal, png, path, cancellationToken);
        return Moba.Ok;
    }

    private static void Save(Terminal terminal, SKData png, string path, CancellationToken cancellationToken)
    {
        AtomicFile.Write(path, png.SaveTo, cancellationToken);
        terminal.Line($"Wrote {path}.");
    }
}
