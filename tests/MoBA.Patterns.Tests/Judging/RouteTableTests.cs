using System.Numerics.Tensors;
using MoBA.Program;
using MoBA.Runtime;
using Xunit;

namespace MoBA.Patterns.Tests;

/// <summary>What is counted of routes, against going through them pair by pair.</summary>
public sealed class RouteTableTests
{
    [Theory]
    [MemberData(nameof(GalleryTests.Routed), MemberType = typeof(GalleryTests))]
    public void Pairs_are_those_of_the_routes_and_of_Always(string name)
    {
        if (Gallery.Find(name) is not ExpertEntry entry)
        {
            return;
        }

        using AttentionEngine engine = AttentionEngine.Create(Target.Cpu);
        foreach ((int queries, int keys) in ((int, int)[])[(1, 1), (130, 130), (97, 411), (513, 513)])
        {
            ISparseExpert expert = entry.Create(keys);
            Tensor<float> q = CommandLine.RandomTensor(queries, 4, 16, 1), kv = CommandLine.RandomTensor(keys, 2, 16, 2);
            Tensor<int> routes = engine.Attend(expert, q, kv, kv, new AttentionOptions { ReturnRoutes = true }, TestContext.Current.CancellationToken).Routes!;
            SequenceRows[] sequences = [new(0, queries, keys)];
            PairCount count = PairCount.Of(expert, RouteTable.Of(routes), sequences, 4, TestContext.Current.CancellationToken);
            Assert.Equal(new PairCount(Asked(expert, routes, sequences, 4), 4L * queries * keys, 0, 0), count);
        }
    }

    [Fact]
    public void Sequences_have_their_own_blocks()
    {
        // Two sequences of 3 and 5 tokens, blocks of 16: every query has its own block alone, whatever its token's number is.
        var expert = new MobaTopK { BlockSize = 16, TopK = 2 };
        RouteTable routes = RouteTable.Of(Tensor.Create([.. Enumerable.Range(0, 16).Select(i => i % 2 == 0 ? 0 : -1)], [8, 1, 2]));
        Assert.Equal(6 + 15, PairCount.Of(expert, routes, [new(0, 3, 3), new(3, 5, 5)], 1, TestContext.Current.CancellationToken).Pairs);
        Assert.Null(routes.Union([new(0, 8, 8)], TestContext.Current.CancellationToken));
    }

    [Fact]
    public void Long_routes_take_no_square_of_time()
    {
        const int tokens = 1 << 17, size = 1024;
        int[] blocks = [.. Enumerable.Range(0, tokens).SelectMany(q => (int[])[q / size, q < size ? -1 : 0])];
        var expert = new MobaSinks { BlockSize = size, TopK = 2, Sinks = 8, Window = 8 };
        long own = (long)tokens / size * (size * (size + 1) / 2), first = (long)(tokens - size) * size, before = (tokens / size) - 2;

        // The window reaches into the block before for 7 queries of each block; into block 0 it has been chosen.
        PairCount count = PairCount.Of(expert, RouteTable.Of(Tensor.Create(blocks, [tokens, 1, 2])), [new(0, tokens, tokens)], 1, TestContext.Current.CancellationToken);
        Assert.Equal(own + first + (before * 28), count.Pairs);
    }

    [Fact]
    public void The_union_is_of_128_neighbours()
    {
        // 128 queries that choose block 0, then 128 of which the halves choose blocks 0 and 1, then 64 that choose all of 0 to 3.
        int[] routes = [.. Enumerable.Range(0, 320).SelectMany(q => (int[])[9, q < 256 ? (q >= 192 ? 1 : 0) : (q - 256) / 16])];
        RouteTable table = RouteTable.Of(Tensor.Create(routes, [320, 1, 2]));
        double? Union(params SequenceRows[] sequences) => table.Union(sequences, TestContext.Current.CancellationToken);
        Assert.Equal(1, Union(new SequenceRows(0, 128, 128)));
        Assert.Equal(2, Union(new SequenceRows(128, 128, 128)));
        Assert.Equal(((1 * 128) + (2 * 128) + (4 * 64)) / 320.0, Union(new SequenceRows(0, 320, 320)));

        // Tiles begin anew in every sequence.
        Assert.Equal(1, Union(new SequenceRows(0, 192, 192), new SequenceRows(192, 64, 64)));
    }

    [Fact]
    public void Correlated_neighbours_choose_similar_blocks()
    {
        const int tokens = 8192, dim = 128;
        using AttentionEngine engine = AttentionEngine.Create(Target.Cpu);
        Assert.InRange(Union(RandomRows.Correlated(tokens, 1, dim, 1, static x => x), RandomRows.Correlated(tokens, 1, dim, 2, static x => x)), 2, 4);
        Assert.InRange(Union(RandomRows.Normal(tokens, 1, dim, 1, static x => x), RandomRows.Normal(tokens, 1, dim, 2, static x => x)), 4.5, 128);

        double Union(Tensor<float> q, Tensor<float> k) => RouteTable.Of(
            engine.Attend(new MobaTopK(), q, k, k, new AttentionOptions { ReturnRoutes = true }, TestContext.Current.CancellationToken).Routes!)
            .Union([new(0, tokens, tokens)], TestContext.Current.CancellationToken)!.Value;
    }

    /// <summary>Pairs of routes, asked one by one.</summary>
    internal static long Asked(ISparseExpert expert, Tensor<int> routes, SequenceRows[] sequences, int heads)
    {
        int group = heads / (int)routes.Lengths[1], size = expert.Gate!.BlockSize;
        long pairs = 0;
        foreach (SequenceRows rows in sequences)
        {
            for (int query = 0; query < rows.Queries; query++)
            {
                for (int head = 0; head < heads; head++)
                {
                    int[] route = [.. Enumerable.Range(0, (int)routes.Lengths[2]).Select(slot => routes[rows.FirstQuery + query, head / group, slot])];
                    pairs += Enumerable.Range(0, rows.Keys).Count(k => expert.Attends(rows.Position(query), k, head)
                        && (route.Contains(k / size) || expert.Always(rows.Position(query), k, head)));
                }
            }
        }

        return pairs;
    }
}
