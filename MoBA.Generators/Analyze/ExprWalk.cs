using MoBA.Generators.Model;

namespace MoBA.Generators.Analyze;

/// <summary>Visits the nodes of an expression.</summary>
internal static class ExprWalk
{
    public static IEnumerable<Expr> Children(Expr e) => e switch
    {
        Lookup l => [l.Index],
        Unary u => [u.Operand],
        Binary b => [b.Left, b.Right],
        Conditional c => [c.Condition, c.WhenTrue, c.WhenFalse],
        FloatCall f => f.Arguments,
        TableBound t => [t.Low, t.High],
        InvariantDivision d => [d.Dividend],
        ColumnsBefore c => [.. c.Plus, .. c.Minus],
        _ => [],
    };

    /// <summary>Every node, children before parents.</summary>
    public static IReadOnlyList<Expr> All(Expr e)
    {
        List<Expr> nodes = [];
        Add(e);
        return nodes;

        void Add(Expr node)
        {
            foreach (Expr child in Children(node))
            {
                Add(child);
            }

            nodes.Add(node);
        }
    }

    public static bool Any(Expr e, Func<Expr, bool> test) => test(e) || Children(e).Any(c => Any(c, test));

    public static bool Mentions(Expr e, Variable variable) => Any(e, n => n is VariableRef v && v.Variable == variable);

    /// <summary>The expression with some nodes replaced, folded again from there up.</summary>
    public static Expr Replace(Expr e, Func<Expr, Expr?> replacement)
    {
        if (replacement(e) is { } other)
        {
            return other;
        }

        return e switch
        {
            Lookup l => l with { Index = Replace(l.Index, replacement) },
            Unary { Op: UnaryOp.Not } u => Fold.Not(Replace(u.Operand, replacement)),
            Unary u => u with { Operand = Replace(u.Operand, replacement) },
            Binary b => b with { Left = Replace(b.Left, replacement), Right = Replace(b.Right, replacement) },
            Conditional c => Fold.Select(
                Replace(c.Condition, replacement), Replace(c.WhenTrue, replacement), Replace(c.WhenFalse, replacement)),
            InvariantDivision d => d with { Dividend = Replace(d.Dividend, replacement) },
            FloatCall f => f with { Arguments = new EquatableArray<Expr>(f.Arguments.Select(a => Replace(a, replacement))) },
            _ => e,
        };
    }
}
