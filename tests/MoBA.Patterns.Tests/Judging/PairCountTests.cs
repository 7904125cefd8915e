using MoBA.Program;
using MoBA.Runtime;
using Xunit;

namespace MoBA.Patterns.Tests;

/// <summary>Attended pairs, against asking the predicate for every one.</summary>
public sealed class PairCountTests
{
    [Theory]
    [MemberData(nameof(GalleryTests.Static), MemberType = typeof(GalleryTests))]
    public void Pairs_are_those_that_the_predicate_attends(string name)
    {
        foreach ((int queries, int keys) in ((int, int)[])[(1, 1), (5, 5), (130, 130), (300, 300), (97, 411), (513, 513)])
        {
            ISparseExpert expert = ((ExpertEntry)Gallery.Find(name)!).Create(keys);
            var rows = new SequenceRows(7, queries, keys);
            PairCount count = PairCount.Of(expert, rows, 3, TestContext.Current.CancellationToken);
            Assert.Equal((Asked(expert, rows, 3), 3L * queries * keys), (count.Pairs, count.Possible));
            Assert.InRange(count.FullTiles + count.PartialTiles, 1, 3L * ((queries + 127) / 128) * ((keys + 127) / 128));
        }
    }

    [Fact]
    public void Heads_that_differ_are_counted_apart()
    {
        var window = new HeadWindow();
        var rows = new SequenceRows(0, 200, 200);
        Assert.Equal(Asked(window, rows, 4), PairCount.Of(window, rows, 4, TestContext.Current.CancellationToken).Pairs);
    }

    [Fact]
    public void Tiles_of_dense_causal_attention_are_a_triangle()
    {
        PairCount count = PairCount.Of(new Causal(), new SequenceRows(0, 1024, 1024), 2, TestContext.Current.CancellationToken);
        Assert.Equal((2 * 28L, 2 * 8L), (count.FullTiles, count.PartialTiles));
        Assert.Equal(8 / 36.0, count.PartialShare);
    }

    [Fact]
    public void Long_sequences_take_no_square_of_time()
    {
        const long tokens = 1 << 20, window = 4096;
        PairCount count = PairCount.Of(
            new SinkWindow { Window = (int)window, Sinks = 0 }, [new(0, (int)tokens, (int)tokens)], 1, TestContext.Current.CancellationToken);
        Assert.Equal((tokens * window) - (window * (window - 1) / 2), count.Pairs);
    }

    [Fact]
    public void Sequences_add_up_and_empty_ones_hold_nothing()
    {
        SequenceRows[] sequences = [new(0, 10, 10), new(10, 0, 0), new(10, 20, 20), new(30, 10, 10)];
        Assert.Equal(55 + 210 + 55, PairCount.Of(new Causal(), sequences, 1, TestContext.Current.CancellationToken).Pairs);
        Assert.Equal(default, PairCount.Of(new Causal(), [new(0, 0, 0)], 1, TestContext.Current.CancellationToken));
    }

    private static long Asked(ISparseExpert expert, SequenceRows rows, int heads)
    {
        long pairs = 0;
        for (int head = 0; head < heads; head++)
        {
            for (int query = 0; query < rows.Queries; query++)
            {
                for (int k = 0; k < rows.Keys; k++)
                {
                    pairs += expert.Attends(rows.Position(query), k, head) ? 1 : 0;
                }
            }
        }

        return pairs;
    }
}

/// <summary>Windows that widen from head to head.</summary>
[SparseExpert]
internal sealed partial class HeadWindow
{
    private static bool Attends(int q, int k, int head) => q >= k && q - k < 8 * (head + 1);
}
