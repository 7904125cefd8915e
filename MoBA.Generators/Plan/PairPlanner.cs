using MoBA.Generators.Analyze;
using MoBA.Generators.Model;

namespace MoBA.Generators.Plan;

/// <summary>Takes out of the work of every pair what depends on its query or on its key alone, and is worth a register.</summary>
internal sealed class PairPlanner
{
    private const string OfQuery = "Query";
    private const string OfKey = "Key";

    private readonly List<NamedValue> _perQuery = [];
    private readonly List<NamedValue> _perKey = [];

    private PairPlanner()
    {
    }

    /// <summary>Plans.</summary>
    /// <param name="mask">The predicate.</param>
    /// <param name="modifier">The score modifier; null is none.</param>
    /// <param name="classify">The classes of tiles.</param>
    /// <param name="keyRanges">The runs of keys.</param>
    /// <param name="anyCall">The values that anything in them can have.</param>
    public static PairPlan Plan(Expr mask, Expr? modifier, ClassifyPlan classify, KeyRangesPlan keyRanges, Box anyCall)
    {
        PairPlanner planner = new();
        InvariantDivisions divisions = new(anyCall);
        mask = planner.TakeOut(divisions.OfPair(mask), IsCostly);
        Expr? bound = modifier is null ? null : ScoreBound.Of(modifier);
        modifier = modifier is null ? null : planner.TakeOut(MultiplyByReciprocals(divisions.OfPair(modifier)), IsCostlyInScore);
        NearForm? near = modifier is null ? null : NearForm.Of(modifier, planner.ValueOf);
        classify = divisions.Of(classify);
        keyRanges = divisions.Of(keyRanges);
        return new PairPlan(
            new(divisions.Divisors), classify, keyRanges, new(planner._perQuery), new(planner._perKey), mask, KeyColumns.Of(mask), modifier, near, bound);
    }

    private Expr ValueOf(LocalRef local) => _perQuery.Concat(_perKey).First(v => v.Name == local.Name).Value;

    private Expr TakeOut(Expr e, Func<Expr, bool> isCostly) => ExprWalk.Replace(e, node =>
    {
        // A condition stays a comparison: a register holds numbers.
        if (node.Type == ExprType.Bool || IsPaired(node) || !ExprWalk.Any(node, n => isCostly(n)))
        {
            return null;
        }

        return ExprWalk.Mentions(node, Variable.Key) ? Name(_perKey, OfKey, node) : Name(_perQuery, OfQuery, node);
    });

    /// <summary>Whether every pair has a value of its own.</summary>
    public static bool IsPaired(Expr e) => ExprWalk.Mentions(e, Variable.Score)
        || (ExprWalk.Mentions(e, Variable.Query) && ExprWalk.Mentions(e, Variable.Key));

    /// <summary>Whether a value was taken out that depends on the key.</summary>
    public static bool IsOfKey(LocalRef local) => local.Name.StartsWith(OfKey, StringComparison.Ordinal);

    /// <summary>Sums and comparisons of integers cost less than a register does.</summary>
    private static bool IsCostly(Expr e) => e is Lookup or FloatCall or InvariantDivision or Binary { Op: BinaryOp.Divide };

    /// <summary>A modifier runs on every pair, full tiles too.</summary>
    private static bool IsCostlyInScore(Expr e) =>
        IsCostly(e) || e is Binary { Op: BinaryOp.Multiply } or Binary { Type: ExprType.Float } or Unary { Op: UnaryOp.ToFloat };

    /// <summary>x / y of floats as x * (1 / y) where the reciprocal can be taken out.</summary>
    private static Expr MultiplyByReciprocals(Expr e) => ExprWalk.Replace(e, static node =>
        node is Binary { Op: BinaryOp.Divide, Type: ExprType.Float } division && IsPaired(division.Left) && !IsPaired(division.Right)
            ? new Binary(BinaryOp.Multiply, MultiplyByReciprocals(division.Left), Reciprocal(division.Right))
            : null);

    private static Expr Reciprocal(Expr e) => e is FloatLiteral literal
        ? new FloatLiteral(1f / literal.Value)
        : new Binary(BinaryOp.Divide, new FloatLiteral(1f), e);

    private static LocalRef Name(List<NamedValue> values, string prefix, Expr value)
    {
        NamedValue? known = values.Find(v => v.Value.Equals(value));
        if (known is null)
        {
            known = new NamedValue($"{prefix}{values.Count}", value);
            values.Add(known);
        }

        return new LocalRef(known.Name, value.Type);
    }
}
