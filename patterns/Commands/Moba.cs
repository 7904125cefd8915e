using System.CommandLine;
using System.CommandLine.Help;
using System.Globalization;
using System.Text.RegularExpressions;
using MoBA.Runtime;

namespace MoBA.Program;

/// <summary>The command line: what there is to call, and what becomes of errors.</summary>
internal static partial class Moba
{
    /// <summary>Everything was done and agreed.</summary>
    public const int Ok = 0;

    /// <summary>A check failed.</summary>
    public const int CheckFailed = 1;

    /// <summary>This program failed; the whole exception is shown.</summary>
    public const int Fault = 1;

    /// <summary>A wrong command line, or a file that is missing, damaged or hostile.</summary>
    public const int UserError = 2;

    /// <summary>Ctrl+C.</summary>
    public const int Cancelled = 130;

    /// <summary>Runs one command line.</summary>
    /// <returns>The exit code.</returns>
    public static async Task<int> RunAsync(string[] args, Terminal terminal, CancellationToken cancellationToken = default)
    {
        CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
        RootCommand root = Root(terminal);
        ParseResult parsed = root.Parse(args, new ParserConfiguration { ResponseFileTokenReplacer = null });
        if (parsed.Errors.Count > 0 && parsed.Action is not HelpWithExamples)
        {
            string command = parsed.CommandResult.Command is RootCommand ? "moba" : $"moba {parsed.CommandResult.Command.Name}";
            return Report(terminal, $"{parsed.Errors[0].Message} See {command} --help.");
        }

        try
        {
            var configuration = new InvocationConfiguration
            {
                EnableDefaultExceptionHandler = false,
                Output = terminal.Out.Profile.Out.Writer,
                Error = terminal.Error,
            };
            return await parsed.InvokeAsync(configuration, cancellationToken);
        }
        catch (OperationCanceledException)
        {
            terminal.Error.WriteLine("moba: cancelled; nothing was written.");
            return Cancelled;
        }
        catch (Exception error) when (IsForTheUser(error))
        {
            return Report(terminal, error.Message);
        }
        catch (Exception error)
        {
            terminal.Error.WriteLine($"moba: a fault of this program, not of what was given: {error}");
            return Fault;
        }
    }

    private static RootCommand Root(Terminal terminal)
    {
        var root = new RootCommand("MoBA.NET: sparse attention patterns written in C#, compiled into kernels, run and checked.")
        {
            GalleryCommand.Create(terminal),
            RunCommand.Create(terminal),
            ShowCommand.Create(terminal),
            CheckCommand.Create(terminal),
            BenchCommand.Create(terminal),
            FitCommand.Create(terminal),
        };
        GalleryCommand.MakeDefaultOf(root, terminal);
        HelpOption help = root.Options.OfType<HelpOption>().Single();
        help.Action = new HelpWithExamples((HelpAction)help.Action!);
        return root;
    }

    /// <summary>Errors whose message was written for the person who called: ours and the file system's.</summary>
    private static bool IsForTheUser(Exception error) => error is UserErrorException or IOException or UnauthorizedAccessException;

    /// <summary>One line, whatever the message holds.</summary>
    private static int Report(Terminal terminal, string message)
    {
        string line = ParameterSuffix().Replace(message, "").ReplaceLineEndings(" ").Trim();
        terminal.Error.WriteLine($"moba: {line}");
        return UserError;
    }

    [GeneratedRegex(@"\s*\(Parameter '[^']*'\)")]
    private static partial Regex ParameterSuffix();
}
