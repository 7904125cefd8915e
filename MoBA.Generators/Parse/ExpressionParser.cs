using System.Runtime.CompilerServices;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;
using MoBA.Generators.Analyze;
using MoBA.Generators.Model;

namespace MoBA.Generators.Parse;

/// <summary>
/// Parse: the body of <c>Attends</c>, <c>Always</c> or <c>Score</c> becomes one <see cref="Expr"/>, with locals, helpers and other experts'
/// predicates inlined. What it cannot read it reports and stands a literal in for, so that one run finds every fault.
/// </summary>
internal sealed partial class ExpressionParser(
    ParameterTable parameters, Compilation compilation, DiagnosticSink sink, CancellationToken cancellation)
{
    private const int MostNodes = 4096;
    private const int MostDepth = 512;
    private const int MostSteps = 1 << 16;

    private static readonly string TooLarge = $"more than {MostNodes} operations, or more than {MostDepth} inside each other";

    private static readonly Variable[] PredicateArguments = [Variable.Query, Variable.Key, Variable.Head];
    private static readonly Variable[] ScoreArguments = [Variable.Score, Variable.Query, Variable.Key, Variable.Head, Variable.Heads];

    private readonly List<Expr> _demands = [];

    private bool _isScore;
    private int _steps;

    /// <summary>The method that is being read.</summary>
    private string Where { get; set; } = "";

    /// <summary>Comparisons that must hold at every position, of the methods that were read since the last time; see
    /// <see cref="PatternSpec.Demands"/>.</summary>
    public IReadOnlyList<Expr> TakeDemands()
    {
        Expr[] demands = [.. _demands.Distinct()];
        _demands.Clear();
        return demands;
    }

    public Expr? ParseMethod(IMethodSymbol method, bool isScore)
    {
        (_isScore, Where) = (isScore, method.Name);
        Variable[] variables = isScore ? ScoreArguments : PredicateArguments;
        method = Implementation(method);
        Scope scope = Scope.Root(
            method.Parameters.Select((p, i) => new KeyValuePair<ISymbol, Expr>(p, new VariableRef(variables[i]))), method);
        try
        {
            Expr? body = ParseBody(method, scope);
            return sink.HasErrors ? null : body;
        }
        catch (Exception e) when (e is TooLargeException or InsufficientExecutionStackException)
        {
            sink.Report(Diagnostics.TooComplex, method.Locations.FirstOrDefault(), method.Name, Where, $"it has {TooLarge}");
            return null;
        }
    }

    /// <summary>Paths and locals can double with every line; whoever reads them stops in time.</summary>
    private void Step()
    {
        cancellation.ThrowIfCancellationRequested();
        RuntimeHelpers.EnsureSufficientExecutionStack();
        if (++_steps > MostSteps)
        {
            throw new TooLargeException();
        }
    }

    private sealed class TooLargeException : Exception;

    private Expr Parse(IOperation operation, Scope scope)
    {
        Step();
        if (operation.ConstantValue is { HasValue: true, Value: var constant } && Literal(constant) is { } literal)
        {
            return literal.Type == ExprType.Float && !_isScore ? Unsupported(operation, "a float") : literal;
        }

        return operation switch
        {
            IParenthesizedOperation p => Parse(p.Operand, scope),
            IConversionOperation c => ParseConversion(c, scope),
            IParameterReferenceOperation p when scope.Values.TryGetValue(p.Parameter, out Expr? value) => value,
            ILocalReferenceOperation l when scope.Values.TryGetValue(l.Local, out Expr? value) => value,
            IPropertyReferenceOperation p => ParseProperty(p, scope),
            IFieldReferenceOperation f => NotAParameter(f, f.Field, "a field"),
            IArrayElementReferenceOperation { Indices: [var index] } a => ParseLookup(a, a.ArrayReference, index, scope),
            IUnaryOperation u => ParseUnary(u, scope),
            IBinaryOperation b => ParseBinary(b, scope),
            IConditionalOperation { WhenFalse: { } whenFalse } c => Typed(c, _ => Select(
                Parse(c.Condition, scope), Parse(c.WhenTrue, scope), Parse(whenFalse, scope))),
            IIsPatternOperation p => ParsePattern(p.Pattern, Parse(p.Value, scope)),
            IInvocationOperation i => ParseCall(i, scope),
            _ => Unsupported(operation),
        };
    }

    /// <summary>?: and if, folded; but a table that the condition reads stays, so that its length is checked as the author's own
    /// code would.</summary>
    private static Expr Select(Expr condition, Expr whenTrue, Expr whenFalse) =>
        whenTrue.Equals(whenFalse) && ExprWalk.Any(condition, static n => n is Lookup)
            ? new Conditional(condition, whenTrue, whenFalse)
            : Fold.Select(condition, whenTrue, whenFalse);

    private static Expr? Literal(object? value) => value switch
    {
        int i => new IntLiteral(i),
        bool b => Fold.Bool(b),
        float f => new FloatLiteral(f),
        _ => null,
    };

    /// <summary>Builds a node if its type is one that a pattern may compute with.</summary>
    private Expr Typed(IOperation operation, Func<ExprType, Expr> build) => TypeOf(operation.Type) is { } type
        ? (type == ExprType.Float && !_isScore ? Unsupported(operation, "a float") : build(type))
        : Unsupported(operation, $"a value of type '{operation.Type?.ToDisplayString() ?? "?"}'");

    private static ExprType? TypeOf(ITypeSymbol? type) => type?.SpecialType switch
    {
        SpecialType.System_Int32 => ExprType.Int,
        SpecialType.System_Boolean => ExprType.Bool,
        SpecialType.System_Single => ExprType.Float,
        _ => null,
    };

    private Expr ParseConversion(IConversionOperation c, Scope scope) => Typed(c, type =>
    {
        Expr operand = Parse(c.Operand, scope);
        return (operand.Type, type) switch
        {
            var (from, to) when from == to => operand,
            (ExprType.Int, ExprType.Float) => new Unary(UnaryOp.ToFloat, operand),
            _ => Unsupported(c, $"a conversion to '{c.Type!.ToDisplayString()}'"),
        };
    });

    private Expr ParseUnary(IUnaryOperation u, Scope scope) => Typed(u, _ =>
    {
        Expr operand = Parse(u.Operand, scope);
        return u.OperatorKind switch
        {
            UnaryOperatorKind.Plus => operand,
            UnaryOperatorKind.Minus when operand is IntLiteral { Value: var x } => Int32(-x, u),
            UnaryOperatorKind.Minus when operand is Unary { Op: UnaryOp.Negate } n => n.Operand,
            UnaryOperatorKind.Minus => new Unary(UnaryOp.Negate, operand),
            UnaryOperatorKind.BitwiseNegation when operand.Type == ExprType.Int => new Unary(UnaryOp.Complement, operand),
            UnaryOperatorKind.Not => new Unary(UnaryOp.Not, operand),
            _ => Unsupported(u),
        };
    });

    /// <summary>The operand of a type that no pattern computes with, where the other was converted to it for its sake.</summary>
    private IOperation? Culprit(IBinaryOperation b) => (b.LeftOperand, b.RightOperand) switch
    {
        (IConversionOperation { IsImplicit: true } c, not IConversionOperation { IsImplicit: true }) when !IsKnown(c.Type) => b.RightOperand,
        (not IConversionOperation { IsImplicit: true }, IConversionOperation { IsImplicit: true } c) when !IsKnown(c.Type) => b.LeftOperand,
        _ => null,
    };

    private bool IsKnown(ITypeSymbol? type) => TypeOf(type) is { } known && (known != ExprType.Float || _isScore);

    private Expr ParseBinary(IBinaryOperation b, Scope scope) => Typed(b, _ =>
    {
        if (Culprit(b) is { } culprit)
        {
            Parse(culprit, scope);
            return sink.HasErrors ? StandIn(b.Type) : Unsupported(b);
        }

        Expr left = Parse(b.LeftOperand, scope);
        Expr right = Parse(b.RightOperand, scope);
        if (left.Type != right.Type)
        {
            return Unsupported(b);
        }

        bool isBool = left.Type == ExprType.Bool;
        bool isFloat = left.Type == ExprType.Float;
        return b.OperatorKind switch
        {
            BinaryOperatorKind.ConditionalAnd => new Binary(BinaryOp.And, left, right),
            BinaryOperatorKind.ConditionalOr => new Binary(BinaryOp.Or, left, right),
            BinaryOperatorKind.And when !isFloat => Combine(isBool ? BinaryOp.And : BinaryOp.BitAnd, b, left, right),
            BinaryOperatorKind.Or when !isFloat => Combine(isBool ? BinaryOp.Or : BinaryOp.BitOr, b, left, right),
            BinaryOperatorKind.ExclusiveOr when !isFloat => Combine(isBool ? BinaryOp.Xor : BinaryOp.BitXor, b, left, right),
            BinaryOperatorKind.Equals when isBool => new Unary(UnaryOp.Not, new Binary(BinaryOp.Xor, left, right)),
            BinaryOperatorKind.NotEquals when isBool => new Binary(BinaryOp.Xor, left, right),
            BinaryOperatorKind.Divide when isFloat => new Binary(BinaryOp.Divide, left, right),
            BinaryOperatorKind.Divide => Division(BinaryOp.Divide, b, left, right),
            BinaryOperatorKind.Remainder when !isFloat => Division(BinaryOp.Remainder, b, left, right),
            BinaryOperatorKind.LeftShift => Shift(BinaryOp.ShiftLeft, b, left, right),
            BinaryOperatorKind.RightShift => Shift(BinaryOp.ShiftRight, b, left, right),
            _ => Operator(b.OperatorKind) is { } op ? Combine(op, b, left, right) : Unsupported(b),
        };
    });

    /// <summary>An operator applied to what inlining has made two constants: C# would fold them too, if it saw them together, and
    /// refuse an overflow.</summary>
    private Expr Combine(BinaryOp op, IBinaryOperation b, Expr left, Expr right)
    {
        if (left is not IntLiteral { Value: var x } || right is not IntLiteral { Value: var y })
        {
            return new Binary(op, left, right);
        }

        return op switch
        {
            BinaryOp.Add => Int32(x + y, b),
            BinaryOp.Subtract => Int32(x - y, b),
            BinaryOp.Multiply => Int32(x * y, b),
            BinaryOp.Divide => Fold.Int(x / y),
            BinaryOp.Remainder => Fold.Int(x % y),
            BinaryOp.BitAnd => Fold.Int(x & y),
            BinaryOp.BitOr => Fold.Int(x | y),
            BinaryOp.BitXor => Fold.Int(x ^ y),
            BinaryOp.ShiftLeft => Fold.Int((int)x << (int)y),
            BinaryOp.ShiftRight => Fold.Int(x >> (int)y),
            _ => Fold.Compare(op, left, right),
        };
    }

    private Expr Int32(long value, IOperation operation) => value is >= int.MinValue and <= int.MaxValue
        ? Fold.Int(value)
        : BadOperand(operation, "a constant", "within the range of int");

    private static BinaryOp? Operator(BinaryOperatorKind kind) => kind switch
    {
        BinaryOperatorKind.Add => BinaryOp.Add,
        BinaryOperatorKind.Subtract => BinaryOp.Subtract,
        BinaryOperatorKind.Multiply => BinaryOp.Multiply,
        BinaryOperatorKind.LessThan => BinaryOp.Less,
        BinaryOperatorKind.LessThanOrEqual => BinaryOp.LessOrEqual,
        BinaryOperatorKind.GreaterThan => BinaryOp.Greater,
        BinaryOperatorKind.GreaterThanOrEqual => BinaryOp.GreaterOrEqual,
        BinaryOperatorKind.Equals => BinaryOp.Equal,
        BinaryOperatorKind.NotEquals => BinaryOp.NotEqual,
        _ => null,
    };

    /// <summary>A divisor must be one number for a whole call, and positive: a call checks it where it is a parameter.</summary>
    private Expr Division(BinaryOp op, IBinaryOperation b, Expr left, Expr right)
    {
        bool isFixed = right is IntLiteral literal ? literal.Value > 0 : !ExprWalk.Any(right, static n => n is VariableRef or Lookup);
        return isFixed ? Combine(op, b, left, right) : BadOperand(
            b.RightOperand, $"the divisor of {(op == BinaryOp.Divide ? "/" : "%")}", "a positive constant or an expression of parameters alone");
    }

    private Expr Shift(BinaryOp op, IBinaryOperation b, Expr left, Expr right) => right is IntLiteral { Value: >= 0 and < 31 }
        ? Combine(op, b, left, right)
        : BadOperand(b.RightOperand, "a shift count", "a constant from 0 to 30");

    private Expr ParsePattern(IPatternOperation pattern, Expr value) => pattern switch
    {
        IConstantPatternOperation { Value.ConstantValue.Value: bool b } => b ? value : new Unary(UnaryOp.Not, value),
        IConstantPatternOperation { Value.ConstantValue.Value: int i } => new Binary(BinaryOp.Equal, value, Fold.Int(i)),
        IRelationalPatternOperation { Value.ConstantValue.Value: int i } r when Operator(r.OperatorKind) is { } op =>
            new Binary(op, value, Fold.Int(i)),
        INegatedPatternOperation n => new Unary(UnaryOp.Not, ParsePattern(n.Pattern, value)),
        IBinaryPatternOperation b => new Binary(
            b.OperatorKind == BinaryOperatorKind.And ? BinaryOp.And : BinaryOp.Or,
            ParsePattern(b.LeftPattern, value), ParsePattern(b.RightPattern, value)),
        _ => Unsupported(pattern, "this 'is' pattern"),
    };

    private Expr Unsupported(IOperation operation, string? what = null)
    {
        sink.Report(Diagnostics.UnsupportedSyntax, operation.Syntax.GetLocation(), what ?? Allowed.Describe(operation), Where, Allowed.In(_isScore));
        return StandIn(operation.Type);
    }

    private Expr BadOperand(IOperation operand, string what, string wanted)
    {
        sink.Report(Diagnostics.BadOperand, operand.Syntax.GetLocation(), what, wanted, Allowed.Shorten(operand.Syntax.ToString()));
        return StandIn(operand.Type);
    }

    private Expr NotAParameter(IOperation operation, ISymbol member, string why)
    {
        sink.Report(Diagnostics.NotAParameter, operation.Syntax.GetLocation(), member.Name, why);
        return StandIn(operation.Type);
    }

    /// <summary>A literal of the right type after an error, so that reading can go on.</summary>
    private static Expr StandIn(ITypeSymbol? type) => TypeOf(type) switch
    {
        ExprType.Bool => Fold.False,
        ExprType.Float => new FloatLiteral(0),
        _ => Fold.Zero,
    };
}
