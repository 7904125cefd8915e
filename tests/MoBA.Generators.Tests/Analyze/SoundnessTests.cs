using MoBA.Generators.Analyze;
using MoBA.Generators.Model;

namespace MoBA.Generators.Tests.Analyze;

/// <summary>
/// The heart of the compiler: a Full or Empty that is wrong, or a key that no run holds, is a wrong result of attention. Random
/// predicates over random tiles, against an evaluator that shares nothing with the analysis.
/// </summary>
public sealed class SoundnessTests(ITestOutputHelper output)
{
    private const int Pairs = 200_000;
    private const int TilesPerPredicate = 16;
    private const int Rows = 56;
    private const int Columns = 72;

    [Fact]
    public void NoTileIsMisjudgedAndNoKeyIsMissed()
    {
        RandomPredicates predicates = new(seed: 20260);
        Random random = new(7);
        Tally tally = new();
        int drawn = 0;
        while (tally.Tiles < Pairs)
        {
            (Expr attends, Values values) = predicates.Next();
            drawn++;
            Plane plane = Plane.Draw(random);
            if (plane.Fill(attends, values))
            {
                for (int i = 0; i < TilesPerPredicate; i++)
                {
                    Check(attends, values, plane, random, tally);
                }
            }
        }

        output.WriteLine(
            $"{tally.Tiles:N0} tiles of {drawn:N0} predicates: {tally.Uniform:N0} truly full or empty, {100.0 * tally.Decided / tally.Uniform:F1} % of them decided");
        output.WriteLine($"keys in runs: {100.0 * tally.KeysInRuns / tally.Keys:F1} %, keys attended: {100.0 * tally.KeysAttended / tally.Keys:F1} %");
        Assert.True(drawn < 4 * tally.Tiles / TilesPerPredicate, "most predicates overflow: the draw tests little");
        Assert.True(tally.Decided > 0.7 * tally.Uniform, "the analysis decides too few tiles");
    }

    private static void Check(Expr attends, Values values, Plane plane, Random random, Tally tally)
    {
        int r0 = random.Next(Rows), r1 = Math.Min(Rows - 1, r0 + random.Next(1, 24));
        int c0 = random.Next(Columns), c1 = Math.Min(Columns - 1, c0 + random.Next(1, 24));
        (bool all, bool any) = plane.Truth(r0, r1, c0, c1);
        Tile tile = TileClassifier.Classify(attends, plane.Box(values, r0, r1, c0, c1));
        if ((tile == Tile.Full && !all) || (tile == Tile.Empty && any))
        {
            Assert.Fail($"unsound {tile}: {attends} over {plane.Name(r0, r1, c0, c1)}");
        }

        tally.Tiles++;
        tally.Uniform += all || !any ? 1 : 0;
        tally.Decided += tile != Tile.Partial ? 1 : 0;
        CheckKeys(attends, values, plane, r0, r1, tally);
    }

    private static void CheckKeys(Expr attends, Values values, Plane plane, int r0, int r1, Tally tally)
    {
        (long Low, long High)[] runs = [.. KeyRanges.Of(attends, plane.AllKeys(values, r0, r1))
            .Where(r => Bounds.Of(r.When, values) != 0).Select(r => (Bounds.Of(r.Low, values), Bounds.Of(r.High, values)))];
        for (int column = 0; column < Columns; column++)
        {
            long key = plane.FirstKey + column;
            bool isAttended = plane.Truth(r0, r1, column, column).Any;
            bool isHeld = runs.Any(r => r.Low <= key && key <= r.High);
            if (isAttended && !isHeld)
            {
                Assert.Fail($"missed key {key}: {attends} over rows {plane.FirstQuery + r0} to {plane.FirstQuery + r1}");
            }

            tally.Keys++;
            tally.KeysAttended += isAttended ? 1 : 0;
            tally.KeysInRuns += isHeld ? 1 : 0;
        }
    }

    private sealed class Tally
    {
        public int Tiles, Uniform, Decided;
        public long Keys, KeysAttended, KeysInRuns;
    }

    /// <summary>A window of the score matrix, evaluated pair by pair once, with counts by prefix sums.</summary>
    private sealed class Plane(int firstQuery, int firstKey, int head)
    {
        private readonly int[,] _attended = new int[Rows + 1, Columns + 1];

        public int FirstQuery => firstQuery;

        public int FirstKey => firstKey;

        public static Plane Draw(Random random)
        {
            int key = random.Next(4) == 0 ? random.Next(0, 3000) : random.Next(0, 40);
            int query = random.Next(6) switch
            {
                0 => -random.Next(0, 80),
                1 => random.Next(0, 4000),
                2 => 1 << random.Next(0, 22),
                _ => key + random.Next(-40, 60),
            };
            return new Plane(query, key, random.Next(0, 8));
        }

        /// <summary>Evaluates every pair; false where one overflows.</summary>
        public bool Fill(Expr attends, Values values)
        {
            Evaluator evaluator = new(values) { Head = head };
            Func<long> holds = evaluator.Compile(attends);
            for (int r = 0; r < Rows; r++)
            {
                for (int c = 0; c < Columns; c++)
                {
                    (evaluator.Q, evaluator.K) = (firstQuery + r, firstKey + c);
                    _attended[r + 1, c + 1] = (int)holds() + _attended[r, c + 1] + _attended[r + 1, c] - _attended[r, c];
                }
            }

            return !evaluator.Failed;
        }

        public (bool All, bool Any) Truth(int r0, int r1, int c0, int c1)
        {
            int count = _attended[r1 + 1, c1 + 1] - _attended[r0, c1 + 1] - _attended[r1 + 1, c0] + _attended[r0, c0];
            return (count == (r1 - r0 + 1) * (c1 - c0 + 1), count > 0);
        }

        public Box Box(Values values, int r0, int r1, int c0, int c1) =>
            Box(values, r0, r1, Interval.Of(firstKey + c0, firstKey + c1));

        public Box AllKeys(Values values, int r0, int r1) => Box(values, r0, r1, Interval.Of(0, firstKey + Columns - 1));

        public string Name(int r0, int r1, int c0, int c1) =>
            $"q [{firstQuery + r0}, {firstQuery + r1}] x k [{firstKey + c0}, {firstKey + c1}], head {head}";

        private NumericBox Box(Values values, int r0, int r1, Interval keys) => new(
            v => v switch
            {
                Variable.Query => Interval.Of(firstQuery + r0, firstQuery + r1),
                Variable.Key => keys,
                _ => Interval.Of(head, head),
            },
            p => p.Type == ExprType.Bool ? Interval.Point(Fold.Bool(values.Flags[p.Path])) : Interval.Of(values.Ints[p.Path], values.Ints[p.Path]),
            (lookup, index) => OfTable(values.Tables[lookup.Table], index));

        private static Interval OfTable(int[] table, Interval index)
        {
            if (!Fold.IsInt(index.Low, out long low) || !Fold.IsInt(index.High, out long high))
            {
                return Interval.Int32;
            }

            TableRun run = Bounds.Run(table, low, high);
            return Interval.Of(run.Min(), run.Max());
        }
    }
}
