using System.Diagnostics;
using Xunit;

namespace MoBA.Patterns.Tests;

/// <summary>The program as a process of its own.</summary>
public sealed class ProgramTests : IDisposable
{
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(60);

    private readonly string _folder = Directory.CreateTempSubdirectory("moba").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Without_arguments_it_shows_the_gallery_on_the_data_that_ships()
    {
        Outcome outcome = await Finish(CommandLine.Start());
        Assert.Equal((0, ""), (outcome.Code, outcome.Error));
        Assert.Contains("21 patterns on qkv_layer4_2048.safetensors: q BF16 [2048, 4, 64]", outcome.Out, StringComparison.Ordinal);
        Assert.Contains("Every pattern agrees with the oracle", outcome.Out, StringComparison.Ordinal);
        Assert.DoesNotContain('\e', outcome.Out);
    }

    [Fact]
    public async Task A_wrong_command_line_exits_with_two()
    {
        Outcome outcome = await Finish(CommandLine.Start("show", "Nothing"));
        Assert.Equal((2, ""), (outcome.Code, outcome.Out));
        Assert.StartsWith("moba: There is no pattern 'Nothing'", outcome.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Ctrl_C_ends_it_soon_and_leaves_no_file()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "There is no SIGINT to send to another process.");
        string input = CommandLine.WriteInput(_folder, tokens: 60_000, heads: 8, keyHeads: 1, dim: 64), output = Path.Combine(_folder, "o.safetensors");
        using Process process = CommandLine.Start("run", "AlibiCausal", "--input", input, "--output", output);
        await Task.Delay(TimeSpan.FromSeconds(1.5), TestContext.Current.CancellationToken);
        Assert.False(process.HasExited);
        long start = Stopwatch.GetTimestamp();
        using (Process kill = Process.Start("kill", ["-INT", $"{process.Id}"]))
        {
            await kill.WaitForExitAsync(TestContext.Current.CancellationToken);
        }

        Outcome outcome = await Finish(process);
        Assert.Equal(130, outcome.Code);
        Assert.InRange(Stopwatch.GetElapsedTime(start).TotalSeconds, 0, 10);
        Assert.Equal([input], Directory.GetFiles(_folder));
    }

    [Fact]
    public async Task A_cancelled_run_leaves_no_file()
    {
        string input = CommandLine.WriteInput(_folder), output = Path.Combine(_folder, "o.safetensors");
        Outcome outcome = await CommandLine.RunUntil(new CancellationToken(canceled: true), ["run", "Causal", "--input", input, "--output", output]);
        Assert.Equal((130, "moba: cancelled; nothing was written."), (outcome.Code, outcome.Error.Trim()));
        Assert.Equal([input], Directory.GetFiles(_folder));
    }

    private static async Task<Outcome> Finish(Process process)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        patience.CancelAfter(_patience);
        try
        {
            Task<string> output = process.StandardOutput.ReadToEndAsync(patience.Token), error = process.StandardError.ReadToEndAsync(patience.Token);
            await process.WaitForExitAsync(patience.Token);
            return new(process.ExitCode, await output, await error);
        }
        finally
        {
            if (!process.HasExited)
            {
                process.Kill(entireProcessTree: true);
            }
        }
    }
}
