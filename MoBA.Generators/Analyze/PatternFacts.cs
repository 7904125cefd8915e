using System.Text;
using MoBA.Generators.Model;

namespace MoBA.Generators.Analyze;

/// <summary>What a proof holds for.</summary>
internal enum Proof
{
    None,
    AtDefaults,
    Always,
}

/// <summary>What is proven of a pattern when its class is compiled.</summary>
/// <param name="Causal">No query attends a later key.</param>
/// <param name="AttendsItself">Every query attends the key at its own position.</param>
/// <param name="Dense">Every pair is attended.</param>
/// <param name="Void">No pair is attended.</param>
/// <param name="EmptyRow">A query position that attends no key whatever the length, or null.</param>
/// <param name="DependsOnHead">The predicate, or what is always attended, reads the head.</param>
/// <param name="TokenLimit">Tokens up to which nothing overflows at the default parameters.</param>
/// <param name="MaxKeyRanges">The most runs of keys that a tile of queries can see.</param>
/// <param name="PictureTile">Tokens in a tile of the picture.</param>
/// <param name="Picture">Tiles at the default parameters, one line a row.</param>
/// <param name="KeysPerToken">Estimated keys that a token visits; null where a default is not known.</param>
/// <param name="Besides">Facts of what is attended whatever the gate chose; null is nothing.</param>
internal sealed record PatternFacts(
    Proof Causal,
    Proof AttendsItself,
    Proof Dense,
    Proof Void,
    int? EmptyRow,
    bool DependsOnHead,
    int TokenLimit,
    int MaxKeyRanges,
    int PictureTile,
    string Picture,
    double? KeysPerToken,
    PatternFacts? Besides)
{
    /// <summary>A pattern that overflows below this many tokens is warned of.</summary>
    public const int MaxTokens = 1 << 24;

    private const int RowsTried = 64;
    private const int PictureTiles = 16;

    public static PatternFacts Of(PatternSpec spec)
    {
        ParameterRanges always = new(spec, useDefaults: false);
        ParameterRanges defaults = new(spec, useDefaults: true);
        Expr attends = spec.Attends;
        Expr byDistance = LinearForm.Normalize(Substitute(attends, Variable.Key, QueryMinusDistance));
        Expr onDiagonal = LinearForm.Normalize(Substitute(attends, Variable.Key, new VariableRef(Variable.Query)));
        int tile = TokensPerTile(spec);
        return new PatternFacts(
            Causal: Prove(always, defaults, r => Over(byDistance, r, Above).High.Equals(Fold.False)),
            AttendsItself: Prove(always, defaults, r => r.Box(Keys, Keys).Of(onDiagonal).Low.Equals(Fold.True)),
            Dense: Prove(always, defaults, r => Everywhere(attends, r).Low.Equals(Fold.True) || Bands.All(band => Over(byDistance, r, band).Low.Equals(Fold.True))),
            Void: Prove(always, defaults, r => IsVoid(attends, byDistance, r)),
            EmptyRow: FirstEmptyRow(attends, defaults),
            DependsOnHead: ExprWalk.Mentions(attends, Variable.Head) || (spec.Always is { } besides && ExprWalk.Mentions(besides, Variable.Head)),
            TokenLimit: Overflow.TokenLimit(spec.Besides ?? spec),
            MaxKeyRanges: Math.Max(1, KeyRanges.Of(attends, new SymbolicTile(new NamedValues(), allKeys: true)).Count),
            PictureTile: tile,
            Picture: Draw(attends, defaults, tile),
            KeysPerToken: KeysEstimate.Of(spec),
            Besides: spec.Besides is { } pattern ? Of(pattern) : null);
    }

    /// <summary>Whether no pair fulfils a part of a pattern's predicate.</summary>
    public static Proof IsVoid(PatternSpec spec, Expr part)
    {
        Expr byDistance = LinearForm.Normalize(Substitute(part, Variable.Key, QueryMinusDistance));
        return Prove(new(spec, useDefaults: false), new(spec, useDefaults: true), r => IsVoid(part, byDistance, r));
    }

    /// <summary>Whether a part of a pattern's predicate is causal at the default parameters.</summary>
    public static bool IsCausal(PatternSpec spec, Expr part) => Over(
        LinearForm.Normalize(Substitute(part, Variable.Key, QueryMinusDistance)), new ParameterRanges(spec, useDefaults: true), Above).High.Equals(Fold.False);

    // Every position that a call may have: a query stands before the first key where a sequence has more queries than keys.
    private static readonly Interval Queries = Interval.Of(-Overflow.MaxPosition, Overflow.MaxPosition - 1);
    private static readonly Interval Keys = Interval.Of(0, Overflow.MaxPosition - 1);
    private static readonly Interval Diagonal = Interval.Of(0, 0);
    private static readonly Interval Above = Interval.Of(1 - (2L * Overflow.MaxPosition), -1);
    private static readonly Interval[] Bands = [Above, Diagonal, Interval.Of(1, Overflow.MaxPosition - 1)];

    private static readonly Expr QueryMinusDistance =
        new Binary(BinaryOp.Subtract, new VariableRef(Variable.Query), new VariableRef(Variable.Distance));

    private static Proof Prove(ParameterRanges always, ParameterRanges defaults, Func<ParameterRanges, bool> holds) =>
        holds(always) ? Proof.Always : holds(defaults) ? Proof.AtDefaults : Proof.None;

    private static Expr Substitute(Expr e, Variable variable, Expr by) =>
        ExprWalk.Replace(e, n => n is VariableRef v && v.Variable == variable ? by : null);

    /// <summary>A predicate over the band of pairs whose distance q - k lies in a range.</summary>
    private static Interval Over(Expr byDistance, ParameterRanges ranges, Interval distance) =>
        ranges.Box(Queries, Keys, distance).Of(byDistance);

    private static bool IsVoid(Expr attends, Expr byDistance, ParameterRanges ranges) =>
        Everywhere(attends, ranges).High.Equals(Fold.False) || Bands.All(band => Over(byDistance, ranges, band).High.Equals(Fold.False));

    private static Interval Everywhere(Expr attends, ParameterRanges ranges) => TileClassifier.Bounds(attends, ranges.Box(Queries, Keys));

    private static int? FirstEmptyRow(Expr attends, ParameterRanges ranges)
    {
        for (int row = 0; row < RowsTried; row++)
        {
            Box box = ranges.Box(Interval.Of(row, row), Keys);
            if (TileClassifier.Classify(attends, box) == Tile.Empty || KeyRanges.Of(attends, box).All(static r => r.High is IntLiteral { Value: < 0 }))
            {
                return row;
            }
        }

        return null;
    }

    /// <summary>A picture reaches four times the largest parameter, so that windows and blocks can be seen in it.</summary>
    private static int TokensPerTile(PatternSpec spec)
    {
        long largest = spec.Parameters.Select(static p => p.Default is IntLiteral d ? d.Value : 0).DefaultIfEmpty(0).Max();
        int tile = 64;
        while (tile < 4096 && tile * PictureTiles < 4 * largest)
        {
            tile *= 2;
        }

        return tile;
    }

    private static string Draw(Expr attends, ParameterRanges ranges, int tile)
    {
        StringBuilder picture = new();
        for (int row = 0; row < PictureTiles; row++)
        {
            for (int column = 0; column < PictureTiles; column++)
            {
                Interval queries = Interval.Of(row * tile, ((row + 1) * tile) - 1);
                Interval keys = Interval.Of(column * tile, ((column + 1) * tile) - 1);
                picture.Append(TileClassifier.Classify(attends, ranges.Box(queries, keys)) switch
                {
                    Tile.Full => '#',
                    Tile.Partial => '+',
                    _ => '.',
                });
            }

            picture.Append('\n');
        }

        return picture.ToString();
    }
}
