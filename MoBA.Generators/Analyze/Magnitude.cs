using MoBA.Generators.Model;

namespace MoBA.Generators.Analyze;

/// <summary>How large a bound can get, whatever the parameters: a number that its absolute value never exceeds.</summary>
internal static class Magnitude
{
    private const double Int32 = 1L << 31;

    public static double Of(Expr bound, Box box) => bound switch
    {
        IntLiteral i => Math.Abs((double)i.Value),
        VariableRef => Overflow.MaxPosition,
        LocalRef l => box.ValueOf(l) is { } value ? Of(value, box) : double.PositiveInfinity,
        Unary { Op: UnaryOp.Complement } u => Of(u.Operand, box) + 1,
        Unary u => Of(u.Operand, box),
        Binary { Op: BinaryOp.Add or BinaryOp.Subtract } b => Of(b.Left, box) + Of(b.Right, box),
        Binary { Op: BinaryOp.Multiply } b => Of(b.Left, box) * Of(b.Right, box),
        Binary { Op: BinaryOp.Divide or BinaryOp.Remainder or BinaryOp.ShiftRight } b => Of(b.Left, box),
        Binary { Op: BinaryOp.Min or BinaryOp.Max } b => Math.Max(Of(b.Left, box), Of(b.Right, box)),
        Binary { Op: BinaryOp.BitAnd or BinaryOp.BitOr or BinaryOp.BitXor } b => 2 * Math.Max(Of(b.Left, box), Of(b.Right, box)),
        Conditional c => Math.Max(Of(c.WhenTrue, box), Of(c.WhenFalse, box)),
        ParameterRef or Lookup or TableBound => Int32,
        _ => double.PositiveInfinity,
    };
}
