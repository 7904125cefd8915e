using System.Diagnostics;
using System.Globalization;
using MoBA.Patterns;
using MoBA.Runtime;
using MoBA.Runtime.Cpu;

namespace MoBA.Benchmarks;

/// <summary>Finds the tiles of a million by a million tokens by arithmetic alone: no mask is made and nothing is allocated a tile.</summary>
internal static class ClassifyBenchmark
{
    private const int Tokens = 1 << 20;
    private const int Tile = 128;
    private const int Runs = 20;

    public static void Run()
    {
        ISparseExpert expert = new SinkWindow { Window = 4096, Sinks = 4 };
        CpuKernel kernel = expert.Bind(new AttentionExtent(0, Tokens - 1, Tokens, 1));
        long full = 0, partial = 0, allocated = 0;
        double best = double.MaxValue;
        for (int run = 0; run < Runs; run++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            long start = Stopwatch.GetTimestamp();
            (full, partial) = Classify(kernel);
            best = Math.Min(best, Stopwatch.GetElapsedTime(start).TotalMilliseconds);
            allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        }

        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{Tokens:N0} x {Tokens:N0} tokens at {Tile} x {Tile}, {expert.Info.Predicate} (4096, 4): {full:N0} full and {partial:N0} partial tiles; best of {Runs} on one core: {best:F2} ms, {allocated:N0} bytes allocated"));
    }

    /// <summary>Visits the key tiles of the runs of every query tile, each once, as a kernel does.</summary>
    private static (long Full, long Partial) Classify(CpuKernel kernel)
    {
        long full = 0, partial = 0;
        Span<KeyRange> runs = stackalloc KeyRange[kernel.MaxKeyRanges];
        for (int q0 = 0; q0 < Tokens; q0 += Tile)
        {
            int count = kernel.KeyRanges(q0, q0 + Tile - 1, Tokens, 0, runs);
            runs[..count].Sort(static (a, b) => a.Start.CompareTo(b.Start));
            int next = 0;
            foreach (KeyRange run in runs[..count])
            {
                for (int k0 = Math.Max(next, run.Start / Tile * Tile); k0 < run.End; k0 += Tile)
                {
                    TileKind kind = kernel.Classify(q0, q0 + Tile - 1, k0, k0 + Tile - 1, 0);
                    full += kind == TileKind.Full ? 1 : 0;
                    partial += kind == TileKind.Partial ? 1 : 0;
                    next = k0 + Tile;
                }
            }
        }

        return (full, partial);
    }
}
