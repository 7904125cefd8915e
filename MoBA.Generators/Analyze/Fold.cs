using MoBA.Generators.Model;

namespace MoBA.Generators.Analyze;

/// <summary>
/// Builds expressions and folds what is constant on the way. Bounds are 64-bit: constants saturate at
/// <see cref="Infinity"/>, which no 32-bit value reaches.
/// </summary>
internal static class Fold
{
    /// <summary>Beyond every value that two 32-bit numbers can make by one operation.</summary>
    public const long Infinity = long.MaxValue / 4;

    public static readonly Expr True = new BoolLiteral(true);
    public static readonly Expr False = new BoolLiteral(false);
    public static readonly Expr Zero = new IntLiteral(0);

    public static Expr Int(long value) => new IntLiteral(value);

    public static Expr Bool(bool value) => value ? True : False;

    public static bool IsInt(Expr e, out long value)
    {
        value = e is IntLiteral literal ? literal.Value : 0;
        return e is IntLiteral;
    }

    public static Expr Add(Expr a, Expr b) => (a, b) switch
    {
        (IntLiteral x, IntLiteral y) => Int(Saturate(x.Value + y.Value)),
        (IntLiteral { Value: 0 }, _) => b,
        (_, IntLiteral { Value: 0 }) => a,
        (_, IntLiteral { Value: < 0 } y) => new Binary(BinaryOp.Subtract, a, Int(-y.Value)),
        (Binary { Op: BinaryOp.Subtract, Right: IntLiteral x } s, IntLiteral y) => Add(s.Left, Int(y.Value - x.Value)),
        (Binary { Op: BinaryOp.Add, Right: IntLiteral x } s, IntLiteral y) => Add(s.Left, Int(y.Value + x.Value)),
        (IntLiteral, _) => Add(b, a),
        (_, Unary { Op: UnaryOp.Negate } n) => Subtract(a, n.Operand),
        (_, Binary { Op: BinaryOp.Subtract, Right: IntLiteral y } s) => Add(Add(a, s.Left), Int(-y.Value)),
        _ => new Binary(BinaryOp.Add, a, b),
    };

    public static Expr Subtract(Expr a, Expr b) => (a, b) switch
    {
        (_, IntLiteral y) => Add(a, Int(-y.Value)),
        (IntLiteral { Value: 0 }, _) => Negate(b),
        (_, Unary { Op: UnaryOp.Negate } n) => Add(a, n.Operand),
        (_, Binary { Op: BinaryOp.Subtract, Right: IntLiteral y } s) => Add(Subtract(a, s.Left), y),
        (_, Binary { Op: BinaryOp.Add, Right: IntLiteral y } s) => Add(Subtract(a, s.Left), Int(-y.Value)),
        _ when a.Equals(b) => Zero,
        _ => new Binary(BinaryOp.Subtract, a, b),
    };

    public static Expr Negate(Expr a) => a switch
    {
        IntLiteral x => Int(-x.Value),
        Unary { Op: UnaryOp.Negate } n => n.Operand,
        Binary { Op: BinaryOp.Subtract } s => Subtract(s.Right, s.Left),
        _ => new Unary(UnaryOp.Negate, a),
    };

    public static Expr Multiply(Expr a, Expr b) => (a, b) switch
    {
        (IntLiteral x, IntLiteral y) => Int(Product(x.Value, y.Value)),
        (IntLiteral { Value: 1 }, _) => b,
        (_, IntLiteral { Value: 1 }) => a,
        (IntLiteral { Value: 0 }, _) or (_, IntLiteral { Value: 0 }) => Zero,
        (_, IntLiteral { Value: -1 }) => Negate(a),
        _ => new Binary(BinaryOp.Multiply, a, b),
    };

    /// <summary>C#'s truncating division by a positive number; at infinity it stays there.</summary>
    public static Expr Divide(Expr a, Expr b) => (a, b) switch
    {
        (IntLiteral { Value: >= Infinity or <= -Infinity }, _) => a,
        (IntLiteral x, IntLiteral { Value: > 0 } y) => Int(x.Value / y.Value),
        (_, IntLiteral { Value: 1 }) => a,
        _ => new Binary(BinaryOp.Divide, a, b),
    };

    public static Expr Remainder(Expr a, Expr b) => (a, b) switch
    {
        (IntLiteral x, IntLiteral { Value: > 0 } y) => Int(x.Value % y.Value),
        _ => new Binary(BinaryOp.Remainder, a, b),
    };

    public static Expr BitAnd(Expr a, Expr b) => (a, b) switch
    {
        (IntLiteral x, IntLiteral y) => Int(x.Value & y.Value),
        _ => new Binary(BinaryOp.BitAnd, a, b),
    };

    public static Expr Bitwise(BinaryOp op, Expr a, Expr b) => (op, a, b) switch
    {
        (BinaryOp.BitOr, IntLiteral x, IntLiteral y) => Int(x.Value | y.Value),
        (BinaryOp.BitXor, IntLiteral x, IntLiteral y) => Int(x.Value ^ y.Value),
        _ => new Binary(op, a, b),
    };

    public static Expr ShiftRight(Expr a, Expr b) => (a, b) switch
    {
        (IntLiteral { Value: >= Infinity or <= -Infinity }, _) => a,
        (IntLiteral x, IntLiteral y) => Int(x.Value >> (int)y.Value),
        (_, IntLiteral { Value: 0 }) => a,
        _ => new Binary(BinaryOp.ShiftRight, a, b),
    };

    public static Expr Min(Expr a, Expr b) => MinMax(BinaryOp.Min, a, b);

    public static Expr Max(Expr a, Expr b) => MinMax(BinaryOp.Max, a, b);

    public static Expr And(Expr a, Expr b) => (a, b) switch
    {
        (BoolLiteral x, _) => x.Value ? b : False,
        (_, BoolLiteral y) => y.Value ? a : False,
        _ when a.Equals(b) => a,
        _ => new Binary(BinaryOp.And, a, b),
    };

    public static Expr Or(Expr a, Expr b) => (a, b) switch
    {
        (BoolLiteral x, _) => x.Value ? True : b,
        (_, BoolLiteral y) => y.Value ? True : a,
        _ when a.Equals(b) => a,
        _ => new Binary(BinaryOp.Or, a, b),
    };

    public static Expr Xor(Expr a, Expr b) => (a, b) switch
    {
        (BoolLiteral x, _) => x.Value ? Not(b) : b,
        (_, BoolLiteral y) => y.Value ? Not(a) : a,
        _ => new Binary(BinaryOp.Xor, a, b),
    };

    public static Expr Not(Expr a) => a switch
    {
        BoolLiteral x => Bool(!x.Value),
        Unary { Op: UnaryOp.Not } n => n.Operand,
        Binary { Op: >= BinaryOp.Less and <= BinaryOp.NotEqual, Left.Type: ExprType.Int } c => c with { Op = Opposite(c.Op) },
        _ => new Unary(UnaryOp.Not, a),
    };

    public static Expr Compare(BinaryOp op, Expr a, Expr b) => (a, b) switch
    {
        (IntLiteral x, IntLiteral y) => Bool(Holds(op, x.Value, y.Value)),
        _ when a.Equals(b) => Bool(Holds(op, 0, 0)),
        _ => new Binary(op, a, b),
    };

    public static Expr Select(Expr condition, Expr whenTrue, Expr whenFalse) => (condition, whenTrue, whenFalse) switch
    {
        (BoolLiteral c, _, _) => c.Value ? whenTrue : whenFalse,
        (_, BoolLiteral x, BoolLiteral y) when x.Value == y.Value => x,
        (_, BoolLiteral x, _) => x.Value ? Or(condition, whenFalse) : And(Not(condition), whenFalse),
        (_, _, BoolLiteral y) => y.Value ? Or(Not(condition), whenTrue) : And(condition, whenTrue),
        _ when whenTrue.Equals(whenFalse) => whenTrue,
        _ => new Conditional(condition, whenTrue, whenFalse),
    };

    /// <summary>The comparison that holds exactly where this one does not.</summary>
    public static BinaryOp Opposite(BinaryOp op) => op switch
    {
        BinaryOp.Less => BinaryOp.GreaterOrEqual,
        BinaryOp.LessOrEqual => BinaryOp.Greater,
        BinaryOp.Greater => BinaryOp.LessOrEqual,
        BinaryOp.GreaterOrEqual => BinaryOp.Less,
        BinaryOp.Equal => BinaryOp.NotEqual,
        BinaryOp.NotEqual => BinaryOp.Equal,
        _ => throw new ArgumentOutOfRangeException(nameof(op), op, "not a comparison"),
    };

    private static bool Holds(BinaryOp op, long x, long y) => op switch
    {
        BinaryOp.Less => x < y,
        BinaryOp.LessOrEqual => x <= y,
        BinaryOp.Greater => x > y,
        BinaryOp.GreaterOrEqual => x >= y,
        BinaryOp.Equal => x == y,
        BinaryOp.NotEqual => x != y,
        _ => throw new ArgumentOutOfRangeException(nameof(op), op, "not a comparison"),
    };

    private static Expr MinMax(BinaryOp op, Expr a, Expr b)
    {
        bool isMin = op == BinaryOp.Min;
        if (IsInt(a, out long x) && IsInt(b, out long y))
        {
            return Int(isMin ? Math.Min(x, y) : Math.Max(x, y));
        }

        // An infinite bound is no bound, and a bound that is there already adds nothing.
        if (IsInt(a, out x) && Math.Abs(x) >= Infinity)
        {
            return x > 0 == isMin ? b : a;
        }

        if (IsInt(b, out y) && Math.Abs(y) >= Infinity)
        {
            return y > 0 == isMin ? a : b;
        }

        // max(a, min(a, b)) is a.
        BinaryOp dual = isMin ? BinaryOp.Max : BinaryOp.Min;
        return Contains(op, a, b) || Contains(dual, b, a) ? a : Contains(op, b, a) || Contains(dual, a, b) ? b : new Binary(op, a, b);
    }

    private static bool Contains(BinaryOp op, Expr chain, Expr part) =>
        chain.Equals(part) || (chain is Binary b && b.Op == op && (Contains(op, b.Left, part) || Contains(op, b.Right, part)));

    // Two numbers within infinity add up within long.
    private static long Saturate(long value) => Math.Max(-Infinity, Math.Min(Infinity, value));

    private static long Product(long x, long y)
    {
        if (x != 0 && Math.Abs(y) > Infinity / Math.Abs(x))
        {
            return (x < 0) == (y < 0) ? Infinity : -Infinity;
        }

        return x * y;
    }
}
