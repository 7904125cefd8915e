using System.Text;
using Spectre.Console;

namespace MoBA.Program;

/// <summary>Where a command writes: results to the output, one line to the error, progress to whichever of them a person
/// is looking at.</summary>
internal sealed class Terminal
{
    private const int RedirectedWidth = 120;

    private readonly IAnsiConsole? _live;

    private Terminal(IAnsiConsole output, TextWriter error, IAnsiConsole? live)
    {
        (Out, Error, _live) = (output, error, live);
    }

    /// <summary>Results.</summary>
    public IAnsiConsole Out { get; }

    /// <summary>Errors.</summary>
    public TextWriter Error { get; }

    /// <summary>Whether pictures may use colours and block characters.</summary>
    public bool IsColoured => Out.Profile.Capabilities.ColorSystem != ColorSystem.NoColors && Out.Profile.Capabilities.Unicode;

    /// <summary>Writes a line as it is, whatever signs it holds and however long it is.</summary>
    public void Line(string text) => Out.Profile.Out.Writer.WriteLine(text);

    /// <summary>Standard output and error.</summary>
    public static Terminal OfThisProcess()
    {
        Console.OutputEncoding = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false);
        if (!Console.IsOutputRedirected)
        {
            return new(AnsiConsole.Console, Console.Error, AnsiConsole.Console);
        }

        IAnsiConsole? live = Console.IsErrorRedirected
            ? null
            : AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) });
        return new(Plain(Console.Out), Console.Error, live);
    }

    /// <summary>Plain text to two writers.</summary>
    public static Terminal To(TextWriter output, TextWriter error) => new(Plain(output), error, null);

    /// <summary>Runs long work under a progress bar that is gone when it ends.</summary>
    /// <param name="title">What is done.</param>
    /// <param name="steps">How many steps will be reported; 0 where that is not known.</param>
    /// <param name="work">The work; it calls its argument with the name of each step as the step begins.</param>
    public T Progress<T>(string title, int steps, Func<Action<string>, T> work)
    {
        if (_live is null)
        {
            return work(_ => { });
        }

        ProgressColumn[] columns = [new TaskDescriptionColumn(), new ProgressBarColumn(), new ElapsedTimeColumn(), new SpinnerColumn()];
        return _live.Progress().AutoClear(true).Columns(columns).Start(context =>
        {
            ProgressTask task = context.AddTask(Markup.Escape(title), maxValue: Math.Max(steps, 1));
            task.IsIndeterminate = steps == 0;
            bool first = true;
            return work(step =>
            {
                task.Description = Markup.Escape($"{title}: {step}");
                task.Increment(first ? 0 : 1);
                first = false;
            });
        });
    }

    private static IAnsiConsole Plain(TextWriter writer)
    {
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = AnsiSupport.No,
            ColorSystem = ColorSystemSupport.NoColors,
            Interactive = InteractionSupport.No,
            Out = new AnsiConsoleOutput(new TrimmingWriter(writer)),
        });
        console.Profile.Width = RedirectedWidth;
        console.Profile.Capabilities.Unicode = false;
        return console;
    }
}
