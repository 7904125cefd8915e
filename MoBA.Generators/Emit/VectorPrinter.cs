using MoBA.Generators.Analyze;
using MoBA.Generators.Model;

namespace MoBA.Generators.Emit;

/// <summary>
/// Prints an expression for sixteen keys at once: what depends on the key (or the score) is a <c>Vector512</c>, booleans are
/// lanes of all ones, and everything else is computed once and broadcast.
/// </summary>
/// <param name="scalar">Prints what is broadcast.</param>
/// <param name="perKey">Names of values that were computed for every key of the tile.</param>
internal sealed class VectorPrinter(CSharpPrinter scalar, IEnumerable<string> perKey)
{
    private const string Vector = "Vector512";

    private readonly HashSet<string> _perKey = [.. perKey];

    /// <summary>A predicate or score, one alternative or condition a line.</summary>
    /// <param name="e">The expression.</param>
    /// <param name="indent">Indentation of the lines after the first.</param>
    public string PrintLines(Expr e, string indent)
    {
        if (e is not Binary { Op: BinaryOp.And or BinaryOp.Or } root || !IsVector(e))
        {
            return Print(e);
        }

        return string.Join($"\n{indent}{(root.Op == BinaryOp.And ? "&" : "|")} ", Chain(e).Select(Operand));

        IEnumerable<Expr> Chain(Expr part) => part is Binary b && b.Op == root.Op ? Chain(b.Left).Concat(Chain(b.Right)) : [part];
    }

    public string Print(Expr e)
    {
        if (!IsVector(e))
        {
            return e.Type == ExprType.Bool ? $"VectorMath.Mask({scalar.Print(e)})" : $"{Vector}.Create({scalar.Print(e)})";
        }

        return e switch
        {
            VariableRef { Variable: Variable.Key } => "k",
            VariableRef => "score",
            LocalRef l => $"{l.Name}[column / 16]",
            Lookup l => $"{Names.Field(l.Table)}.Gather({Print(l.Index)})",
            Unary u => PrintUnary(u),
            Binary b => PrintBinary(b),
            Conditional c => PrintConditional(c),
            FloatCall f => $"VectorMath.{f.Function}({string.Join(", ", f.Arguments.Select(Print))})",
            _ => throw new ArgumentException($"no vector code for {e.GetType().Name}"),
        };
    }

    /// <summary>Whether an expression has one value a key, rather than one a row.</summary>
    private bool IsVector(Expr e) => ExprWalk.Any(
        e, n => n is VariableRef { Variable: Variable.Key or Variable.Score } || (n is LocalRef l && _perKey.Contains(l.Name)));

    private string PrintUnary(Unary u) => u.Op switch
    {
        UnaryOp.Negate => $"-{Operand(u.Operand)}",
        UnaryOp.Complement or UnaryOp.Not => $"~{Operand(u.Operand)}",
        UnaryOp.Abs => $"{Vector}.Abs({Print(u.Operand)})",
        _ => $"{Vector}.ConvertToSingle({Print(u.Operand)})",
    };

    private string PrintBinary(Binary b) => b.Op switch
    {
        BinaryOp.Add => $"{Operand(b.Left)} + {Operand(b.Right)}",
        BinaryOp.Subtract => $"{Operand(b.Left)} - {Operand(b.Right)}",
        BinaryOp.Multiply => $"{Operand(b.Left)} * {Operand(b.Right)}",
        BinaryOp.Divide when b.Type == ExprType.Float => $"{Operand(b.Left)} / {Operand(b.Right)}",
        BinaryOp.Divide => $"VectorMath.Divide({Print(b.Left)}, {scalar.Print(b.Right)})",
        BinaryOp.Remainder => $"VectorMath.Remainder({Print(b.Left)}, {scalar.Print(b.Right)})",
        BinaryOp.BitAnd or BinaryOp.And => $"{Operand(b.Left)} & {Operand(b.Right)}",
        BinaryOp.BitOr or BinaryOp.Or => $"{Operand(b.Left)} | {Operand(b.Right)}",
        BinaryOp.BitXor or BinaryOp.Xor => $"{Operand(b.Left)} ^ {Operand(b.Right)}",
        BinaryOp.ShiftLeft => $"{Operand(b.Left)} << {scalar.Print(b.Right)}",
        BinaryOp.ShiftRight => $"{Operand(b.Left)} >> {scalar.Print(b.Right)}",
        BinaryOp.Min or BinaryOp.Max => $"{Vector}.{b.Op}({Print(b.Left)}, {Print(b.Right)})",
        BinaryOp.NotEqual => $"~{Compare("Equals", b)}",
        BinaryOp.Less => Compare("LessThan", b),
        BinaryOp.LessOrEqual => Compare("LessThanOrEqual", b),
        BinaryOp.Greater => Compare("GreaterThan", b),
        BinaryOp.GreaterOrEqual => Compare("GreaterThanOrEqual", b),
        _ => Compare("Equals", b),
    };

    private string Compare(string name, Binary b) =>
        $"{Vector}.{name}({Print(b.Left)}, {Print(b.Right)}){(b.Left.Type == ExprType.Float ? ".AsInt32()" : "")}";

    private string PrintConditional(Conditional c)
    {
        string mask = c.Type == ExprType.Float ? $"{Operand(c.Condition)}.AsSingle()" : Print(c.Condition);
        return $"{Vector}.ConditionalSelect({mask}, {Print(c.WhenTrue)}, {Print(c.WhenFalse)})";
    }

    /// <summary>An operand of an infix operator: parenthesised wherever it is infix itself.</summary>
    private string Operand(Expr e)
    {
        bool isInfix = IsVector(e)
            && e is Binary { Op: not (BinaryOp.Min or BinaryOp.Max) and (< BinaryOp.Less or > BinaryOp.NotEqual) } or Unary { Op: UnaryOp.Negate };
        return isInfix ? $"({Print(e)})" : Print(e);
    }
}
