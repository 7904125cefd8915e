using MoBA.Generators.Model;

namespace MoBA.Generators.Analyze;

/// <summary>Proves a bound on the size of modified scores, as an expression of parameters: a kernel whose scores are small enough
/// needs no running maximum. A score that is no number is not bounded, and stays one.</summary>
internal static class ScoreBound
{
    private static readonly FloatLiteral _one = new(1f);

    /// <summary>What |e| does not exceed, whatever the score, the positions and the tables; null is unknown.</summary>
    public static Expr? Of(Expr e) => e switch
    {
        FloatLiteral literal => new FloatLiteral(Math.Abs(literal.Value)),
        ParameterRef { Type: ExprType.Float } => new FloatCall("Abs", Arguments(e)),
        Unary { Op: UnaryOp.Negate or UnaryOp.Abs } unary => Of(unary.Operand),
        Binary { Type: ExprType.Float } binary => OfBinary(binary),
        Conditional choice => Max(Of(choice.WhenTrue), Of(choice.WhenFalse)),
        FloatCall call => OfCall(call.Function, [.. call.Arguments]),
        _ => null,
    };

    private static Expr? OfBinary(Binary e) => e.Op switch
    {
        BinaryOp.Add or BinaryOp.Subtract => Both(Of(e.Left), Of(e.Right), Add),
        BinaryOp.Multiply => Both(Of(e.Left), Of(e.Right), Multiply),

        // A divisor may be as near to 0 as it likes, unless it is given.
        BinaryOp.Divide when e.Right is FloatLiteral or ParameterRef =>
            Both(Of(e.Left), Of(e.Right), static (a, b) => new Binary(BinaryOp.Divide, a, b)),
        _ => null,
    };

    private static Expr? OfCall(string function, Expr[] arguments) => (function, arguments) switch
    {
        ("Tanh" or "Sin" or "Cos", _) => _one,
        ("Abs", [var x]) => Of(x),
        ("Min" or "Max", [var x, var y]) => OfCorners(function, x, y) ?? Max(Of(x), Of(y)),
        ("Clamp", [_, var low, var high]) => Max(Of(low), Of(high)),
        _ => null,
    };

    // Min(Max(x, low), high), whatever x, and the other way round.
    private static Expr? OfCorners(string function, Expr x, Expr y) => (x, y) switch
    {
        (FloatCall inner, var end) when inner.Function == Opposite(function) && OfEnd(inner) is { } other => Max(other, Of(end)),
        (var end, FloatCall inner) when inner.Function == Opposite(function) && OfEnd(inner) is { } other => Max(other, Of(end)),
        _ => null,
    };

    private static string Opposite(string function) => function == "Min" ? "Max" : "Min";

    private static Expr? OfEnd(FloatCall call) => call.Arguments.Select(Of).FirstOrDefault(static b => b is not null);

    private static Expr? Max(Expr? a, Expr? b) => Both(a, b, static (x, y) => (x, y) switch
    {
        (FloatLiteral l, FloatLiteral r) => new FloatLiteral(Math.Max(l.Value, r.Value)),
        _ when x.Equals(y) => x,
        _ => new FloatCall("Max", Arguments(x, y)),
    });

    private static Expr Add(Expr a, Expr b) => (a, b) is (FloatLiteral l, FloatLiteral r)
        ? new FloatLiteral(l.Value + r.Value)
        : new Binary(BinaryOp.Add, a, b);

    private static Expr Multiply(Expr a, Expr b) => (a, b) switch
    {
        (FloatLiteral l, FloatLiteral r) => new FloatLiteral(l.Value * r.Value),
        _ when a.Equals(_one) => b,
        _ when b.Equals(_one) => a,
        _ => new Binary(BinaryOp.Multiply, a, b),
    };

    private static Expr? Both(Expr? a, Expr? b, Func<Expr, Expr, Expr> combine) => a is null || b is null ? null : combine(a, b);

    private static EquatableArray<Expr> Arguments(params Expr[] arguments) => new(arguments);
}
