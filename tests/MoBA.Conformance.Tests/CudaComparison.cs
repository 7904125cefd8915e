using System.Runtime.InteropServices;
using MoBA.Runtime;
using MoBA.Runtime.Cpu;
using MoBA.Runtime.Cuda;
using Xunit;

namespace MoBA.Conformance.Tests;

/// <summary>A launch that runs nothing: it asks the pattern what a kernel would, and compares the answers with the author's.</summary>
internal sealed class CudaComparison : CudaLaunch, IDisposable
{
    private const int ColumnTile = 128;

    private static readonly (int Queries, int Keys)[] _tiles = [(128, 128), (128, 64), (64, 128), (7, 16)];

    private readonly ISparseExpert _expert;
    private readonly AttentionExtent _extent;
    private readonly CpuKernel? _kernel;
    private readonly Func<int, int, int, bool> _attends;
    private readonly List<GCHandle> _pinned = [];
    private int _launches;

    /// <summary>A comparison with pairs that <paramref name="attends"/> names, and with the CPU's kernel where there is one.</summary>
    public CudaComparison(ISparseExpert expert, AttentionExtent extent, CpuKernel? kernel, Func<int, int, int, bool> attends) =>
        (_expert, _extent, _kernel, _attends) = (expert, extent, kernel, attends);

    /// <summary>Checks what an expert launches for the positions of a call, and what it launches for its <c>Always</c>.</summary>
    public static void Check(ISparseExpert expert, AttentionExtent extent)
    {
        using CudaComparison all = new(expert, extent, expert.Bind(extent), expert.Attends);
        expert.LaunchCuda(all);
        Assert.Equal(1, all._launches);

        using CudaComparison always = new(
            expert, extent, expert.BindAlways(extent), (q, k, head) => expert.Attends(q, k, head) && expert.Always(q, k, head));
        expert.LaunchCudaAlways(always);
        Assert.Equal(expert.Info.AlwaysPredicate is null ? 0 : 1, always._launches);
    }

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
        _launches++;
        Assert.Matches("^[0-9a-f]{32}$", source);
        foreach ((int queries, int keys) in _tiles)
        {
            for (int q0 = _extent.FirstQuery; q0 <= _extent.LastQuery; q0 += queries)
                CheckTiles<TPattern, TRuns, TQuery, TKey>(pattern, q0, Math.Min(q0 + queries - 1, _extent.LastQuery), keys);
        }

        CheckPairs<TPattern, TRuns, TQuery, TKey>(pattern);
    }

    public void Dispose() => _pinned.ForEach(handle => handle.Free());

    // The walk visits every tile with an attended pair, once and ascending, and calls each what the CPU's kernel does; without one, nothing
    // that it is not.
    private void CheckTiles<TPattern, TRuns, TQuery, TKey>(TPattern pattern, int q0, int q1, int keyTile)
        where TPattern : unmanaged, ICudaPattern<TRuns, TQuery, TKey>
        where TRuns : unmanaged
        where TQuery : unmanaged
        where TKey : unmanaged
    {
        int head = (q0 & 1) * (_extent.Heads - 1);
        TRuns runs = pattern.Runs(q0, q1, _extent.Keys, head, keyTile);
        HashSet<int> visited = [];
        for (int k0 = pattern.Next(runs, 0), before = -1; k0 < _extent.Keys; before = k0, k0 = pattern.Next(runs, k0 + keyTile))
        {
            Assert.True(k0 > before && k0 % keyTile == 0, $"tile {k0} follows {before}");
            visited.Add(k0);
            int k1 = Math.Min(k0 + keyTile, _extent.Keys) - 1;
            TileKind kind = pattern.Classify(q0, q1, k0, k1, head);
            if (_kernel is not null)
                Assert.Equal(_kernel.Classify(q0, q1, k0, k1, head), kind);
            else
                CheckKind(kind, q0, q1, k0, k1, head);
        }

        foreach (int k0 in Enumerable.Range(0, (_extent.Keys + keyTile - 1) / keyTile).Select(i => i * keyTile).Where(k0 => !visited.Contains(k0)))
        {
            int pairs = Attended(q0, q1, k0, Math.Min(k0 + keyTile, _extent.Keys) - 1, head);
            Assert.True(pairs == 0, $"queries [{q0}, {q1}] attend {pairs} pairs of the tile at {k0}, which the walk left out");
        }
    }

    private void CheckKind(TileKind kind, int q0, int q1, int k0, int k1, int head)
    {
        int attended = Attended(q0, q1, k0, k1, head), all = (q1 - q0 + 1) * (k1 - k0 + 1);
        bool sound = kind switch { TileKind.Empty => attended == 0, TileKind.Full => attended == all, _ => true };
        Assert.True(sound, $"queries [{q0}, {q1}] attend {attended} of {all} pairs with keys [{k0}, {k1}], called {kind}");
    }

    private int Attended(int q0, int q1, int k0, int k1, int head)
    {
        int pairs = 0;
        for (int q = q0; q <= q1; q++)
        {
            for (int k = k0; k <= k1; k++)
                pairs += _attends(q, k, head) ? 1 : 0;
        }

        return pairs;
    }

    private void CheckPairs<TPattern, TRuns, TQuery, TKey>(TPattern pattern)
        where TPattern : unmanaged, ICudaPattern<TRuns, TQuery, TKey>
        where TRuns : unmanaged
        where TQuery : unmanaged
        where TKey : unmanaged
    {
        foreach (int head in new[] { 0, _extent.Heads - 1 })
        {
            for (int q = _extent.FirstQuery; q <= _extent.LastQuery; q++)
            {
                TQuery query = pattern.Query(q, head, _extent.Heads);
                if (pattern.HasColumns)
                    CheckColumns<TPattern, TRuns, TQuery, TKey>(pattern, query, q, head);
                for (int k = 0; k < _extent.Keys; k++)
                {
                    TKey key = pattern.Key(k, head, _extent.Heads);
                    if (_attends(q, k, head) != pattern.Attends(query, key))
                        Assert.Fail($"query {q}, key {k}, head {head}");
                    float raw = ((q * 31) + (k * 17)) % 200 * 0.1f;
                    float expected = _expert.Score(raw, q, k, head, _extent.Heads);
                    float actual = pattern.Score(raw, query, key);
                    bool agrees = expected.Equals(actual) || Math.Abs(expected - actual) <= 1e-5f * (1 + Math.Abs(expected));
                    if (!agrees)
                        Assert.Fail($"score {actual} for {expected} of query {q}, key {k}, head {head}");
                    Assert.True(pattern.HasScore || expected.Equals(raw));
                    if (Math.Abs(expected) > pattern.ScoreBound * 1.000001f)
                        Assert.Fail($"score {expected} beyond {pattern.ScoreBound}");
                    float near = pattern.HasNear && MathF.Abs(raw * 8f) < pattern.NearLimit(0.125f) ? (pattern.ScoreNear(raw * 8f, 0.125f, 0.5f, 3f, query, key) - 3f) * 2f : expected;
                    if (!(expected.Equals(near) || Math.Abs(expected - near) <= 1e-5f * (1 + Math.Abs(expected))))
                        Assert.Fail($"near score {near} for {expected}");
                }
            }
        }
    }

    // As a thread has them, from any first column on, even beyond the keys: two of every eight keys.
    private void CheckColumns<TPattern, TRuns, TQuery, TKey>(TPattern pattern, TQuery query, int q, int head)
        where TPattern : unmanaged, ICudaPattern<TRuns, TQuery, TKey>
        where TRuns : unmanaged
        where TQuery : unmanaged
        where TKey : unmanaged
    {
        // Beyond the keys there is nothing to read, and no author to ask.
        int asked = pattern.ReadsTables ? _extent.Keys : _extent.Keys + (2 * ColumnTile);
        bool[] attended = [.. Enumerable.Range(0, asked).Select(k =>
            k < _extent.Keys ? _attends(q, k, head) : pattern.Attends(query, pattern.Key(k, head, _extent.Heads)))];
        for (int first = 0; first < _extent.Keys + ColumnTile; first++)
        {
            int columns = pattern.AttendedColumns(query, first);
            for (int bit = 0; bit < 32; bit++)
            {
                int k = first + (8 * (bit >> 1)) + (bit & 1);
                if (k < asked && attended[k] != ((columns >> bit & 1) != 0))
                    Assert.Fail($"query {q}, key {k} as bit {bit} from {first}, head {head}");
            }
        }
    }

    private long Pin(Array values)
    {
        _pinned.Add(GCHandle.Alloc(values, GCHandleType.Pinned));
        return _pinned[^1].AddrOfPinnedObject();
    }
}
