using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using MoBA.Patterns;
using MoBA.Runtime;

namespace MoBA.Program;

/// <summary>Arguments and options that several commands share. Every error says what was given and what is wanted.</summary>
internal static class Arguments
{
    /// <summary>Tokens that a picture or a benchmark may have.</summary>
    public const int MaxTokens = 1 << 24;

    /// <summary>The pattern's name.</summary>
    public static Argument<GalleryEntry> Pattern() => new("NAME")
    {
        Description = "A pattern of the gallery, in any case",
        CustomParser = result => Find(result.Tokens[0].Value, result),
    };

    /// <summary>The pattern's name, where it may be left out.</summary>
    public static Argument<GalleryEntry?> OptionalPattern() => new("NAME")
    {
        Description = "A pattern of the gallery, in any case",
        Arity = ArgumentArity.ZeroOrOne,
        CustomParser = result => result.Tokens.Count == 0 ? null : Find(result.Tokens[0].Value, result),
    };

    /// <summary>A safetensors file with q, k and v.</summary>
    public static Option<string> Input(bool required) => new("--input", "-i")
    {
        Description = "Safetensors file with q, k, v [tokens, heads, dim] (F32, F16, BF16); if packed, cu_seqlens (I32); for a mixture without --router, logits [tokens, heads, experts] (F32)",
        HelpName = "FILE",
        Required = required,
    };

    /// <summary>Names the file that ships where a command was given none.</summary>
    public static void NameShippedInput(Command command, Option<string> input) => command.Validators.Add(result =>
    {
        if (result.GetResult(input) is null)
        {
            result.AddError($"Option '--input' is required: a safetensors file with q, k and v; one to try ships with moba: --input '{AttentionInput.ShippedPath}'.");
        }
    });

    /// <summary>A safetensors file whose routes are drawn.</summary>
    public static Option<string?> Data(string description) => new("--input", "-i") { Description = $"{description}: safetensors with q, k, v", HelpName = "FILE" };

    /// <summary>Parameters of the pattern.</summary>
    public static Option<string[]> Set() => new("--set", "-s")
    {
        Description = "A parameter of the pattern, Expert.Name of a mixture's expert; a table is a comma list or @FILE of numbers. May be repeated. Parameters that are not set suit the length, for example Window = tokens / 8",
        HelpName = "Name=Value",
        DefaultValueFactory = _ => [],
    };

    /// <summary>What routes a mixture.</summary>
    public static Option<string?> Router(string otherwise) => new("--router")
    {
        Description = $"For mixtures: the router, a file that 'moba fit' wrote; {otherwise}",
        HelpName = "FILE",
    };

    /// <summary>The device.</summary>
    public static Option<Target?> Device() => new("--target", "-t")
    {
        Description = "cpu, cuda or portable; the best there is by default",
        HelpName = "TARGET",
        CustomParser = result =>
        {
            string given = result.Tokens[0].Value;
            switch (given.ToUpperInvariant())
            {
                case "CPU": return Target.Cpu;
                case "CUDA": return Target.Cuda;
                case "PORTABLE": return Target.Portable;
                default:
                    result.AddError($"--target is {Quoted(given)}: cpu, cuda or portable is wanted.");
                    return null;
            }
        },
    };

    /// <summary>A whole number within bounds.</summary>
    public static Option<int> Number(string name, string description, int standard, int most) => new(name)
    {
        Description = description,
        HelpName = "N",
        DefaultValueFactory = _ => standard,
        CustomParser = result => ParseNumber(result, name, standard, most) ?? 0,
    };

    /// <summary>A whole number within bounds that may be left out.</summary>
    public static Option<int?> OptionalNumber(string name, string description, int example, int most) => new(name)
    {
        Description = description,
        HelpName = "N",
        CustomParser = result => ParseNumber(result, name, example, most),
    };

    /// <summary>A number from 0 that may be left out.</summary>
    public static Option<int?> OptionalIndex(string name, string description, int example, int most) => new(name)
    {
        Description = description,
        HelpName = "N",
        CustomParser = result => ParseNumber(result, name, example, most, least: 0),
    };

    /// <summary>The engine that the command line asks for.</summary>
    public static AttentionEngine Engine(Target? target, long? workspaceBytes = null) => UserErrorException.Around(
        () => AttentionEngine.Create(new AttentionEngineOptions { Target = target, WorkspaceBytes = workspaceBytes }));

    /// <summary>Finds out before long work whether a file can be written where the command line says.</summary>
    public static void CheckPlace(string path) => UserErrorException.Around(() =>
    {
        AtomicFile.CheckPlace(path);
        return path;
    });

    /// <summary>The output would take the place of q, k and v.</summary>
    public static void CheckOutputIsNot(string input, string output)
    {
        if (RealPath(input) == RealPath(output))
        {
            throw new UserErrorException($"--output is the input file {Arguments.Quoted(output)}, whose q, k and v would be lost; name another file.");
        }

        static string RealPath(string path) => File.Exists(path)
            ? File.ResolveLinkTarget(path, returnFinalTarget: true)?.FullName ?? Path.GetFullPath(path)
            : Path.GetFullPath(path);
    }

    /// <summary>What was typed, quoted and safe to print.</summary>
    public static string Quoted(string given) => $"'{new string([.. given.Take(80).Select(c => char.IsControl(c) ? '?' : c)])}'";

    private static int? ParseNumber(ArgumentResult result, string name, int example, int most, int least = 1)
    {
        string given = result.Tokens[0].Value;
        if (int.TryParse(given, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number >= least && number <= most)
        {
            return number;
        }

        result.AddError($"{name} is {Quoted(given)}: a whole number from {least} to {most} is wanted, for example {name} {example}.");
        return null;
    }

    private static GalleryEntry Find(string name, ArgumentResult result)
    {
        if (Gallery.Find(name) is GalleryEntry entry)
        {
            return entry;
        }

        string[] names = [.. Gallery.Entries.Select(candidate => candidate.Name)];
        result.AddError($"There is no pattern {Quoted(name)}; did you mean {Spelling.Nearest(name, names)}? There are {string.Join(", ", names)}.");
        return null!;
    }
}
