using MoBA.Generators.Model;

namespace MoBA.Generators.Tests.Analyze;

/// <summary>Values of parameters and tables.</summary>
internal sealed class Values
{
    public Dictionary<string, int> Ints { get; } = [];

    public Dictionary<string, bool> Flags { get; } = [];

    public Dictionary<string, int[]> Tables { get; } = [];
}

/// <summary>
/// A predicate evaluated as C# does, pair by pair; written apart from the analysis and sharing none of its rules. Both sides of
/// <c>&amp;&amp;</c> and <c>?:</c> are always evaluated, so that an overflow anywhere is seen.
/// </summary>
internal sealed class Evaluator(Values values)
{
    public long Q;
    public long K;
    public long Head;

    /// <summary>Something left the range of int, or a table was read outside its length.</summary>
    public bool Failed;

    public Func<long> Compile(Expr e)
    {
        switch (e)
        {
            case IntLiteral i:
                return () => i.Value;
            case BoolLiteral b:
                return () => b.Value ? 1 : 0;
            case VariableRef { Variable: Variable.Query }:
                return () => Q;
            case VariableRef { Variable: Variable.Key }:
                return () => K;
            case VariableRef { Variable: Variable.Head }:
                return () => Head;
            case ParameterRef { Type: ExprType.Bool } p:
                long flag = values.Flags[p.Path] ? 1 : 0;
                return () => flag;
            case ParameterRef p:
                long value = values.Ints[p.Path];
                return () => value;
            case Lookup l:
                return CompileLookup(values.Tables[l.Table], Compile(l.Index));
            case Unary u:
                Func<long> x = Compile(u.Operand);
                return u.Op switch
                {
                    UnaryOp.Negate => () => Int(-x()),
                    UnaryOp.Abs => () => Int(Math.Abs(x())),
                    UnaryOp.Complement => () => ~x(),
                    _ => () => 1 - x(),
                };
            case Conditional c:
                Func<long> when = Compile(c.Condition), then = Compile(c.WhenTrue), otherwise = Compile(c.WhenFalse);
                return () =>
                {
                    (long condition, long a, long b) = (when(), then(), otherwise());
                    return condition != 0 ? a : b;
                };
            case Binary b:
                return CompileBinary(b.Op, Compile(b.Left), Compile(b.Right));
            default:
                throw new ArgumentException(e.ToString());
        }
    }

    private Func<long> CompileLookup(int[] table, Func<long> index) => () =>
    {
        long i = index();
        if (i >= 0 && i < table.Length)
        {
            return table[i];
        }

        Failed = true;
        return 0;
    };

    private Func<long> CompileBinary(BinaryOp op, Func<long> a, Func<long> b) => op switch
    {
        BinaryOp.Add => () => Int(a() + b()),
        BinaryOp.Subtract => () => Int(a() - b()),
        BinaryOp.Multiply => () => Int(a() * b()),
        BinaryOp.Divide => () => (int)a() / (int)b(),
        BinaryOp.Remainder => () => (int)a() % (int)b(),
        BinaryOp.BitAnd => () => (int)a() & (int)b(),
        BinaryOp.BitOr => () => (int)a() | (int)b(),
        BinaryOp.BitXor => () => (int)a() ^ (int)b(),
        BinaryOp.ShiftLeft => () => Int(a() << (int)b()),
        BinaryOp.ShiftRight => () => (int)a() >> (int)b(),
        BinaryOp.Min => () => Math.Min(a(), b()),
        BinaryOp.Max => () => Math.Max(a(), b()),
        BinaryOp.Less => () => a() < b() ? 1 : 0,
        BinaryOp.LessOrEqual => () => a() <= b() ? 1 : 0,
        BinaryOp.Greater => () => a() > b() ? 1 : 0,
        BinaryOp.GreaterOrEqual => () => a() >= b() ? 1 : 0,
        BinaryOp.Equal => () => a() == b() ? 1 : 0,
        BinaryOp.NotEqual or BinaryOp.Xor => () => a() != b() ? 1 : 0,
        BinaryOp.And => () => a() & b(),
        _ => () => a() | b(),
    };

    private long Int(long value)
    {
        Failed |= value != (int)value;
        return (int)value;
    }
}

/// <summary>Evaluates the ends of key runs, which are 64-bit and may ask tables questions.</summary>
internal static class Bounds
{
    public static long Of(Expr e, Values values) => e switch
    {
        IntLiteral i => i.Value,
        BoolLiteral b => b.Value ? 1 : 0,
        TableBound t => Search(values.Tables[t.Table], t.Query, Of(t.Low, values), Of(t.High, values)),
        Unary u => u.Op switch
        {
            UnaryOp.Negate => -Of(u.Operand, values),
            UnaryOp.Abs => Math.Abs(Of(u.Operand, values)),
            UnaryOp.Complement => ~Of(u.Operand, values),
            _ => 1 - Of(u.Operand, values),
        },
        Conditional c => Of(c.Condition, values) != 0 ? Of(c.WhenTrue, values) : Of(c.WhenFalse, values),
        Binary b => Apply(b.Op, Of(b.Left, values), Of(b.Right, values)),
        _ => throw new ArgumentException($"not a bound over numbers: {e}"),
    };

    private static long Search(int[] table, TableQuery query, long low, long high) => query switch
    {
        TableQuery.FirstAtLeast => table.TakeWhile(v => v < low).LongCount(),
        TableQuery.LastAtMost => table.TakeWhile(v => v <= low).LongCount() - 1,
        TableQuery.Min => Run(table, low, high).Min(),
        _ => Run(table, low, high).Max(),
    };

    /// <summary>The values of a table at [low, high], cut to it.</summary>
    public static TableRun Run(int[] table, long low, long high)
    {
        int first = (int)Math.Clamp(low, 0, table.Length - 1);
        int last = (int)Math.Clamp(high, 0, table.Length - 1);
        return new(table.AsMemory(first, Math.Max(1, last - first + 1)));
    }

    private static long Apply(BinaryOp op, long a, long b) => op switch
    {
        BinaryOp.Add => a + b,
        BinaryOp.Subtract => a - b,
        BinaryOp.Multiply => a * b,
        BinaryOp.Divide => a / b,
        BinaryOp.Remainder => a % b,
        BinaryOp.BitAnd or BinaryOp.And => a & b,
        BinaryOp.BitOr or BinaryOp.Or => a | b,
        BinaryOp.BitXor or BinaryOp.Xor => a ^ b,
        BinaryOp.ShiftRight => a >> (int)b,
        BinaryOp.Min => Math.Min(a, b),
        BinaryOp.Max => Math.Max(a, b),
        BinaryOp.Less => a < b ? 1 : 0,
        BinaryOp.LessOrEqual => a <= b ? 1 : 0,
        BinaryOp.Greater => a > b ? 1 : 0,
        BinaryOp.GreaterOrEqual => a >= b ? 1 : 0,
        BinaryOp.Equal => a == b ? 1 : 0,
        BinaryOp.NotEqual => a != b ? 1 : 0,
        _ => throw new ArgumentException($"not a bound: {op}"),
    };
}

/// <summary>A run of a table's values.</summary>
internal readonly record struct TableRun(ReadOnlyMemory<int> Values)
{
    public int Min()
    {
        int least = int.MaxValue;
        foreach (int v in Values.Span)
        {
            least = Math.Min(least, v);
        }

        return least;
    }

    public int Max()
    {
        int greatest = int.MinValue;
        foreach (int v in Values.Span)
        {
            greatest = Math.Max(greatest, v);
        }

        return greatest;
    }
}
