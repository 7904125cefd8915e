using System.Runtime.Intrinsics;
using MoBA.Runtime.Cpu;
using MoBA.Runtime.Cuda;
using MoBA.Runtime.Portable;
using Xunit;

namespace MoBA.Runtime.Tests;

/// <summary>An expert written by hand in the shape that the generator emits, with the slow but general mask.</summary>
internal abstract class TestExpert : ISparseExpert
{
    /// <summary>Extents that <see cref="Bind"/> was given.</summary>
    public List<AttentionExtent> Extents { get; } = [];

    public virtual ExpertInfo Info => new()
    {
        Name = GetType().Name,
        Summary = "",
        Predicate = "",
        ScoreModifier = Modifies ? "score" : null,
        Parameters = [],
        Causal = Proof.None,
        AttendsItself = Proof.None,
        Dense = Proof.None,
        DependsOnHead = false,
        TokenLimit = int.MaxValue,
        MaxKeyRanges = 2,
        Picture = "",
    };

    public abstract bool Attends(int q, int k, int head);

    public virtual float Score(float score, int q, int k, int head, int heads) => score;

    public CpuKernel Bind(in AttentionExtent extent)
    {
        Extents.Add(extent);
        return new Kernel(this);
    }

    public void LaunchPortable(PortableLaunch launch) => throw new NotSupportedException();

    public void LaunchCuda(CudaLaunch launch) => throw new NotSupportedException();

    public IReadOnlyDictionary<string, object?> ParameterValues => new Dictionary<string, object?>();

    public ISparseExpert With(IReadOnlyDictionary<string, object> parameters) => throw new NotSupportedException();

    /// <summary>Whether <see cref="Score"/> changes anything.</summary>
    protected virtual bool Modifies => false;

    /// <summary>A class that is sound, though it may be less certain than the <paramref name="exact"/> one.</summary>
    protected virtual TileKind Classify(TileKind exact) => exact;

    /// <summary>Runs before every tile of queries.</summary>
    protected virtual void OnTile()
    {
    }

    /// <summary>Runs of keys that may be attended; unsorted, overlapping and past the ends on purpose.</summary>
    protected virtual int KeyRanges(long q0, long q1, int keys, int head, Span<KeyRange> ranges)
    {
        ranges[0] = new(keys / 2, keys + 1000);
        ranges[1] = new(-5, keys / 2 + 70);
        return 2;
    }

    private sealed class Kernel(TestExpert expert) : CpuKernel
    {
        public override int MaxKeyRanges => 2;

        public override bool ModifiesScores => expert.Modifies;

        public override TileKind Classify(long q0, long q1, long k0, long k1, int head)
        {
            int attended = 0;
            for (int q = (int)q0; q <= q1; q++)
            {
                for (int k = (int)k0; k <= k1; k++)
                    attended += expert.Attends(q, k, head) ? 1 : 0;
            }

            return expert.Classify(attended == 0 ? TileKind.Empty
                : attended == (q1 - q0 + 1) * (k1 - k0 + 1) ? TileKind.Full
                : TileKind.Partial);
        }

        public override int KeyRanges(long q0, long q1, int keys, int head, Span<KeyRange> ranges) =>
            expert.KeyRanges(q0, q1, keys, head, ranges);

        public override void Attend(CpuTile tile)
        {
            expert.OnTile();
            Span<KeyRange> ranges = stackalloc KeyRange[2];
            int count = KeyRanges(tile.Q0, tile.Q1, tile.Keys, tile.Head, ranges);
            foreach (int k0 in tile.KeyTiles(ranges[..count]))
            {
                Assert.Equal(0, k0 % CpuTile.KeyTile);
                Assert.InRange(k0, 0, tile.Keys - 1);
                TileKind kind = Classify(tile.Q0, tile.Q1, k0, tile.LastKey(k0), tile.Head);
                if (kind == TileKind.Empty)
                    continue;
                tile.Scores(k0, kind);
                if (expert.Modifies)
                    Modify(tile, k0);
                if (kind == TileKind.Partial)
                    Mask(tile, k0);
                tile.Accumulate(k0);
            }
        }

        private void Modify(CpuTile tile, int k0)
        {
            for (int row = 0; row < tile.Rows; row++)
            {
                int q = tile.Position(row);
                for (int column = 0; column < CpuTile.KeyTile; column += 16)
                {
                    Vector512<float> scores = tile.Load(row, column);
                    Vector512<int> keys = tile.KeysAt(k0, column);
                    for (int i = 0; i < 16; i++)
                        scores = scores.WithElement(i, expert.Score(scores[i], q, keys[i], tile.Head, tile.Heads));
                    tile.Store(row, column, scores);
                }
            }
        }

        private void Mask(CpuTile tile, int k0)
        {
            for (int row = 0; row < tile.Rows; row++)
            {
                int q = tile.Position(row);
                for (int column = 0; column < CpuTile.KeyTile; column += 16)
                {
                    Vector512<int> keys = tile.KeysAt(k0, column);
                    Vector512<int> attends = Vector512<int>.Zero;
                    for (int i = 0; i < 16; i++)
                    {
                        Assert.InRange(keys[i], 0, tile.Keys - 1);   // a table would be read here
                        attends = attends.WithElement(i, expert.Attends(q, keys[i], tile.Head) ? -1 : 0);
                    }

                    tile.Keep(row, column, attends);
                }
            }
        }
    }
}

/// <summary>Every pair.</summary>
internal sealed class Everything : TestExpert
{
    public override bool Attends(int q, int k, int head) => true;
}

/// <summary>Keys up to the query.</summary>
internal class Causal : TestExpert
{
    public override bool Attends(int q, int k, int head) => q >= k;
}

/// <summary>A window and the first keys.</summary>
internal sealed class WindowAndSinks(int window, int sinks) : TestExpert
{
    public override bool Attends(int q, int k, int head) => q >= k && (q - k < window || k < sinks);

    protected override int KeyRanges(long q0, long q1, int keys, int head, Span<KeyRange> ranges)
    {
        ranges[0] = new((int)q0 - window + 1, (int)q1 + 1);
        ranges[1] = new(0, sinks);
        return 2;
    }
}

/// <summary>Each head sees every third query's keys; the other rows see nothing.</summary>
internal sealed class EveryThirdQuery : TestExpert
{
    public override bool Attends(int q, int k, int head) => q >= k && (q + head) % 3 == 0;
}

/// <summary>No pair.</summary>
internal sealed class Nothing : TestExpert
{
    public override bool Attends(int q, int k, int head) => false;
}

/// <summary>Causal with a distance penalty that differs by head, and a cap.</summary>
internal sealed class PenaltyAndCap : Causal
{
    protected override bool Modifies => true;

    public override float Score(float score, int q, int k, int head, int heads) =>
        5 * MathF.Tanh(score / 5) - (q - k) * (head + 1f) / (heads * 16);
}

/// <summary>Causal, and something that happens at every tile of queries.</summary>
internal sealed class Interrupting(Action action) : Causal
{
    protected override void OnTile() => action();
}

/// <summary>Keys up to the query, in the shape that the generator emits.</summary>
internal sealed class FastCausal : ISparseExpert
{
    private static readonly Causal _causal = new();

    public ExpertInfo Info { get; } = new Causal().Info with { Name = nameof(FastCausal), MaxKeyRanges = 1 };

    public IReadOnlyDictionary<string, object?> ParameterValues => _causal.ParameterValues;

    public bool Attends(int q, int k, int head) => q >= k;

    public float Score(float score, int q, int k, int head, int heads) => score;

    public CpuKernel Bind(in AttentionExtent extent) => new Kernel();

    public void LaunchPortable(PortableLaunch launch) => throw new NotSupportedException();

    public void LaunchCuda(CudaLaunch launch) => throw new NotSupportedException();

    public ISparseExpert With(IReadOnlyDictionary<string, object> parameters) => throw new NotSupportedException();

    private sealed class Kernel : CpuKernel
    {
        public override int MaxKeyRanges => 1;

        public override TileKind Classify(long q0, long q1, long k0, long k1, int head) =>
            q0 >= k1 ? TileKind.Full : q1 >= k0 ? TileKind.Partial : TileKind.Empty;

        public override int KeyRanges(long q0, long q1, int keys, int head, Span<KeyRange> ranges) => KeyRuns.Add(ranges, 0, 0, q1, keys);

        public override void Attend(CpuTile tile)
        {
            Span<KeyRange> ranges = stackalloc KeyRange[1];
            int count = KeyRanges(tile.Q0, tile.Q1, tile.Keys, tile.Head, ranges);
            foreach (int k0 in tile.KeyTiles(ranges[..count]))
            {
                TileKind kind = Classify(tile.Q0, tile.Q1, k0, tile.LastKey(k0), tile.Head);
                if (kind == TileKind.Empty)
                    continue;
                tile.Scores(k0, kind);
                for (int row = 0; row < tile.Rows && kind == TileKind.Partial; row++)
                {
                    for (int column = 0; column < CpuTile.KeyTile; column += 16)
                        tile.Keep(row, column, Vector512.GreaterThanOrEqual(Vector512.Create(tile.Position(row)), tile.KeysAt(k0, column)));
                }

                tile.Accumulate(k0);
            }
        }
    }
}
