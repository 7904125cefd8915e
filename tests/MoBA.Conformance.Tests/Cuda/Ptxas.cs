using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using MoBA.Runtime.Cuda;
using Xunit;

namespace MoBA.Conformance.Tests.Cuda;

/// <summary>What NVIDIA's assembler says of a kernel.</summary>
/// <param name="Log">All of it.</param>
/// <param name="Registers">Registers of a thread.</param>
/// <param name="StackBytes">Bytes of a thread's stack frame, spilled registers included.</param>
/// <param name="Cubin">The file it wrote.</param>
internal sealed record PtxasReport(string Log, int Registers, int StackBytes, string Cubin);

/// <summary>NVIDIA's assembler, where it is at hand: it needs no GPU.</summary>
internal static partial class Ptxas
{
    private const string Variable = "MOBA_PTXAS";

    private static readonly string? _path = Find();

    /// <summary>Whether it is at hand.</summary>
    public static bool IsThere => _path is not null;

    /// <summary>Skips the test where it is not.</summary>
    public static void SkipWithout() =>
        Assert.SkipUnless(IsThere, $"no ptxas: run tests/gpu/get-ptxas.sh, or set {Variable} to the CUDA toolkit's");

    /// <summary>Assembles a kernel into a folder.</summary>
    public static PtxasReport Assemble(KernelText text, KernelTarget target, string folder)
    {
        string name = Path.Combine(folder, Guid.NewGuid().ToString("N"));

        // The texts ask for nothing newer than 8.4, and that is what an assembler of CUDA 12.4 reads.
        File.WriteAllText(name + ".ptx", Version().Replace(text.Ptx, ".version 8.4", 1));
        string arch = target == KernelTarget.Sm90a ? "sm_90a" : "sm_80";
        string log = Run(_path!, "-v", $"-arch={arch}", name + ".ptx", "-o", name + ".cubin");
        return new(log, Number(Registers().Match(log)), Number(Stack().Match(log)), name + ".cubin");
    }

    /// <summary>The machine code of what was assembled.</summary>
    public static string Sass(PtxasReport report) => Run(Path.Combine(Path.GetDirectoryName(_path)!, "cuobjdump"), "-sass", report.Cubin);

    private static string? Find()
    {
        if (Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } named)
            return File.Exists(named) ? named : throw new FileNotFoundException($"{Variable}={named} is no file: name the program ptxas.");
        IEnumerable<string> folders = Environment.GetEnvironmentVariable("PATH")?.Split(Path.PathSeparator) ?? [];
        for (DirectoryInfo? above = new(AppContext.BaseDirectory); above is not null; above = above.Parent)
        {
            if (File.Exists(Path.Combine(above.FullName, "MoBA.sln")))
                folders = folders.Prepend(Path.Combine(above.FullName, ".gpu", "ptxas", "bin"));
        }

        return folders.Select(static folder => Path.Combine(folder, OperatingSystem.IsWindows() ? "ptxas.exe" : "ptxas")).FirstOrDefault(File.Exists);
    }

    private static string Run(string program, params string[] arguments)
    {
        ProcessStartInfo start = new(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };

        // cuobjdump calls a program that stands beside it.
        start.Environment["PATH"] = $"{Path.GetDirectoryName(program)}{Path.PathSeparator}{Environment.GetEnvironmentVariable("PATH")}";
        using Process process = Process.Start(start)!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd() + errors.GetAwaiter().GetResult();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, $"{program} ended with {process.ExitCode}:\n{output}");
        return output;
    }

    private static int Number(Match match) => int.Parse(match.Groups["number"].Value, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"^\.version .*$", RegexOptions.Multiline)]
    private static partial Regex Version();

    [GeneratedRegex(@"Used (?<number>\d+) registers")]
    private static partial Regex Registers();

    [GeneratedRegex(@"(?<number>\d+) bytes stack frame")]
    private static partial Regex Stack();
}
