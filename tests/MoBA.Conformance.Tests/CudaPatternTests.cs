using System.Runtime.InteropServices;
using MoBA.Patterns;
using MoBA.Runtime;
using MoBA.Runtime.Cpu;
using MoBA.Runtime.Cuda;
using Xunit;

namespace MoBA.Conformance.Tests;

/// <summary>What tensor-core kernels ask of every pattern, answered by the emitted code on the CPU, against the pattern itself.</summary>
public sealed class CudaPatternTests
{
    private const int Keys = 500;
    private const int Heads = 6;

    /// <summary>Every pattern with every choice of parameters.</summary>
    public static TheoryData<string, int> Patterns => BindTests.Patterns;

    [Theory]
    [MemberData(nameof(Patterns))]
    public void The_emitted_pattern_is_the_pattern(string pattern, int variant)
    {
        int firstQuery = Variants.TakesNegativePositions(pattern) ? -70 : 0;
        ISparseExpert expert = Variants.Create(pattern, variant, Keys);
        AttentionExtent extent = new(firstQuery, Keys - 1, Keys, Heads);
        using Comparison comparison = new(firstQuery, expert.Bind(extent), expert.Attends, expert.Score);
        expert.LaunchCuda(comparison);
        Assert.Equal(1, comparison.Launches);

        using Comparison always = new(firstQuery, expert.BindAlways(extent), (q, k, head) => expert.Attends(q, k, head) && expert.Always(q, k, head), expert.Score);
        expert.LaunchCudaAlways(always);
        Assert.Equal(expert.Info.AlwaysPredicate is null ? 0 : 1, always.Launches);
    }

    /// <summary>Compares a pattern instead of launching it.</summary>
    private sealed class Comparison(
        int firstQuery, CpuKernel? kernel, Func<int, int, int, bool> attends, Func<float, int, int, int, int, float> score) : CudaLaunch, IDisposable
    {
        private readonly List<GCHandle> _pinned = [];

        public int Launches { get; private set; }

        public override CudaTable Table(ReadOnlyMemory<int> values, bool monotone)
        {
            int length = values.Length;
            int[] minima = new int[2 * length], maxima = new int[2 * length];
            values.CopyTo(minima.AsMemory(length));
            values.CopyTo(maxima.AsMemory(length));
            for (int node = length - 1; node > 0; node--)
            {
                minima[node] = Math.Min(minima[2 * node], minima[(2 * node) + 1]);
                maxima[node] = Math.Max(maxima[2 * node], maxima[(2 * node) + 1]);
            }

            return new() { Values = Pin(values.ToArray()), Minima = Pin(minima), Maxima = Pin(maxima), Length = length, IsMonotone = monotone ? 1 : 0 };
        }

        public override CudaFloatTable Table(ReadOnlyMemory<float> values) => new() { Values = Pin(values.ToArray()) };

        public override void Run<TPattern, TRuns, TQuery, TKey>(TPattern pattern, string source)
        {
            Launches++;
            Assert.Matches("^[0-9a-f]{32}$", source);
            foreach ((int queries, int keys) in new[] { (128, 128), (128, 64), (64, 128), (7, 16) })
            {
                for (int q0 = firstQuery; q0 < Keys; q0 += queries)
                    CheckTiles<TPattern, TRuns, TQuery, TKey>(pattern, q0, Math.Min(q0 + queries, Keys) - 1, keys);
            }

            CheckPairs<TPattern, TRuns, TQuery, TKey>(pattern);
        }

        public void Dispose() => _pinned.ForEach(handle => handle.Free());

        // The walk visits every tile with an attended pair, once and ascending, and calls each what the CPU's kernel does.
        private void CheckTiles<TPattern, TRuns, TQuery, TKey>(TPattern pattern, int q0, int q1, int keyTile)
            where TPattern : unmanaged, ICudaPattern<TRuns, TQuery, TKey>
            where TRuns : unmanaged
            where TQuery : unmanaged
            where TKey : unmanaged
        {
            int head = q0 & 1;
            TRuns runs = pattern.Runs(q0, q1, Keys, head, keyTile);
            HashSet<int> visited = [];
            for (int k0 = pattern.Next(runs, 0), before = -1; k0 < Keys; before = k0, k0 = pattern.Next(runs, k0 + keyTile))
            {
                Assert.True(k0 > before && k0 % keyTile == 0, $"tile {k0} follows {before}");
                visited.Add(k0);
                int k1 = Math.Min(k0 + keyTile, Keys) - 1;
                Assert.Equal(kernel!.Classify(q0, q1, k0, k1, head), pattern.Classify(q0, q1, k0, k1, head));
            }

            foreach (int k0 in Enumerable.Range(0, (Keys + keyTile - 1) / keyTile).Select(i => i * keyTile).Where(k0 => !visited.Contains(k0)))
            {
                int pairs = (from q in Enumerable.Range(q0, q1 - q0 + 1)
                             from k in Enumerable.Range(k0, Math.Min(keyTile, Keys - k0))
                             where attends(q, k, head)
                             select q).Count();
                Assert.True(pairs == 0, $"queries [{q0}, {q1}] attend {pairs} pairs of the tile at {k0}, which the walk left out");
            }
        }

        private void CheckPairs<TPattern, TRuns, TQuery, TKey>(TPattern pattern)
            where TPattern : unmanaged, ICudaPattern<TRuns, TQuery, TKey>
            where TRuns : unmanaged
            where TQuery : unmanaged
            where TKey : unmanaged
        {
            foreach (int head in new[] { 0, Heads - 1 })
            {
                for (int q = firstQuery; q < Keys; q++)
                {
                    TQuery query = pattern.Query(q, head, Heads);
                    for (int k = 0; k < Keys; k++)
                    {
                        TKey key = pattern.Key(k, head, Heads);
                        Assert.True(attends(q, k, head) == pattern.Attends(query, key), $"query {q}, key {k}, head {head}");
                        float raw = ((q * 31) + (k * 17)) % 200 * 0.1f;
                        float expected = score(raw, q, k, head, Heads);
                        Assert.Equal(expected, pattern.Score(raw, query, key), Math.Max(1e-6f, Math.Abs(expected) * 1e-5f));
                        Assert.True(pattern.HasScore || expected.Equals(raw));
                    }
                }
            }
        }

        private long Pin(Array values)
        {
            _pinned.Add(GCHandle.Alloc(values, GCHandleType.Pinned));
            return _pinned[^1].AddrOfPinnedObject();
        }
    }
}
