using MoBA.Patterns;
using MoBA.Runtime;
using MoBA.Runtime.Cpu;
using Xunit;

namespace MoBA.Conformance.Tests;

/// <summary>What the compiler proved of every pattern, through its bound kernel, against the predicate pair by pair.</summary>
public sealed class BindTests
{
    private const int Positions = 500;
    private static readonly (int Queries, int Keys)[] _tiles = [(64, 64), (128, 32), (1, 64), (96, 64), (64, 16), (7, 5)];

    /// <summary>Every pattern with every choice of parameters.</summary>
    public static TheoryData<string, int> Patterns
    {
        get
        {
            TheoryData<string, int> data = [];
            foreach (ExpertEntry entry in Gallery.Experts)
            {
                for (int variant = 0; variant < Variants.Count; variant++)
                    data.Add(entry.Name, variant);
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Patterns))]
    public void Classification_is_never_more_certain_than_the_truth(string pattern, int variant)
    {
        Truth truth = new(pattern, variant);
        foreach ((int q0, int q1, int k0, int k1) in _tiles.SelectMany(tile => Tiles(tile.Queries, tile.Keys, truth.FirstQuery, Positions)))
        {
            int attended = truth.Attended(q0, q1, k0, k1);
            TileKind kind = truth.Kernel.Classify(q0, q1, k0, k1, 0);
            bool sound = kind switch
            {
                TileKind.Full => attended == (q1 - q0 + 1) * (k1 - k0 + 1),
                TileKind.Empty => attended == 0,
                _ => true,
            };
            Assert.True(sound, $"tile [{q0}, {q1}] x [{k0}, {k1}] attends {attended} pairs and was called {kind}");
        }
    }

    [Theory]
    [MemberData(nameof(Patterns))]
    public void Key_ranges_miss_no_key(string pattern, int variant)
    {
        Truth truth = new(pattern, variant);
        foreach (int height in new[] { 1, 7, 64, 96, 128 })
        {
            for (int q0 = truth.FirstQuery; q0 < Positions; q0 += height)
            {
                int q1 = Math.Min(q0 + height, Positions) - 1;
                KeyRange[] ranges = truth.Kernel.KeyRanges(q0, q1, Positions, 0);
                Assert.InRange(ranges.Length, 0, truth.Kernel.MaxKeyRanges);
                Assert.All(ranges, range => Assert.True(range.Start >= 0 && range.End <= Positions && !range.IsEmpty, $"{range} of queries [{q0}, {q1}]"));
                for (int k = 0; k < Positions; k++)
                {
                    bool held = ranges.Any(range => range.Start <= k && k < range.End);
                    Assert.True(held || truth.Attended(q0, q1, k, k) == 0, $"key {k} of queries [{q0}, {q1}] is missed");
                }
            }
        }
    }

    [Theory]
    [InlineData(64, 64)]
    [InlineData(128, 32)]
    public void Hardly_any_tile_is_called_partial_that_is_not(int height, int width)
    {
        const int tokens = 2048;
        List<string> counts = [];
        (int all, int vague) = (0, 0);
        foreach (ExpertEntry entry in Gallery.Experts)
        {
            Truth truth = new(entry.Create(tokens), 0, tokens);
            int before = vague;
            foreach ((int q0, int q1, int k0, int k1) in Tiles(height, width, 0, tokens))
            {
                int attended = truth.Attended(q0, q1, k0, k1);
                bool mixed = attended > 0 && attended < height * width;
                vague += truth.Kernel.Classify(q0, q1, k0, k1, 0) == TileKind.Partial && !mixed ? 1 : 0;
                all++;
            }

            counts.Add($"{entry.Name} {vague - before}");
        }

        Assert.True(vague * 100 <= all, $"{vague} of {all} tiles are vague: {string.Join(", ", counts)}");
        TestContext.Current.TestOutputHelper?.WriteLine($"{vague} of {all} tiles are vague: {string.Join(", ", counts)}");
    }

    /// <summary>Tiles of one shape, ragged at the end.</summary>
    private static IEnumerable<(int Q0, int Q1, int K0, int K1)> Tiles(int height, int width, int firstQuery, int positions)
    {
        for (int q0 = firstQuery; q0 < positions; q0 += height)
        {
            for (int k0 = 0; k0 < positions; k0 += width)
                yield return (q0, Math.Min(q0 + height, positions) - 1, k0, Math.Min(k0 + width, positions) - 1);
        }
    }

    /// <summary>A pattern, its bound kernel, and the predicate's answers summed over rectangles.</summary>
    private sealed class Truth
    {
        private readonly int[,] _sums;

        public Truth(string pattern, int variant)
            : this(Variants.Create(pattern, variant, Positions), Variants.TakesNegativePositions(pattern) ? -70 : 0, Positions)
        {
        }

        public Truth(ISparseExpert expert, int firstQuery, int positions)
        {
            FirstQuery = firstQuery;
            Kernel = expert.Bind(new(firstQuery, positions - 1, positions, 1));
            _sums = new int[positions - firstQuery + 1, positions + 1];
            for (int q = 0; q < positions - firstQuery; q++)
            {
                for (int k = 0; k < positions; k++)
                    _sums[q + 1, k + 1] = _sums[q, k + 1] + _sums[q + 1, k] - _sums[q, k] + (expert.Attends(firstQuery + q, k, 0) ? 1 : 0);
            }
        }

        public int FirstQuery { get; }

        public CpuKernel Kernel { get; }

        /// <summary>Attended pairs of the tile, ends included.</summary>
        public int Attended(int q0, int q1, int k0, int k1)
        {
            (int top, int bottom) = (q0 - FirstQuery, q1 - FirstQuery + 1);
            return _sums[bottom, k1 + 1] - _sums[top, k1 + 1] - _sums[bottom, k0] + _sums[top, k0];
        }
    }
}
