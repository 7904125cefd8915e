using MoBA.Generators.Model;

namespace MoBA.Generators.Analyze;

/// <summary>
/// A sum of integer multiples of atoms. A comparison whose sides share a variable is rewritten through it, so that
/// <c>q - k &lt; q</c> becomes <c>0 &lt; k</c>: interval arithmetic alone would treat the two q as strangers.
/// </summary>
internal sealed class LinearForm
{
    // Sums of more than this many values of an int, or factors beyond it, are left alone: their bounds could leave 64 bits.
    private const long MostWeight = 1 << 29;

    private readonly List<(Expr Atom, long Factor)> _terms = [];
    private long _constant;
    private bool _isHuge;

    /// <summary><paramref name="e"/> with every comparison of correlated sides rewritten; equal to it wherever nothing overflows.</summary>
    public static Expr Normalize(Expr e) => e switch
    {
        Binary { Op: >= BinaryOp.Less and <= BinaryOp.NotEqual, Left.Type: ExprType.Int } c =>
            NormalizeComparison(c with { Left = NormalizeSums(c.Left), Right = NormalizeSums(c.Right) }),
        Binary { Type: ExprType.Bool } b => Rebuild(b),
        Unary { Op: UnaryOp.Not } n => Fold.Not(Normalize(n.Operand)),
        Conditional { Type: ExprType.Bool } c =>
            Fold.Select(Normalize(c.Condition), Normalize(c.WhenTrue), Normalize(c.WhenFalse)),
        _ => e,
    };

    /// <summary>Sums inside other operators, as in <c>(q - (q - d)) % 4</c>: those that mention an atom twice are rewritten too.</summary>
    private static Expr NormalizeSums(Expr e) => e switch
    {
        Binary { Op: BinaryOp.Add or BinaryOp.Subtract or BinaryOp.Multiply } or Unary { Op: UnaryOp.Negate } => NormalizeSum(e),
        Binary { Op: BinaryOp.Divide or BinaryOp.Remainder, Type: ExprType.Int } b => b with { Left = NormalizeSums(b.Left) },
        Binary { Type: ExprType.Int } b => b with { Left = NormalizeSums(b.Left), Right = NormalizeSums(b.Right) },
        Unary { Op: UnaryOp.Abs or UnaryOp.Complement } u => u with { Operand = NormalizeSums(u.Operand) },
        Lookup l => l with { Index = NormalizeSums(l.Index) },
        Conditional { Type: ExprType.Int } c =>
            Fold.Select(Normalize(c.Condition), NormalizeSums(c.WhenTrue), NormalizeSums(c.WhenFalse)),
        _ => e,
    };

    private static Expr NormalizeSum(Expr e)
    {
        e = e switch
        {
            Binary b => b with { Left = NormalizeSums(b.Left), Right = NormalizeSums(b.Right) },
            Unary u => u with { Operand = NormalizeSums(u.Operand) },
            _ => e,
        };
        Dictionary<Expr, int> uses = [];
        Count(e, uses);
        if (uses.Values.All(static n => n < 2))
        {
            return e;
        }

        LinearForm form = new();
        form.Collect(e, 1);
        if (form.IsHuge)
        {
            return e;
        }

        (Expr plus, Expr minus) = form.Sides();
        return Fold.Subtract(plus, minus);
    }

    private static Expr Rebuild(Binary b) => b.Op switch
    {
        BinaryOp.And => Fold.And(Normalize(b.Left), Normalize(b.Right)),
        BinaryOp.Or => Fold.Or(Normalize(b.Left), Normalize(b.Right)),
        _ => Fold.Xor(Normalize(b.Left), Normalize(b.Right)),
    };

    private static Expr NormalizeComparison(Binary c)
    {
        if (c.Left.Equals(c.Right))
        {
            return Fold.Compare(c.Op, c.Left, c.Right);
        }

        Dictionary<Expr, int> uses = [];
        Count(c.Left, uses);
        Count(c.Right, uses);
        if (uses.Values.All(static n => n < 2))
        {
            return c;
        }

        LinearForm form = new();
        form.Collect(c.Left, 1);
        form.Collect(c.Right, -1);
        return form.IsHuge ? c : form.Compare(c.Op);
    }

    /// <summary>How often each atom stands in the sum that <paramref name="e"/> is.</summary>
    private static void Count(Expr e, Dictionary<Expr, int> uses)
    {
        switch (e)
        {
            case Binary { Op: BinaryOp.Add or BinaryOp.Subtract } b:
                Count(b.Left, uses);
                Count(b.Right, uses);
                break;
            case Binary { Op: BinaryOp.Multiply, Left: IntLiteral } m:
                Count(m.Right, uses);
                break;
            case Binary { Op: BinaryOp.Multiply, Right: IntLiteral } m:
                Count(m.Left, uses);
                break;
            case Unary { Op: UnaryOp.Negate } n:
                Count(n.Operand, uses);
                break;
            case IntLiteral:
                break;
            default:
                uses[e] = uses.TryGetValue(e, out int n2) ? n2 + 1 : 1;
                break;
        }
    }

    private bool IsHuge => _isHuge || Math.Abs(_constant) > MostWeight << 31 || _terms.Sum(static t => Math.Abs(t.Factor)) > MostWeight;

    private void Collect(Expr e, long factor)
    {
        _isHuge |= Math.Abs(factor) > MostWeight || Math.Abs(_constant) > MostWeight << 31;
        if (_isHuge)
        {
            return;
        }

        switch (e)
        {
            case IntLiteral c:
                _constant += factor * c.Value;
                break;
            case Binary { Op: BinaryOp.Add } b:
                Collect(b.Left, factor);
                Collect(b.Right, factor);
                break;
            case Binary { Op: BinaryOp.Subtract } b:
                Collect(b.Left, factor);
                Collect(b.Right, -factor);
                break;
            case Binary { Op: BinaryOp.Multiply, Left: IntLiteral c } m:
                Collect(m.Right, factor * c.Value);
                break;
            case Binary { Op: BinaryOp.Multiply, Right: IntLiteral c } m:
                Collect(m.Left, factor * c.Value);
                break;
            case Unary { Op: UnaryOp.Negate } n:
                Collect(n.Operand, -factor);
                break;
            default:
                int i = _terms.FindIndex(t => t.Atom.Equals(e));
                if (i >= 0)
                {
                    _terms[i] = (e, _terms[i].Factor + factor);
                }
                else
                {
                    _terms.Add((e, factor));
                }

                break;
        }
    }

    /// <summary>The form compared with zero: positive terms left, negative ones right.</summary>
    private Expr Compare(BinaryOp op)
    {
        (Expr left, Expr right) = Sides();
        return Fold.Compare(op, left, right);
    }

    /// <summary>Positive terms and the constant, and negative terms.</summary>
    private (Expr Plus, Expr Minus) Sides()
    {
        Expr left = Fold.Zero;
        Expr right = Fold.Zero;
        foreach ((Expr atom, long factor) in _terms)
        {
            if (factor > 0)
            {
                left = Fold.Add(left, Fold.Multiply(atom, Fold.Int(factor)));
            }
            else if (factor < 0)
            {
                right = Fold.Add(right, Fold.Multiply(atom, Fold.Int(-factor)));
            }
        }

        return (Fold.Add(left, Fold.Int(_constant)), right);
    }
}
