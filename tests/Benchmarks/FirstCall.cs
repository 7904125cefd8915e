using System.Diagnostics;
using System.Globalization;
using MoBA.Patterns;
using MoBA.Runtime;

namespace MoBA.Benchmarks;

/// <summary>What the first call of a pattern costs in a fresh process, just-in-time compilation included.</summary>
internal static class FirstCall
{
    private const int Tokens = 2048;
    private const int Heads = 8;
    private const int Dim = 64;

    /// <summary>Prints the table, one process a pattern; with <paramref name="pattern"/>, is that process, and prints its row.</summary>
    public static void Run(string? pattern)
    {
        if (pattern is not null)
        {
            Measure(Gallery.Find(pattern) as ExpertEntry ?? throw new ArgumentException($"there is no pattern {pattern}"));
            return;
        }

        Console.WriteLine($"{Tokens} tokens, {Heads} heads, dim {Dim}, float32. The first call makes the engine too.\n");
        Console.WriteLine("| pattern | first call ms | best later call ms |");
        Console.WriteLine("|---|---:|---:|");
        foreach (ExpertEntry entry in Gallery.Experts)
        {
            using Process child = Process.Start("dotnet", [typeof(FirstCall).Assembly.Location, "first", entry.Name]);
            child.WaitForExit();
        }
    }

    private static void Measure(ExpertEntry entry)
    {
        Problem problem = new(Tokens, Heads, Dim);
        ISparseExpert expert = entry.Create(Tokens);
        long start = Stopwatch.GetTimestamp();
        using AttentionEngine engine = AttentionEngine.Create(Target.Cpu);
        problem.Run(engine, expert);
        double first = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
        double best = double.PositiveInfinity;
        for (int i = 0; i < 10; i++)
        {
            start = Stopwatch.GetTimestamp();
            problem.Run(engine, expert);
            best = Math.Min(best, Stopwatch.GetElapsedTime(start).TotalMilliseconds);
        }

        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"| {entry.Name} | {first:F0} | {best:F1} |"));
    }
}
