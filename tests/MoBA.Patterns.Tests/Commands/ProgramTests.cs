using System.Diagnostics;
using System.Globalization;
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

    [Theory]
    [InlineData("INT", 2)]
    [InlineData("TERM", 15)]
    public async Task A_signal_ends_it_soon_and_leaves_no_file(string name, int signal)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "There are no signals to send to another process.");
        string input = CommandLine.WriteInput(_folder, tokens: 60_000, heads: 8, keyHeads: 1, dim: 64), output = Path.Combine(_folder, "o.safetensors");
        using Process process = CommandLine.Start("run", "AlibiCausal", "--input", input, "--output", output);
        try
        {
            await AtWork(process);
            Assert.SkipWhen(Ignores(process, signal), $"SIG{name} is ignored here, as in what a shell without job control runs in the background.");
            long start = Stopwatch.GetTimestamp();
            using Process kill = Process.Start("kill", [$"-{name}", $"{process.Id}"]);
            await kill.WaitForExitAsync(TestContext.Current.CancellationToken);
            Outcome outcome = await Finish(process);
            Assert.Equal(128 + signal, outcome.Code);
            Assert.InRange(Stopwatch.GetElapsedTime(start).TotalSeconds, 0, 10);
        }
        finally
        {
            process.Kill();
        }

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

    // Processor time, which says how far it has come also on a busy machine. The whole run takes ten times as much.
    private static async Task AtWork(Process process)
    {
        while (!process.HasExited && process.TotalProcessorTime < TimeSpan.FromSeconds(1.5))
        {
            await Task.Delay(20, TestContext.Current.CancellationToken);
            process.Refresh();
        }

        Assert.False(process.HasExited);
    }

    private static bool Ignores(Process process, int signal)
    {
        const string label = "SigIgn:";
        string status = $"/proc/{process.Id}/status";
        return File.Exists(status)
            && File.ReadLines(status).FirstOrDefault(static line => line.StartsWith(label, StringComparison.Ordinal)) is { } line
            && (ulong.Parse(line.AsSpan(label.Length), NumberStyles.HexNumber | NumberStyles.AllowLeadingWhite, CultureInfo.InvariantCulture) >> (signal - 1) & 1) != 0;
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
