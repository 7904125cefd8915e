using MoBA.Generators.Analyze;
using MoBA.Generators.Model;

namespace MoBA.Generators.Plan;

/// <summary>Makes divisions of integers, whose divisors are parameters and literals alone, divisions by names that a launch makes
/// once.</summary>
/// <param name="anyCall">The values that anything in a predicate or a modifier can have.</param>
internal sealed class InvariantDivisions(Box anyCall)
{
    private readonly List<NamedValue> _divisors = [];

    public IEnumerable<NamedValue> Divisors => _divisors;

    /// <summary>A predicate or a modifier.</summary>
    public Expr OfPair(Expr e) => ExprWalk.Replace(e, node => node switch
    {
        Binary { Op: BinaryOp.Equal or BinaryOp.NotEqual, Left: Binary { Op: BinaryOp.Remainder } r, Right: IntLiteral { Value: 0 } } zero
            when Difference(r.Left) is { } difference => new Binary(zero.Op, Mod(difference.Left, r.Right), Mod(difference.Right, r.Right)),
        Binary { Op: BinaryOp.Divide, Type: ExprType.Int } d => Divide(IsNatural(d.Left) ? "DivNatural" : "Div", d.Left, d.Right),
        Binary { Op: BinaryOp.Remainder } r => Divide(IsNatural(r.Left) ? "RemNatural" : "Rem", r.Left, r.Right),
        _ => null,
    });

    /// <summary>Classes of tiles. What divides a tile's corner divides a pair, and a call has checked that it is an int.</summary>
    public ClassifyPlan Of(ClassifyPlan plan) => new(
        new(plan.Values.Select(v => v with { Value = OfBound(v.Value, static _ => true) })),
        OfBound(plan.All, static _ => true),
        OfBound(plan.Any, static _ => true));

    /// <summary>Runs of keys. They were solved for the key, and what is divided then may be no int.</summary>
    public KeyRangesPlan Of(KeyRangesPlan plan)
    {
        Box names = new Names(plan.Values);
        return new(
            new(plan.Values.Select(v => v with { Value = OfBound(v.Value, IsInt) })),
            new(plan.Runs.Select(r => r with { Low = OfBound(r.Low, IsInt), High = OfBound(r.High, IsInt), When = OfBound(r.When, IsInt) })));

        bool IsInt(Expr dividend) => Magnitude.Of(dividend, names) <= int.MaxValue;
    }

    // Only the pairs' own divisors are known to be positive; a bound may divide by the end of an interval.
    private Expr OfBound(Expr e, Func<Expr, bool> isInt) => ExprWalk.Replace(e, node =>
        node is Binary { Op: BinaryOp.Divide or BinaryOp.Remainder } d && isInt(d.Left) && _divisors.Find(v => v.Value.Equals(d.Right)) is { } divisor
            ? new InvariantDivision(d.Op == BinaryOp.Divide ? "Div" : "Rem", OfBound(d.Left, isInt), divisor.Name)
            : null);

    /// <summary>What of a query and of a key is subtracted: a multiple divides it where both leave the same rest, and the rests are
    /// no work of a pair.</summary>
    private static Binary? Difference(Expr e) => e switch
    {
        Unary { Op: UnaryOp.Abs } u => Difference(u.Operand),
        Binary { Op: BinaryOp.Subtract } d when PairPlanner.IsPaired(d) && !PairPlanner.IsPaired(d.Left) && !PairPlanner.IsPaired(d.Right) => d,
        _ => null,
    };

    private InvariantDivision Mod(Expr dividend, Expr divisor) => Divide(IsNatural(dividend) ? "RemNatural" : "Mod", dividend, divisor);

    private InvariantDivision Divide(string function, Expr dividend, Expr divisor)
    {
        dividend = OfPair(dividend);
        NamedValue? known = _divisors.Find(v => v.Value.Equals(divisor));
        if (known is null)
        {
            known = new NamedValue($"Divisor{_divisors.Count}", divisor);
            _divisors.Add(known);
        }

        return new(function, dividend, known.Name);
    }

    /// <summary>Whether an expression is never negative, whatever the call.</summary>
    private bool IsNatural(Expr e) => anyCall.Of(e).Low is IntLiteral { Value: >= 0 };

    /// <summary>The values behind names, and nothing else.</summary>
    private sealed class Names(IEnumerable<NamedValue> values) : Box
    {
        public override Interval Of(Variable variable) => Interval.Int32;

        public override Interval Of(Lookup lookup, Interval index) => Interval.Int32;

        public override Expr? ValueOf(LocalRef name) => values.FirstOrDefault(v => v.Name == name.Name)?.Value;
    }
}
