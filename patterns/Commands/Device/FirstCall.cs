using System.Diagnostics;
using System.Globalization;
using System.Numerics.Tensors;
using MoBA.Runtime;

namespace MoBA.Program;

/// <summary>The first call of a process: from before the call to its result, the engine and the tensors being there. Each is measured in a
/// process of its own, with folders of compiled kernels, the driver's among them, of its own.</summary>
internal static class FirstCall
{
    /// <summary>The option that makes <c>moba bench</c> measure its own first call and print milliseconds; not for people.</summary>
    public const string Option = "--first-call-of-this-process";

    private const int MostTokens = 1024;
    private const string CacheVariable = "MOBA_CACHE";

    // Where the driver keeps what it has compiled of kernels' PTX.
    private const string DriverCacheVariable = "CUDA_CACHE_PATH";
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    /// <summary>Measures this process, which has called nothing yet, on up to 1,024 tokens, or as many as make a gate choose.</summary>
    /// <param name="create">Makes the engine.</param>
    /// <param name="expert">The expert.</param>
    /// <param name="problem">Whose length, heads, dim and type are used.</param>
    /// <param name="element">The element type.</param>
    /// <returns>Milliseconds.</returns>
    public static double Here<T>(Func<AttentionEngine> create, ISparseExpert expert, DeviceProblem problem, DeviceElement<T> element)
        where T : unmanaged
    {
        int tokens = Math.Min(problem.LongestSequence, DeviceProblem.Few(expert, MostTokens));
        using AttentionEngine engine = create();
        using DeviceTensor<T> q = Copy(problem.Heads, 1), k = Copy(problem.KeyHeads, 2), v = Copy(problem.KeyHeads, 3);
        engine.DefaultStream.Synchronize();
        long start = Stopwatch.GetTimestamp();
        DeviceAttentionResult<T> result = UserErrorException.Around(() => engine.Attend(expert, q, k, v));
        engine.DefaultStream.Synchronize();
        double elapsed = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
        result.Output.Dispose();
        return elapsed;

        DeviceTensor<T> Copy(int heads, int seed) => engine.ToDevice(RandomRows.Normal(tokens, heads, problem.Dim, seed, element.From));
    }

    /// <summary>Measures two new processes, the first without compiled kernels and the second with what the first compiled.</summary>
    /// <param name="pattern">The pattern's name.</param>
    /// <param name="settings">What <c>--set</c> gave.</param>
    /// <param name="problem">Whose length, heads, dim and type are used.</param>
    /// <param name="cancellationToken">Ends the processes.</param>
    public static (double Cold, double Cached) InProcesses(
        string pattern, IReadOnlyList<string> settings, DeviceProblem problem, CancellationToken cancellationToken)
    {
        string[] arguments =
        [
            "bench", pattern, "--target", "cuda", Option, "--tokens", Text(problem.LongestSequence), "--heads", Text(problem.Heads),
            "--key-heads", Text(problem.KeyHeads), "--dim", Text(problem.Dim), "--dtype", DeviceOptions.Spelling(problem.Dtype),
            .. settings.SelectMany(setting => (string[])["--set", setting]),
        ];
        DirectoryInfo cache = Directory.CreateTempSubdirectory("moba-first");
        try
        {
            return (InProcess(arguments, cache.FullName, cancellationToken), InProcess(arguments, cache.FullName, cancellationToken));
        }
        finally
        {
            cache.Delete(recursive: true);
        }
    }

    private static double InProcess(string[] arguments, string cache, CancellationToken cancellationToken)
    {
        string program = Environment.ProcessPath ?? throw new InvalidOperationException("This process has no path to be started again by.");
        ProcessStartInfo start = new(program) { RedirectStandardOutput = true, RedirectStandardError = true };
        if (Path.GetFileNameWithoutExtension(program) == "dotnet")
        {
            start.ArgumentList.Add(Environment.GetCommandLineArgs()[0]);
        }

        foreach (string argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        start.Environment[CacheVariable] = Path.Combine(cache, "kernels");
        start.Environment[DriverCacheVariable] = Directory.CreateDirectory(Path.Combine(cache, "driver")).FullName;
        using Process process = Process.Start(start)!;
        using CancellationTokenRegistration cancelled = cancellationToken.Register(() => process.Kill());
        Task<string> output = process.StandardOutput.ReadToEndAsync(CancellationToken.None), error = process.StandardError.ReadToEndAsync(CancellationToken.None);
        if (!process.WaitForExit(Patience))
        {
            process.Kill();
        }

        process.WaitForExit();
        cancellationToken.ThrowIfCancellationRequested();
        return process.ExitCode == 0 && double.TryParse(output.Result, NumberStyles.Float, CultureInfo.InvariantCulture, out double milliseconds)
            ? milliseconds
            : throw new UserErrorException($"--first: 'moba {string.Join(' ', arguments)}' ended with code {process.ExitCode} and said: {error.Result.Trim()} {output.Result.Trim()}");
    }

    private static string Text(int value) => value.ToString(CultureInfo.InvariantCulture);
}
