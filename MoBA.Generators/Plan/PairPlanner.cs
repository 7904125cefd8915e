using MoBA.Generators.Analyze;
using MoBA.Generators.Model;

namespace MoBA.Generators.Plan;

/// <summary>Takes out of the work of every pair what depends on its query or on its key alone, and is worth a register.</summary>
internal sealed class PairPlanner
{
    private readonly List<NamedValue> _divisors = [];
    private readonly List<NamedValue> _perQuery = [];
    private readonly List<NamedValue> _perKey = [];
    private readonly Box _anyCall;

    private PairPlanner(Box anyCall) => _anyCall = anyCall;

    /// <summary>Plans.</summary>
    /// <param name="mask">The predicate.</param>
    /// <param name="modifier">The score modifier; null is none.</param>
    /// <param name="anyCall">The values that anything in them can have.</param>
    public static PairPlan Plan(Expr mask, Expr? modifier, Box anyCall)
    {
        PairPlanner planner = new(anyCall);
        mask = planner.TakeOut(planner.DivideByInvariants(mask), IsCostly);
        modifier = modifier is null ? null : planner.TakeOut(MultiplyByReciprocals(planner.DivideByInvariants(modifier)), IsCostlyInScore);
        return new PairPlan(new(planner._divisors), new(planner._perQuery), new(planner._perKey), mask, modifier);
    }

    /// <summary>Divisors are positive and the same for every pair: parameters and literals alone divide.</summary>
    private Expr DivideByInvariants(Expr e) => ExprWalk.Replace(e, node => node switch
    {
        Binary { Op: BinaryOp.Equal or BinaryOp.NotEqual, Left: Binary { Op: BinaryOp.Remainder } r, Right: IntLiteral { Value: 0 } } zero
            when Difference(r.Left) is { } difference => new Binary(zero.Op, Mod(difference.Left, r.Right), Mod(difference.Right, r.Right)),
        Binary { Op: BinaryOp.Divide, Type: ExprType.Int } d => Divide(IsNatural(d.Left) ? "DivNatural" : "Div", d.Left, d.Right),
        Binary { Op: BinaryOp.Remainder } r => Divide(IsNatural(r.Left) ? "RemNatural" : "Rem", r.Left, r.Right),
        _ => null,
    });

    /// <summary>What of a query and of a key is subtracted: a multiple divides it where both leave the same rest, and the rests are
    /// no work of a pair.</summary>
    private static Binary? Difference(Expr e) => e switch
    {
        Unary { Op: UnaryOp.Abs } u => Difference(u.Operand),
        Binary { Op: BinaryOp.Subtract } d when IsPaired(d) && !IsPaired(d.Left) && !IsPaired(d.Right) => d,
        _ => null,
    };

    private InvariantDivision Mod(Expr dividend, Expr divisor) => Divide(IsNatural(dividend) ? "RemNatural" : "Mod", dividend, divisor);

    private InvariantDivision Divide(string function, Expr dividend, Expr divisor) =>
        new(function, DivideByInvariants(dividend), Name(_divisors, "Divisor", divisor).Name);

    /// <summary>Whether an expression is never negative, whatever the call.</summary>
    private bool IsNatural(Expr e) => _anyCall.Of(e).Low is IntLiteral { Value: >= 0 };

    private Expr TakeOut(Expr e, Func<Expr, bool> isCostly) => ExprWalk.Replace(e, node =>
    {
        // A condition stays a comparison: a register holds numbers.
        if (node.Type == ExprType.Bool || IsPaired(node) || !ExprWalk.Any(node, n => isCostly(n)))
        {
            return null;
        }

        return ExprWalk.Mentions(node, Variable.Key) ? Name(_perKey, "Key", node) : Name(_perQuery, "Query", node);
    });

    /// <summary>Whether every pair has a value of its own.</summary>
    private static bool IsPaired(Expr e) => ExprWalk.Mentions(e, Variable.Score)
        || (ExprWalk.Mentions(e, Variable.Query) && ExprWalk.Mentions(e, Variable.Key));

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
