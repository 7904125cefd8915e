using System.CommandLine;
using MoBA.Patterns;
using MoBA.Runtime;
using SkiaSharp;
using Spectre.Console;

namespace MoBA.Program;

/// <summary><c>moba show</c>: a pattern as a picture, in the terminal and as PNG.</summary>
internal static class ShowCommand
{
    private const int SheetTokens = 96;

    /// <summary>The command.</summary>
    public static Command Create(Terminal terminal)
    {
        Argument<GalleryEntry?> pattern = Arguments.OptionalPattern();
        Option<int> tokens = Arguments.Number("--tokens", "Length of the sequence", 2048, Arguments.MaxTokens);
        Option<int> heads = Arguments.Number("--heads", "Query heads; the picture is that of head 0", 1, 4096);
        Option<string?> png = new("--png") { Description = "Write the picture to this PNG file too", HelpName = "FILE" };
        Option<bool> all = new("--all") { Description = $"Every pattern on one sheet ({SheetTokens} tokens by default)" };
        Option<string[]> set = Arguments.Set();
        var command = new Command("show", "Show a pattern as a picture, in the terminal and as PNG.") { pattern, tokens, heads, png, all, set };
        command.Validators.Add(result =>
        {
            bool named = result.GetResult(pattern) is { Tokens.Count: > 0 }, whole = result.GetValue(all);
            if (named == whole)
            {
                result.AddError(whole ? "show takes a NAME or --all, not both: leave one out." : "show wants a pattern's NAME, or --all with --png FILE.");
            }
            else if (whole && (result.GetResult(png) is null || result.GetResult(set) is { Implicit: false }))
            {
                result.AddError("show --all draws the gallery as it is into a file: give --png FILE, and no --set.");
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
                int length = parsed.GetResult(tokens) is { Implicit: false } ? parsed.GetValue(tokens) : SheetTokens;
                return ShowAll(terminal, length, path!, cancellationToken);
            }

            GalleryEntry entry = parsed.GetValue(pattern)!;
            ISparseExpert expert = ExpertSettings.Apply(entry.Create(parsed.GetValue(tokens)), parsed.GetValue(set)!);
            return Show(terminal, entry, expert, (parsed.GetValue(tokens), parsed.GetValue(heads)), path, cancellationToken);
        }, CancellationToken.None));
        return command;
    }

    private static int Show(
        Terminal terminal, GalleryEntry entry, ISparseExpert expert, (int Tokens, int Heads) size, string? path, CancellationToken cancellationToken)
    {
        _ = UserErrorException.Around(() => expert.Bind(new AttentionExtent(0, size.Tokens - 1, size.Tokens, size.Heads)));
        Density density = terminal.Progress($"Counting the pairs of {entry.Name}", 0, _ => Density.Of(expert, size.Tokens, size.Heads, cancellationToken));
        terminal.Out.Write(PatternCard.Draw(entry, expert, size.Tokens, density, terminal.IsColoured, []));
        terminal.Out.Write(TerminalPicture.Legend(terminal.IsColoured));
        terminal.Line("");
        if (path is not null)
        {
            using SKData png = terminal.Progress("Drawing", 0, _ => PatternPng.Draw(entry, expert, size.Tokens, density, cancellationToken));
            Save(terminal, png, path, cancellationToken);
        }

        return Moba.Ok;
    }

    private static int ShowAll(Terminal terminal, int tokens, string path, CancellationToken cancellationToken)
    {
        using SKData png = terminal.Progress("Drawing", Gallery.Entries.Count, step =>
        {
            List<SheetItem> items = [];
            foreach (GalleryEntry entry in Gallery.Entries)
            {
                step(entry.Name);
                ISparseExpert expert = entry.Create(tokens);
                items.Add(new(entry, expert, Density.Of(expert, tokens, 1, cancellationToken)));
            }

            return ContactSheet.Draw(items, tokens, cancellationToken);
        });
        Save(terminal, png, path, cancellationToken);
        return Moba.Ok;
    }

    private static void Save(Terminal terminal, SKData png, string path, CancellationToken cancellationToken)
    {
        AtomicFile.Write(path, png.SaveTo, cancellationToken);
        terminal.Line($"Wrote {path}.");
    }
}
