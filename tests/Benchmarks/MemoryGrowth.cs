using System.Diagnostics;
using System.Globalization;
using MoBA.Patterns;
using MoBA.Runtime;

namespace MoBA.Benchmarks;

/// <summary>
/// Peak memory of a window pattern up to 256K tokens, one process a length: it grows with the tokens, not with their square.
/// </summary>
internal static class MemoryGrowth
{
    private const int Heads = 4;
    private const int Dim = 64;
    private const int Window = 1024;

    private static readonly int[] _lengths = [16 << 10, 32 << 10, 64 << 10, 128 << 10, 256 << 10];

    /// <summary>Prints the table; with <paramref name="tokens"/>, is the process of one length, and prints its row.</summary>
    public static void Run(string? tokens)
    {
        if (tokens is not null)
        {
            Measure(int.Parse(tokens, CultureInfo.InvariantCulture));
            return;
        }

        Console.WriteLine($"SlidingWindow {Window}, float32, {Heads} heads, dim {Dim}. Tensors are q, k, v and the output.\n");
        Console.WriteLine("| tokens | tensors MiB | engine MiB | engine bytes a token | a score matrix would be MiB | ms |");
        Console.WriteLine("|---:|---:|---:|---:|---:|---:|");
        foreach (int length in _lengths)
        {
            string program = typeof(MemoryGrowth).Assembly.Location;
            using Process child = Process.Start("dotnet", [program, "memory", length.ToString(CultureInfo.InvariantCulture)]);
            child.WaitForExit();
        }
    }

    private static void Measure(int tokens)
    {
        Problem problem = new(tokens, Heads, Dim);
        using Process self = Process.GetCurrentProcess();
        GC.Collect();
        long tensors = 4L * tokens * Heads * Dim * sizeof(float);
        problem.Output.AsSpan().Clear();   // its pages are the caller's
        self.Refresh();
        long before = self.WorkingSet64;
        using AttentionEngine engine = AttentionEngine.Create(Target.Cpu);
        long start = Stopwatch.GetTimestamp();
        problem.Run(engine, new SlidingWindow { Window = Window });
        double elapsed = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
        self.Refresh();
        long engineBytes = self.PeakWorkingSet64 - before;
        double scores = (double)tokens * tokens * Heads * sizeof(float);
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"| {tokens} | {tensors / 1048576.0:F0} | {engineBytes / 1048576.0:F1} | {(double)engineBytes / tokens:F0} | {scores / 1048576:F0} | {elapsed:F0} |"));
    }
}
