using MoBA.Generators.Model;

namespace MoBA.Generators.Analyze;

/// <summary>
/// The values that an expression can take over a box of variables, both ends included. The ends are expressions
/// themselves: over a box of numbers they fold to numbers, over a symbolic tile they are the code of a kernel. For a
/// predicate, <see cref="Low"/> holds only if the predicate holds everywhere (<c>All</c>), and <see cref="High"/> holds if it
/// holds anywhere (<c>Any</c>).
/// </summary>
internal readonly record struct Interval(Expr Low, Expr High)
{
    public static Interval Point(Expr e) => new(e, e);

    public static Interval Of(long low, long high) => new(Fold.Int(low), Fold.Int(high));

    /// <summary>Every value of an <c>int</c>.</summary>
    public static readonly Interval Int32 = Of(int.MinValue, int.MaxValue);

    /// <summary>A predicate that may hold or not.</summary>
    public static readonly Interval Unknown = new(Fold.False, Fold.True);

    public bool IsPoint => Low.Equals(High);
}

/// <summary>The ranges of everything that an expression may mention.</summary>
internal abstract class Box
{
    private readonly Dictionary<Expr, Interval> _known = new(SameNode.Comparer);

    /// <summary>The range of a variable.</summary>
    public abstract Interval Of(Variable variable);

    /// <summary>The range of a parameter; itself where it stays a name in emitted code.</summary>
    public virtual Interval Of(ParameterRef parameter) => Interval.Point(parameter);

    /// <summary>The range of a table's values over a range of indices.</summary>
    public abstract Interval Of(Lookup lookup, Interval index);

    /// <summary>Gives a value that is used more than once a name; constants and names are their own.</summary>
    public virtual Expr Let(Expr e) => e;

    /// <summary>The range of an expression; each node is worked out once.</summary>
    public Interval Of(Expr e)
    {
        if (e is IntLiteral or BoolLiteral)
        {
            return Interval.Point(e);
        }

        if (!_known.TryGetValue(e, out Interval range))
        {
            _known[e] = range = IntervalRules.Of(e, this);
        }

        return range;
    }

    /// <summary>The value behind a name that <see cref="Let(Expr)"/> gave.</summary>
    public virtual Expr? ValueOf(LocalRef name) => null;

    protected Interval Let(Interval range) =>
        range.IsPoint ? Interval.Point(Let(range.Low)) : new Interval(Let(range.Low), Let(range.High));

    /// <summary>The range of an expression whose ends will be used more than once.</summary>
    public Interval Named(Expr e) => Let(Of(e));
}

/// <summary>Tells nodes apart by identity: comparing deep expressions by value at every level would take quadratic time.</summary>
internal sealed class SameNode : IEqualityComparer<Expr>
{
    public static readonly SameNode Comparer = new();

    public bool Equals(Expr? x, Expr? y) => ReferenceEquals(x, y);

    public int GetHashCode(Expr e) => System.Runtime.CompilerServices.RuntimeHelpers.GetHashCode(e);
}

/// <summary>Interval arithmetic with C#'s operators: one switch, one line an operator.</summary>
internal static class IntervalRules
{
    public static Interval Of(Expr e, Box box) => e switch
    {
        VariableRef v => box.Of(v.Variable),
        ParameterRef p => box.Of(p),
        Lookup t => box.Of(t, box.Of(t.Index)),
        Unary { Op: UnaryOp.Negate } u => Negate(box.Of(u.Operand)),
        Unary { Op: UnaryOp.Abs } u => Abs(box.Named(u.Operand)),
        Unary { Op: UnaryOp.Complement } u => Subtract(Interval.Of(-1, -1), box.Of(u.Operand)),
        Unary { Op: UnaryOp.Not } u => Not(box.Of(u.Operand)),
        Binary { Op: BinaryOp.Add } b => Add(box.Of(b.Left), box.Of(b.Right)),
        Binary { Op: BinaryOp.Subtract } b => Subtract(box.Of(b.Left), box.Of(b.Right)),
        Binary { Op: BinaryOp.Multiply, Left: Binary { Op: BinaryOp.Divide } d } b when d.Right.Equals(b.Right) && !box.Of(d.Right).IsPoint =>
            TowardsZero(box.Of(d.Left)),
        Binary { Op: BinaryOp.Multiply } b => Multiply(box.Named(b.Left), box.Named(b.Right)),
        Binary { Op: BinaryOp.Divide } b => Divide(box.Of(b.Left), Positive(box.Of(b.Right))),
        Binary { Op: BinaryOp.Remainder } b => Remainder(box.Named(b.Left), Positive(box.Of(b.Right))),
        Binary { Op: BinaryOp.BitAnd } b => BitRules.And(box.Named(b.Left), box.Named(b.Right)),
        Binary { Op: BinaryOp.BitOr } b => BitRules.Or(box.Named(b.Left), box.Named(b.Right)),
        Binary { Op: BinaryOp.BitXor } b => BitRules.Xor(box.Named(b.Left), box.Named(b.Right)),
        Binary { Op: BinaryOp.ShiftLeft, Right: IntLiteral s } b => Map2(Fold.Multiply, box.Of(b.Left), Fold.Int(1L << (int)s.Value)),
        Binary { Op: BinaryOp.ShiftRight } b => Map2(Fold.ShiftRight, box.Of(b.Left), b.Right),
        Binary { Op: BinaryOp.Min } b => Both(Fold.Min, box.Of(b.Left), box.Of(b.Right)),
        Binary { Op: BinaryOp.Max } b => Both(Fold.Max, box.Of(b.Left), box.Of(b.Right)),
        Binary { Type: ExprType.Bool, Left.Type: ExprType.Float } => Interval.Unknown,
        Binary { Op: BinaryOp.Less or BinaryOp.LessOrEqual } b => Ordered(b.Op, box.Of(b.Left), box.Of(b.Right)),
        Binary { Op: BinaryOp.Greater } b => Ordered(BinaryOp.Less, box.Of(b.Right), box.Of(b.Left), b.Op),
        Binary { Op: BinaryOp.GreaterOrEqual } b => Ordered(BinaryOp.LessOrEqual, box.Of(b.Right), box.Of(b.Left), b.Op),
        Binary { Op: BinaryOp.Equal } b => Equal(box.Named(b.Left), box.Named(b.Right)),
        Binary { Op: BinaryOp.NotEqual } b => Not(Equal(box.Named(b.Left), box.Named(b.Right))),
        Binary { Op: BinaryOp.And } b => Both(Fold.And, box.Of(b.Left), box.Of(b.Right)),
        Binary { Op: BinaryOp.Or } b => Both(Fold.Or, box.Of(b.Left), box.Of(b.Right)),
        Binary { Op: BinaryOp.Xor } b => Xor(box.Named(b.Left), box.Named(b.Right)),
        Conditional { Type: ExprType.Bool } c => Choose(box.Named(c.Condition), box.Of(c.WhenTrue), box.Of(c.WhenFalse)),
        Conditional c => Select(box.Named(c.Condition), box.Named(c.WhenTrue), box.Named(c.WhenFalse)),
        _ => throw new ArgumentException($"no interval rule for {e.GetType().Name}"),
    };

    private static Interval Add(Interval a, Interval b) => new(Fold.Add(a.Low, b.Low), Fold.Add(a.High, b.High));

    private static Interval Subtract(Interval a, Interval b) => new(Fold.Subtract(a.Low, b.High), Fold.Subtract(a.High, b.Low));

    private static Interval Negate(Interval a) => new(Fold.Negate(a.High), Fold.Negate(a.Low));

    private static Interval Abs(Interval a) => new(
        Fold.Max(Fold.Zero, Fold.Max(a.Low, Fold.Negate(a.High))),
        Fold.Max(a.High, Fold.Negate(a.Low)));

    private static Interval Not(Interval a) => new(Fold.Not(a.High), Fold.Not(a.Low));

    private static Interval Both(Func<Expr, Expr, Expr> op, Interval a, Interval b) => new(op(a.Low, b.Low), op(a.High, b.High));

    /// <summary>An operator that grows with its left side, at a fixed right side.</summary>
    private static Interval Map2(Func<Expr, Expr, Expr> op, Interval a, Expr b) => new(op(a.Low, b), op(a.High, b));

    private static Interval Multiply(Interval a, Interval b)
    {
        if (a.IsPoint)
        {
            (a, b) = (b, a);
        }

        if (b.IsPoint && Fold.IsInt(b.Low, out long factor))
        {
            Interval scaled = Map2(Fold.Multiply, a, b.Low);
            return factor >= 0 ? scaled : new Interval(scaled.High, scaled.Low);
        }

        // The extremes of a product lie at corners, whatever the signs.
        Expr[] corners = b.IsPoint
            ? [Fold.Multiply(a.Low, b.Low), Fold.Multiply(a.High, b.Low)]
            : [Fold.Multiply(a.Low, b.Low), Fold.Multiply(a.Low, b.High), Fold.Multiply(a.High, b.Low), Fold.Multiply(a.High, b.High)];
        return new Interval(corners.Aggregate(Fold.Min), corners.Aggregate(Fold.Max));
    }

    /// <summary>A divisor that is not positive is refused before a kernel runs.</summary>
    private static Interval Positive(Interval c) => c is { Low: IntLiteral low, High: IntLiteral high }
        ? Interval.Of(Math.Max(1, low.Value), Math.Max(1, high.Value))
        : c;

    /// <summary>x / c * c lies between 0 and x, whatever c.</summary>
    private static Interval TowardsZero(Interval x) => new(Fold.Min(Fold.Zero, x.Low), Fold.Max(Fold.Zero, x.High));

    /// <summary>Truncating division by a positive number grows with x; an unknown divisor pulls both ends towards zero.</summary>
    private static Interval Divide(Interval a, Interval c) => c.IsPoint
        ? Map2(Fold.Divide, a, c.Low)
        : new(
            Fold.Min(Fold.Divide(a.Low, c.Low), Fold.Divide(a.Low, c.High)),
            Fold.Max(Fold.Divide(a.High, c.Low), Fold.Divide(a.High, c.High)));

    /// <summary>x % c keeps the order of x while x / c is the same; otherwise it sweeps from 0 to c - 1 on x's side of zero.</summary>
    private static Interval Remainder(Interval a, Interval c)
    {
        Expr last = Fold.Subtract(c.High, Fold.Int(1));
        Expr sweptLow = Fold.Min(Fold.Zero, Fold.Max(a.Low, Fold.Negate(last)));
        Expr sweptHigh = Fold.Max(Fold.Zero, Fold.Min(a.High, last));
        if (!c.IsPoint)
        {
            return new Interval(sweptLow, sweptHigh);
        }

        if (a.IsPoint)
        {
            return Interval.Point(Fold.Remainder(a.Low, c.Low));
        }

        Expr sameQuotient = Fold.Compare(BinaryOp.Equal, Fold.Divide(a.Low, c.Low), Fold.Divide(a.High, c.Low));
        return new Interval(
            Fold.Select(sameQuotient, Fold.Remainder(a.Low, c.Low), sweptLow),
            Fold.Select(sameQuotient, Fold.Remainder(a.High, c.Low), sweptHigh));
    }

    /// <summary><paramref name="a"/> below <paramref name="b"/>, written the author's way round.</summary>
    private static Interval Ordered(BinaryOp op, Interval a, Interval b, BinaryOp? written = null) => written is { } flipped
        ? new(Fold.Compare(flipped, b.Low, a.High), Fold.Compare(flipped, b.High, a.Low))
        : new(Fold.Compare(op, a.High, b.Low), Fold.Compare(op, a.Low, b.High));

    private static Interval Equal(Interval a, Interval b) => a.IsPoint && b.IsPoint
        ? Interval.Point(Fold.Compare(BinaryOp.Equal, a.Low, b.Low))
        : new(
            Fold.And(Fold.Compare(BinaryOp.Equal, a.Low, b.High), Fold.Compare(BinaryOp.Equal, a.High, b.Low)),
            Fold.And(Fold.Compare(BinaryOp.LessOrEqual, a.Low, b.High), Fold.Compare(BinaryOp.LessOrEqual, b.Low, a.High)));

    private static Interval Xor(Interval a, Interval b) => new(
        Fold.Or(Fold.And(a.Low, Fold.Not(b.High)), Fold.And(Fold.Not(a.High), b.Low)),
        Fold.Not(Fold.Or(Fold.And(a.Low, b.Low), Fold.And(Fold.Not(a.High), Fold.Not(b.High)))));

    private static Interval Choose(Interval c, Interval x, Interval y) => new(
        Fold.And(Fold.Or(Fold.Not(c.High), x.Low), Fold.Or(c.Low, y.Low)),
        Fold.Or(Fold.And(c.High, x.High), Fold.And(Fold.Not(c.Low), y.High)));

    private static Interval Select(Interval c, Interval x, Interval y) => new(
        Fold.Select(c.Low, x.Low, Fold.Select(c.High, Fold.Min(x.Low, y.Low), y.Low)),
        Fold.Select(c.Low, x.High, Fold.Select(c.High, Fold.Max(x.High, y.High), y.High)));
}
