using System.Globalization;
using Microsoft.CodeAnalysis.CSharp;
using MoBA.Generators.Analyze;
using MoBA.Generators.Model;

namespace MoBA.Generators.Emit;

/// <summary>How the leaves of an expression and the operators that targets disagree on are spelled.</summary>
internal abstract class Dialect
{
    public virtual string Variable(Variable variable) => variable switch
    {
        Model.Variable.Query => "q",
        Model.Variable.Key => "k",
        Model.Variable.Head => "head",
        Model.Variable.Heads => "heads",
        Model.Variable.Score => "score",
        Model.Variable.FirstQuery => "q0",
        Model.Variable.LastQuery => "q1",
        Model.Variable.FirstKey => "k0",
        Model.Variable.LastKey => "k1",
        _ => "distance",
    };

    public abstract string Parameter(string path);

    /// <summary>A bool parameter.</summary>
    public virtual string Flag(string path) => Parameter(path);

    public abstract string Table(string path);

    /// <summary>A function of two or more integers or floats.</summary>
    public virtual string Function(string name, ExprType type) => type == ExprType.Float ? $"float.{name}" : $"Math.{name}";

    /// <summary>A value that has a name.</summary>
    public virtual string Local(string name) => name;

    /// <summary>Whether conditions are evaluated whole, and choices made by <see cref="Function"/> <c>Select</c>.</summary>
    public virtual bool IsBranchFree => false;

    /// <summary>A function that divides floats; null is the operator.</summary>
    public virtual string? FloatDivision => null;

    /// <summary>C#'s truncating division and remainder, for targets that get them wrong; null is the operator.</summary>
    public virtual string? Division(BinaryOp op, Expr divisor) => null;
}

/// <summary>The author's own spelling, for comments and <c>Info</c>.</summary>
internal sealed class AuthorDialect : Dialect
{
    public override string Parameter(string path) => path;

    public override string Table(string path) => path;
}

/// <summary>Members of the expert itself, in a class whose usings are the author's.</summary>
internal sealed class ExpertDialect : Dialect
{
    public override string Parameter(string path) => $"this.{Names.Access(path)}";

    public override string Table(string path) => Parameter(path);

    public override string Function(string name, ExprType type) => $"global::System.Math.{name}";
}

/// <summary>Members of the bound CPU kernel.</summary>
internal sealed class CpuDialect : Dialect
{
    public override string Parameter(string path) => Names.Field(path);

    public override string Table(string path) => Names.Field(path);
}

/// <summary>Prints expressions as C#, with no more parentheses than a reader needs. The culture never matters.</summary>
/// <param name="dialect">How leaves are spelled.</param>
/// <param name="inBounds">The expressions are bounds, which are computed in 64 bits: parameters alone get a cast.</param>
internal sealed class CSharpPrinter(Dialect dialect, bool inBounds = false)
{
    private enum Level
    {
        Conditional,
        Or,
        And,
        BitOr,
        BitXor,
        BitAnd,
        Equality,
        Relational,
        Shift,
        Additive,
        Multiplicative,
        Unary,
        Primary,
    }

    public string Print(Expr e) => Print(e, Level.Conditional);

    /// <summary>An argument of an operator that is written around it, such as a cast.</summary>
    public string PrintOperand(Expr e) => Print(e, Level.Unary);

    private string Print(Expr e, Level context)
    {
        (string text, Level level) = Format(e);
        return level < context ? $"({text})" : text;
    }

    private (string Text, Level Level) Format(Expr e) => e switch
    {
        IntLiteral i => (Number(i.Value), i.Value < 0 ? Level.Unary : Level.Primary),
        BoolLiteral b => (b.Value ? "true" : "false", Level.Primary),
        FloatLiteral f => (Number(f.Value), f.Value < 0 ? Level.Unary : Level.Primary),
        VariableRef v => (dialect.Variable(v.Variable), Level.Primary),
        ParameterRef p => (p.Type == ExprType.Bool ? dialect.Flag(p.Path) : dialect.Parameter(p.Path), Level.Primary),
        LocalRef l => (dialect.Local(l.Name), Level.Primary),
        Lookup l => ($"{dialect.Table(l.Table)}[{Print(l.Index)}]", Level.Primary),
        TableBound { Query: TableQuery.Min or TableQuery.Max } t =>
            ($"{dialect.Table(t.Table)}.{t.Query}({Print(t.Low)}, {Print(t.High)})", Level.Primary),
        TableBound t => ($"{dialect.Table(t.Table)}.{t.Query}({Print(t.Low)})", Level.Primary),
        InvariantDivision d => ($"{d.Divisor}.{d.Function}({Print(d.Dividend)})", Level.Primary),
        ColumnsBefore c => ($"CudaColumns.Before({FormatLimit(c)}, firstKey)", Level.Primary),
        Unary u => FormatUnary(u),
        Binary { Op: BinaryOp.Min or BinaryOp.Max } b => (Call(b.Op.ToString(), b.Type, b.Left, b.Right), Level.Primary),
        Binary b => FormatBinary(b),
        Conditional { Type: ExprType.Bool } c when dialect.IsBranchFree => Format(Chosen(c)),
        Conditional c when dialect.IsBranchFree => (Call("Select", ExprType.Float, c.Condition, c.WhenTrue, c.WhenFalse), Level.Primary),
        Conditional c => ($"{Print(c.Condition, Level.Or)} ? {Print(c.WhenTrue, Level.Or)} : {Print(c.WhenFalse, Level.Conditional)}", Level.Conditional),
        FloatCall f => (Call(f.Function, ExprType.Float, [.. f.Arguments]), Level.Primary),
        _ => throw new ArgumentException($"no C# for {e.GetType().Name}"),
    };

    // From a long on, every sum is one.
    private string FormatLimit(ColumnsBefore c) => string.Concat(
        [c.Constant.ToString(CultureInfo.InvariantCulture), "L", .. c.Plus.Select(e => $" + {Print(e, Level.Multiplicative)}"), .. c.Minus.Select(e => $" - {Print(e, Level.Multiplicative)}")]);

    private (string Text, Level Level) FormatUnary(Unary u) => u.Op switch
    {
        // Bounds are 64-bit: the negative of the least int is no int.
        UnaryOp.Negate when inBounds && u.Type == ExprType.Int && !IsWide(u.Operand) => ($"-(long){Print(u.Operand, Level.Unary)}", Level.Unary),
        UnaryOp.Negate => ($"-{PrintNegated(u.Operand)}", Level.Unary),
        UnaryOp.Complement => ($"~{Print(u.Operand, Level.Unary)}", Level.Unary),
        UnaryOp.Not => ($"!{Print(u.Operand, Level.Unary)}", Level.Unary),
        UnaryOp.Abs => (Call("Abs", u.Type, u.Operand), Level.Primary),
        _ => ($"(float){Print(u.Operand, Level.Unary)}", Level.Unary),
    };

    /// <summary>- of a negative number must not read as --.</summary>
    private string PrintNegated(Expr operand)
    {
        string text = Print(operand, Level.Unary);
        return text.StartsWith("-", StringComparison.Ordinal) ? $"({text})" : text;
    }

    /// <summary>A condition that is chosen by another, without a choice.</summary>
    private static Binary Chosen(Conditional c) => new(
        BinaryOp.Or,
        new Binary(BinaryOp.And, c.Condition, c.WhenTrue),
        new Binary(BinaryOp.And, Fold.Not(c.Condition), c.WhenFalse));

    private (string Text, Level Level) FormatBinary(Binary b)
    {
        if (b is { Op: BinaryOp.Divide, Type: ExprType.Float } && dialect.FloatDivision is { } divide)
        {
            return ($"{divide}({Print(b.Left)}, {Print(b.Right)})", Level.Primary);
        }

        if (b.Left.Type == ExprType.Bool && dialect.IsBranchFree)
        {
            return FormatCondition(b);
        }

        if (b.Op is BinaryOp.Divide or BinaryOp.Remainder && b.Type == ExprType.Int && dialect.Division(b.Op, b.Right) is { } function)
        {
            return ($"{function}({Print(b.Left)}, {Print(b.Right)})", Level.Primary);
        }

        (string op, Level level) = b.Op switch
        {
            BinaryOp.Add => ("+", Level.Additive),
            BinaryOp.Subtract => ("-", Level.Additive),
            BinaryOp.Multiply => ("*", Level.Multiplicative),
            BinaryOp.Divide => ("/", Level.Multiplicative),
            BinaryOp.Remainder => ("%", Level.Multiplicative),
            BinaryOp.BitAnd => ("&", Level.BitAnd),
            BinaryOp.BitOr => ("|", Level.BitOr),
            BinaryOp.BitXor or BinaryOp.Xor => ("^", Level.BitXor),
            BinaryOp.ShiftLeft => ("<<", Level.Shift),
            BinaryOp.ShiftRight => (">>", Level.Shift),
            BinaryOp.Less => ("<", Level.Relational),
            BinaryOp.LessOrEqual => ("<=", Level.Relational),
            BinaryOp.Greater => (">", Level.Relational),
            BinaryOp.GreaterOrEqual => (">=", Level.Relational),
            BinaryOp.Equal => ("==", Level.Equality),
            BinaryOp.NotEqual => ("!=", Level.Equality),
            BinaryOp.And => ("&&", Level.And),
            _ => ("||", Level.Or),
        };

        if (b.Type == ExprType.Int && b.Op < BinaryOp.Divide && inBounds && !IsWide(b.Left) && !IsWide(b.Right))
        {
            return ($"(long){Print(b.Left, Level.Unary)} {op} {PrintPart(b.Right, b.Op, level + 1)}", level);
        }

        // Right operands of the same level need parentheses: a - (b - c). Nobody should have to know && from ||, or & from ==.
        Level left = level is Level.Relational or Level.Equality or Level.BitAnd or Level.BitOr or Level.BitXor or Level.Shift ? level + 1 : level;
        bool isAssociative = b.Op is BinaryOp.And or BinaryOp.Or && b.Right is Binary r && r.Op == b.Op;
        return ($"{PrintPart(b.Left, b.Op, left)} {op} {PrintPart(b.Right, b.Op, isAssociative ? level : level + 1)}", level);
    }

    /// <summary>Conditions joined without a branch: comparisons in parentheses, chains without.</summary>
    private (string Text, Level Level) FormatCondition(Binary b)
    {
        (string op, Level level) = b.Op switch
        {
            BinaryOp.And => ("&", Level.BitAnd),
            BinaryOp.Or => ("|", Level.BitOr),
            _ => ("^", Level.BitXor),
        };
        string text = $"{Part(b.Left)} {op} {Part(b.Right)}";
        return b.Op == BinaryOp.Equal ? ($"!({text})", Level.Unary) : (text, level);

        string Part(Expr e)
        {
            bool isChained = b.Op is BinaryOp.And or BinaryOp.Or && e is Binary inner && inner.Op == b.Op;
            return isChained ? Print(e) : Print(e, Level.Unary);
        }
    }

    private string PrintPart(Expr e, BinaryOp parent, Level context) => (parent, e) switch
    {
        (BinaryOp.Or, Binary { Op: BinaryOp.And }) => $"({Print(e)})",
        (BinaryOp.BitAnd or BinaryOp.BitOr or BinaryOp.BitXor or BinaryOp.ShiftLeft or BinaryOp.ShiftRight, Binary { Op: < BinaryOp.Min }) => $"({Print(e)})",
        _ => Print(e, context),
    };

    /// <summary>Whether C# computes an expression in 64 bits.</summary>
    private static bool IsWide(Expr e) => e switch
    {
        VariableRef v => v.Variable > Variable.Score,
        LocalRef { Type: ExprType.Int } => true,
        InvariantDivision d => IsWide(d.Dividend),
        IntLiteral i => i.Value is < int.MinValue or > int.MaxValue,
        Unary { Op: UnaryOp.Negate } => true,
        Unary u => IsWide(u.Operand),
        Binary { Type: ExprType.Int, Op: < BinaryOp.Divide } => true,
        Binary { Type: ExprType.Int } b => IsWide(b.Left) || IsWide(b.Right),
        Conditional c => IsWide(c.WhenTrue) || IsWide(c.WhenFalse),
        _ => false,
    };

    private string Call(string name, ExprType type, params Expr[] arguments) =>
        $"{dialect.Function(name, type)}({string.Join(", ", arguments.Select(Print))})";

    public static string Number(long value) => value switch
    {
        int.MinValue => "int.MinValue",
        int.MaxValue => "int.MaxValue",
        _ when value is < int.MinValue or > int.MaxValue => value.ToString(CultureInfo.InvariantCulture) + "L",
        _ => value.ToString(CultureInfo.InvariantCulture),
    };

    public static string Number(float value) => value switch
    {
        float.PositiveInfinity => "float.PositiveInfinity",
        float.NegativeInfinity => "float.NegativeInfinity",
        _ when float.IsNaN(value) => "float.NaN",
        _ => value.ToString("R", CultureInfo.InvariantCulture) + "f",
    };
}

/// <summary>Names in emitted code.</summary>
internal static class Names
{
    // Types that kernels name, members of theirs, and what every struct has already.
    private static readonly HashSet<string> Reserved =
    [
        "Math", "Require", "IntTable", "FloatTable", "Parameters", "PortableMath", "CudaMath", "CudaRun", "CudaDivisor", "TileKind",
        "HasScore", "ReadsTables", "Tiles", "Runs", "Next", "Classify", "Query", "QueryValues", "Key", "KeyValues", "Attends", "Score",
        "Equals", "GetHashCode", "GetType", "ToString", "Finalize", "MemberwiseClone", "ReferenceEquals",
    ];

    /// <summary>The private field of a parameter: <c>_window</c>, <c>_local_Window</c>; <c>__window</c> if that is its own name.</summary>
    public static string Field(string path) =>
        (char.IsUpper(path[0]) ? "_" : "__") + char.ToLowerInvariant(path[0]) + Joined(path.Substring(1));

    /// <summary>The member of a parameter struct and the argument of a constructor: <c>Window</c>, <c>Local_Window</c>. Locals of
    /// kernels start with a small letter, so a parameter that does too gets an underscore behind it.</summary>
    public static string Member(string path)
    {
        string name = Joined(path);
        bool isTaken = Reserved.Contains(name) || name.StartsWith("Divisor", StringComparison.Ordinal);
        return char.IsUpper(name[0]) && !isTaken && !name.EndsWith("_", StringComparison.Ordinal) ? name : name + "_";
    }

    /// <summary>A path as C# code: <c>Local.Window</c>, with keywords escaped.</summary>
    public static string Access(string path) => string.Join(".", path.Split('.').Select(Identifier));

    public static string Identifier(string name) =>
        SyntaxFacts.GetKeywordKind(name) == SyntaxKind.None && SyntaxFacts.GetContextualKeywordKind(name) == SyntaxKind.None ? name : "@" + name;

    // L.W and L_W stay apart.
    private static string Joined(string path) => path.Replace("_", "__").Replace('.', '_');

    public static string Literal(string text) => SymbolDisplay.FormatLiteral(text, quote: true);
}
