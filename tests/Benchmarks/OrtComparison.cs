using System.Diagnostics;
using System.Globalization;
using MoBA.Patterns;
using MoBA.Runtime;

namespace MoBA.Benchmarks;

/// <summary>
/// Attention against ONNX Runtime's CPU GroupQueryAttention: the same arrays, the same threads, taking turns in one run. The best
/// of several turns counts, because the machine may be shared. Useful work is 4 * dim operations for every attended pair.
/// </summary>
internal static class OrtComparison
{
    private const int Heads = 8;
    private const int Dense = -1;
    private const int Turns = 7;

    /// <summary>Prints the tables.</summary>
    public static void Run()
    {
        using AttentionEngine engine = AttentionEngine.Create(Target.Cpu);
        Line($"{engine.Description}. ONNX Runtime with IntraOpNumThreads = {Environment.ProcessorCount}. float32, {Heads} heads.\n");
        Line($"| pattern | tokens | dim | ONNX Runtime ms | MoBA ms | ONNX Runtime GFLOP/s | MoBA GFLOP/s | speed-up | largest difference |");
        Line($"|---|---:|---:|---:|---:|---:|---:|---:|---:|");
        foreach (int dim in new[] { 64, 128 })
        {
            foreach (int tokens in new[] { 4096, 8192 })
                Compare(engine, new Problem(tokens, Heads, dim), Dense);
        }

        Compare(engine, new Problem(8192, Heads, 64), 512);
        Long(engine);
    }

    private static void Compare(AttentionEngine engine, Problem problem, int window)
    {
        using OrtPeer peer = new(problem, window, Environment.ProcessorCount);
        ISparseExpert expert = Expert(window);
        (double peerTime, double time) = (double.MaxValue, double.MaxValue);
        for (int turn = 0; turn <= Turns; turn++)
        {
            double theirs = Seconds(peer.Run);
            double ours = Seconds(() => problem.Run(engine, expert));
            if (turn > 0)   // the first turn warms both up
                (peerTime, time) = (Math.Min(peerTime, theirs), Math.Min(time, ours));
        }

        double flops = problem.Flops(window == Dense ? long.MaxValue : window) / 1e9;
        Line($"| {Name(window)} | {problem.Tokens} | {problem.Dim} | {peerTime * 1e3:F1} | {time * 1e3:F1} | {flops / peerTime:F0} | {flops / time:F0} | {peerTime / time:F2}x | {Problem.Difference(peer.Output, problem.Output):E1} |");
    }

    // A long context: the window's useful rate beside the dense one's.
    private static void Long(AttentionEngine engine)
    {
        const int window = 1024;
        Problem problem = new(32768, Heads, 64);
        (double dense, double sparse) = (double.MaxValue, double.MaxValue);
        for (int turn = 0; turn < 3; turn++)
        {
            dense = Math.Min(dense, Seconds(() => problem.Run(engine, Expert(Dense))));
            for (int i = 0; i < 3; i++)
                sparse = Math.Min(sparse, Seconds(() => problem.Run(engine, Expert(window))));
        }

        (double denseRate, double rate) = (problem.Flops(long.MaxValue) / dense / 1e9, problem.Flops(window) / sparse / 1e9);
        Line($"\n| pattern | tokens | dim | ms | GFLOP/s | of dense GFLOP/s | faster than dense |");
        Line($"|---|---:|---:|---:|---:|---:|---:|");
        Line($"| {Name(Dense)} | {problem.Tokens} | {problem.Dim} | {dense * 1e3:F1} | {denseRate:F0} | 100 % | 1.0x |");
        Line($"| {Name(window)} | {problem.Tokens} | {problem.Dim} | {sparse * 1e3:F1} | {rate:F0} | {100 * rate / denseRate:F0} % | {dense / sparse:F1}x |");
    }

    private static ISparseExpert Expert(int window) => window == Dense ? new Causal() : new SlidingWindow { Window = window };

    private static string Name(int window) => window == Dense ? "Causal" : $"SlidingWindow {window}";

    private static double Seconds(Action action)
    {
        Thread.Sleep(100);   // ONNX Runtime's threads spin for a while after a run
        long start = Stopwatch.GetTimestamp();
        action();
        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    private static void Line(FormattableString text) => Console.WriteLine(text.ToString(CultureInfo.InvariantCulture));
}
