using MoBA.Generators.Analyze;
using MoBA.Generators.Model;

namespace MoBA.Generators.Plan;

/// <summary>
/// A predicate as a word of bits, one for each of a thread's columns of a key tile: every comparison that is linear in k is a run of
/// ones or its complement, and what does not mention k is all ones or none. The machine turns a byte of bits into predicates in one
/// instruction, where it needs several for a pair.
/// </summary>
internal static class KeyColumns
{
    // Beyond this many runs it costs no less than to ask for every pair.
    private const int MostRuns = 6;

    /// <summary>The bits of a predicate; null where it compares k otherwise, or too often.</summary>
    /// <param name="mask">The predicate, with what depends on its query or on its key alone taken out.</param>
    public static Expr? Of(Expr mask) =>
        OfCondition(mask) is { } bits && ExprWalk.All(bits).OfType<ColumnsBefore>().Count() is > 0 and <= MostRuns ? bits : null;

    private static Expr? OfCondition(Expr e) => e switch
    {
        _ when !MentionsKey(e) => Choose(e, new IntLiteral(-1), new IntLiteral(0)),
        Unary { Op: UnaryOp.Not } not => Map(OfCondition(not.Operand), Complement),
        Binary { Op: BinaryOp.And } and => Both(BinaryOp.BitAnd, OfCondition(and.Left), OfCondition(and.Right)),
        Binary { Op: BinaryOp.Or } or => Both(BinaryOp.BitOr, OfCondition(or.Left), OfCondition(or.Right)),
        Binary { Op: BinaryOp.Xor } xor => Both(BinaryOp.BitXor, OfCondition(xor.Left), OfCondition(xor.Right)),
        Binary { Op: >= BinaryOp.Less and <= BinaryOp.NotEqual, Left.Type: ExprType.Int } comparison => OfComparison(comparison.Op, comparison.Left, comparison.Right),
        Conditional choice when !MentionsKey(choice.Condition) =>
            Map(OfCondition(choice.WhenTrue), x => Map(OfCondition(choice.WhenFalse), y => Choose(choice.Condition, x, y))),
        _ => null,
    };

    private static Expr? OfComparison(BinaryOp op, Expr left, Expr right) => (left, right) switch
    {
        (Unary { Op: UnaryOp.Abs } size, _) when !MentionsKey(right) => OfSize(op, size.Operand, right),
        (_, Unary { Op: UnaryOp.Abs } size) when !MentionsKey(left) => OfSize(Mirrored(op), size.Operand, left),
        _ => OfLinear(op, left, right),
    };

    // |x| op limit.
    private static Expr? OfSize(BinaryOp op, Expr x, Expr limit)
    {
        Expr below = new Unary(UnaryOp.Negate, limit);
        return op switch
        {
            BinaryOp.Less => Both(BinaryOp.BitAnd, OfLinear(op, x, limit), OfLinear(BinaryOp.Greater, x, below)),
            BinaryOp.LessOrEqual => Both(BinaryOp.BitAnd, OfLinear(op, x, limit), OfLinear(BinaryOp.GreaterOrEqual, x, below)),
            BinaryOp.Greater or BinaryOp.GreaterOrEqual => Map(OfSize(op == BinaryOp.Greater ? BinaryOp.LessOrEqual : BinaryOp.Less, x, limit), Complement),
            _ => null,
        };
    }

    // left - right is the sum of the terms and k, or less k: k op limit.
    private static Expr? OfLinear(BinaryOp op, Expr left, Expr right)
    {
        Sum sum = new();
        if (!sum.Add(left, 1) || !sum.Add(right, -1) || sum.Keys is not (1 or -1))
            return null;
        if (sum.Keys < 0)
            op = Mirrored(op);
        ColumnsBefore limit = sum.Limit(0), next = sum.Limit(1);
        return op switch
        {
            BinaryOp.Less => limit,
            BinaryOp.LessOrEqual => next,
            BinaryOp.Greater => Complement(next),
            BinaryOp.GreaterOrEqual => Complement(limit),
            BinaryOp.Equal => Both(BinaryOp.BitAnd, next, Complement(limit)),
            _ => Both(BinaryOp.BitOr, limit, Complement(next)),
        };
    }

    private static BinaryOp Mirrored(BinaryOp op) => op switch
    {
        BinaryOp.Less => BinaryOp.Greater,
        BinaryOp.LessOrEqual => BinaryOp.GreaterOrEqual,
        BinaryOp.Greater => BinaryOp.Less,
        BinaryOp.GreaterOrEqual => BinaryOp.LessOrEqual,
        _ => op,
    };

    private static bool MentionsKey(Expr e) => ExprWalk.Any(e, static n => n is VariableRef { Variable: Variable.Key } || (n is LocalRef local && PairPlanner.IsOfKey(local)));

    private static Expr Complement(Expr e) => new Unary(UnaryOp.Complement, e);

    private static Expr Choose(Expr condition, Expr whenTrue, Expr whenFalse) =>
        condition is BoolLiteral literal ? literal.Value ? whenTrue : whenFalse : new Conditional(condition, whenTrue, whenFalse);

    private static Expr? Both(BinaryOp op, Expr? a, Expr? b) => a is null || b is null ? null : new Binary(op, a, b);

    private static Expr? Map(Expr? e, Func<Expr, Expr?> map) => e is null ? null : map(e);

    /// <summary>A sum of terms, a constant and so many k.</summary>
    private sealed class Sum
    {
        private readonly List<Expr> _plus = [];
        private readonly List<Expr> _minus = [];
        private long _constant;

        public int Keys { get; private set; }

        /// <summary>Adds a sum; false where k is in it otherwise than as a term.</summary>
        public bool Add(Expr e, int sign)
        {
            switch (e)
            {
                case VariableRef { Variable: Variable.Key }:
                    Keys += sign;
                    return true;
                case IntLiteral literal:
                    _constant += sign * literal.Value;
                    return true;
                case Unary { Op: UnaryOp.Negate } negated:
                    return Add(negated.Operand, -sign);
                case Binary { Op: BinaryOp.Add } sum:
                    return Add(sum.Left, sign) && Add(sum.Right, sign);
                case Binary { Op: BinaryOp.Subtract } difference:
                    return Add(difference.Left, sign) && Add(difference.Right, -sign);
                default:
                    (sign > 0 ? _plus : _minus).Add(e);
                    return !MentionsKey(e);
            }
        }

        /// <summary>What k equals where the sum is 0, and so many more.</summary>
        public ColumnsBefore Limit(long more) => Keys < 0
            ? new(new(_plus), new(_minus), _constant + more)
            : new(new(_minus), new(_plus), more - _constant);
    }
}
