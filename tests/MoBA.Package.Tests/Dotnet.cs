using System.Diagnostics;
using System.Text;

namespace MoBA.Package.Tests;

/// <summary>Runs programs as a stranger's shell would: nothing of this process's build leaks into them.</summary>
internal static class Dotnet
{
    private static readonly TimeSpan _patience = TimeSpan.FromMinutes(5);

    /// <summary>Runs <c>dotnet</c>.</summary>
    /// <returns>Its exit code, and its output and errors in one text.</returns>
    public static Task<(int ExitCode, string Output)> Run(string folder, params string[] arguments) => Start("dotnet", folder, arguments);

    /// <summary>Runs a program.</summary>
    public static async Task<(int ExitCode, string Output)> Start(string program, string folder, params string[] arguments)
    {
        ProcessStartInfo start = new(program, arguments)
        {
            WorkingDirectory = folder,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (string name in start.Environment.Keys.Where(IsOfBuild).ToArray())
            start.Environment.Remove(name);
        start.Environment["DOTNET_CLI_UI_LANGUAGE"] = "en";

        // No server stays behind that would keep the folder, or this machine, busy.
        start.Environment["MSBUILDDISABLENODEREUSE"] = "1";
        start.Environment["DOTNET_CLI_USE_MSBUILD_SERVER"] = "0";
        start.Environment["UseSharedCompilation"] = "false";

        using Process process = Process.Start(start)!;
        using CancellationTokenSource timeout = new(_patience);
        StringBuilder output = new();
        process.OutputDataReceived += (_, line) => Append(output, line.Data);
        process.ErrorDataReceived += (_, line) => Append(output, line.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        process.StandardInput.Close();
        try
        {
            await process.WaitForExitAsync(timeout.Token);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw new TimeoutException($"{program} {string.Join(' ', arguments)} ran for more than {_patience}:\n{output}");
        }

        return (process.ExitCode, output.ToString());
    }

    private static bool IsOfBuild(string name) =>
        name.StartsWith("MSBUILD", StringComparison.OrdinalIgnoreCase) || name is "Configuration" or "Platform" or "CI" or "Version";

    private static void Append(StringBuilder output, string? line)
    {
        lock (output)
            output.AppendLine(line);
    }
}
