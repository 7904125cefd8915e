using MoBA.Runtime.Cuda;
using MoBA.Runtime.Tests.Cuda.Emulation;
using Xunit;

namespace MoBA.Runtime.Tests.Cuda;

/// <summary>What is known of a block gate ahead of its scores, against queries one by one.</summary>
public sealed class GatedScheduleTests
{
    [Theory]
    [InlineData(16, 1, 0)]
    [InlineData(16, 3, 1)]
    [InlineData(48, 2, 2)]
    [InlineData(64, 9, 3)]
    [InlineData(1 << 30, 4, 4)]
    public void Numbers_are_those_of_queries_one_by_one(int blockSize, int topK, int seed)
    {
        Random random = new(seed);
        BlockGate gate = new(blockSize, topK);
        for (int i = 0; i < 60; i++)
        {
            AttentionSequence[] sequences = Sequences(random);
            GatedSchedule schedule = new(gate, sequences);
            int[] past = [.. sequences.SelectMany(s => Past(s, blockSize))];
            Assert.Equal(past.DefaultIfEmpty().Max(), schedule.MostPast);
            Assert.Equal(past.Select(p => Math.Min(p, topK - 1)).DefaultIfEmpty().Max(), schedule.Slots);
            Assert.Equal(past.Sum(p => (long)Math.Min(p, topK - 1)), schedule.Routes);
        }
    }

    [Fact]
    public void Numbers_of_a_long_sequence_do_not_overflow()
    {
        const int tokens = 1 << 29;
        GatedSchedule schedule = new(new BlockGate(16, 64), [new(0, tokens, 0, tokens, 0)]);
        Assert.Equal((tokens / 16) - 1, schedule.MostPast);
        Assert.Equal((63L * tokens) - (16L * 63 * 64 / 2), schedule.Routes);
        Assert.InRange(schedule.MostItems(8), schedule.Routes * 8 / 128, (schedule.Routes * 8 / 128) + schedule.MostPast);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    public void Items_are_no_more_than_are_reckoned_with(int headsPerList)
    {
        Random random = new(headsPerList);
        long most = 0;
        for (int i = 0; i < 200; i++)
        {
            int blockSize = 16 * random.Next(1, 5), topK = random.Next(2, 9);
            AttentionSequence[] sequences = Sequences(random);
            GatedSchedule schedule = new(new BlockGate(blockSize, topK), sequences);
            bool isSkewed = i % 2 == 0;
            long items = sequences.Sum(s => Past(s, blockSize).SelectMany(past => Enumerable.Range(0, headsPerList).SelectMany(_ => Choose(past, topK - 1)))
                .GroupBy(static block => block).Sum(static block => (block.Count() + 127L) / 128));
            Assert.InRange(items, 0, schedule.MostItems(headsPerList));
            Assert.InRange(schedule.MostItems(headsPerList), 0, (schedule.Routes * headsPerList / 128) + sequences.Sum(s => Past(s, blockSize).DefaultIfEmpty().Max()));
            most += items == schedule.MostItems(headsPerList) && items > 0 ? 1 : 0;

            // All alike, or by chance.
            IEnumerable<int> Choose(int past, int slots) => isSkewed
                ? Enumerable.Range(0, Math.Min(past, slots))
                : Enumerable.Range(0, past).OrderBy(_ => random.Next()).Take(slots).ToArray();
        }

        // The bound is met.
        Assert.InRange(most, 1, 200);
    }

    [Fact]
    public void One_query_of_many_blocks_has_an_item_for_each_that_it_chooses()
    {
        AttentionSequence[] decoding = [new(0, 1, 0, 100_000, 99_999), new(1, 1, 100_000, 5, 4), new(2, 0, 100_005, 700, 700)];
        Assert.Equal(7, new GatedSchedule(new BlockGate(128, 8), decoding).MostItems(1));
        Assert.Equal(7 * 4, new GatedSchedule(new BlockGate(128, 8), decoding).MostItems(4));
    }

    [Theory]
    [InlineData(16)]
    [InlineData(48)]
    public void Blocks_and_tiles_cover_keys_and_queries(int blockSize)
    {
        Random random = new(blockSize);
        for (int i = 0; i < 40; i++)
        {
            AttentionSequence[] sequences = Sequences(random);
            KeyBlock[] blocks = GatedSchedule.Blocks(sequences, blockSize);
            QueryTile[] tiles = GatedSchedule.Tiles(sequences, blockSize);
            Assert.Equal(sequences.Sum(s => (s.Keys + blockSize - 1) / blockSize), blocks.Length);
            Assert.Equal(Enumerable.Range(0, sequences[^1].FirstKeyToken + sequences[^1].Keys), blocks.SelectMany(static b => Enumerable.Range(b.KeyToken, b.Keys)));
            Assert.Equal(
                Enumerable.Range(0, sequences[^1].FirstQueryToken + sequences[^1].Queries),
                tiles.SelectMany(static t => Enumerable.Range(t.QueryToken, t.Queries)).Order());
            foreach (QueryTile tile in tiles)
            {
                AttentionSequence s = sequences.Single(s => s.FirstQueryToken <= tile.QueryToken && tile.QueryToken < s.FirstQueryToken + s.Queries);
                Assert.InRange(tile.Queries, 1, CudaRouting.GateRows);
                Assert.Equal((s.FirstKeyToken, s.Keys, s.Position - s.FirstQueryToken), (tile.KeyToken, tile.Keys, tile.Position - tile.QueryToken));
                for (int block = 0; block * blockSize < s.Keys; block++)
                {
                    KeyBlock of = blocks[tile.FirstBlock + block];
                    Assert.Equal((s.FirstKeyToken + (block * blockSize), block * blockSize, s.Position - s.FirstQueryToken), (of.KeyToken, of.Position, of.QueryShift));
                    Assert.Equal(Math.Min(blockSize, s.Keys - (block * blockSize)), of.Keys);
                }
            }
        }
    }

    [Fact]
    public void Tiles_that_have_most_to_do_come_first()
    {
        QueryTile[] tiles = GatedSchedule.Tiles([new(0, 200, 0, 200, 0), new(200, 400, 200, 400, 0)], 16);
        Assert.Equal([584, 456, 328, 128, 0, 200], tiles.Select(static t => t.QueryToken));
    }

    [Theory]
    [InlineData(Proof.Always, 64, 3, nameof(GatedWay.WithoutGate))]
    [InlineData(Proof.Always, 65, 3, nameof(GatedWay.WithoutGate))]
    [InlineData(Proof.Always, 80, 3, nameof(GatedWay.WithoutGate))]
    [InlineData(Proof.Always, 97, 3, nameof(GatedWay.Routed))]
    [InlineData(Proof.Always, 64, 1, nameof(GatedWay.OwnBlocks))]
    [InlineData(Proof.Always, 32, 1, nameof(GatedWay.WithoutGate))]
    [InlineData(Proof.AtDefaults, 64, 3, nameof(GatedWay.Routed))]
    [InlineData(Proof.None, 64, 1, nameof(GatedWay.OwnBlocks))]
    [InlineData(Proof.None, 32, 9, nameof(GatedWay.OwnBlocks))]
    public void A_gate_that_chooses_everything_is_none_where_no_later_key_is_attended(Proof causal, int tokens, int topK, string way)
    {
        BandExpert expert = new(new BlockGate(32, topK), causal);
        Assert.Equal(way, new GatedSchedule(expert.Gate, [new(0, tokens, 0, tokens, 0)]).WayOf(expert).ToString());
    }

    private static IEnumerable<int> Past(AttentionSequence s, int blockSize) => Enumerable.Range(s.Position, s.Queries)
        .Select(position => Enumerable.Range(0, (int)((s.Keys + (long)blockSize - 1) / blockSize)).Count(block => (block + 1L) * blockSize <= position));

    // Some without queries or keys, some that start before their keys or go on behind them.
    private static AttentionSequence[] Sequences(Random random)
    {
        AttentionSequence[] sequences = new AttentionSequence[random.Next(1, 5)];
        (int query, int key) = (0, 0);
        for (int i = 0; i < sequences.Length; i++)
        {
            (int queries, int keys) = (random.Next(4) == 0 ? 0 : random.Next(400), random.Next(4) == 0 ? 0 : random.Next(400));
            sequences[i] = new(query, queries, key, keys, random.Next(3) == 0 ? random.Next(-200, 500) : keys - queries);
            (query, key) = (query + queries, key + keys);
        }

        return sequences;
    }
}
