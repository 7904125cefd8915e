using System.Globalization;
using MoBA.Generators.Model;
using MoBA.Generators.Tests.Analyze;

namespace MoBA.Generators.Tests.Emit;

/// <summary>Writes a predicate as its author would, every operand in parentheses: nothing here knows the emitter's printer.</summary>
internal static class Author
{
    public static string Class(string name, Expr attends, Values values) => $$"""
        [SparseExpert]
        public sealed partial class {{name}}
        {
            public int A { get; init; } = {{Number(values.Ints["A"])}};
            public int B { get; init; } = {{Number(values.Ints["B"])}};
            public int C { get; init; } = {{Number(values.Ints["C"])}};
            public int D { get; init; } = {{Number(values.Ints["D"])}};
            public bool F { get; init; } = {{(values.Flags["F"] ? "true" : "false")}};
            public int[] Plain { get; init; } = [{{string.Join(", ", values.Tables["Plain"].Select(Number))}}];
            [Monotone] public ReadOnlyMemory<int> Rising { get; init; } = new int[] { {{string.Join(", ", values.Tables["Rising"].Select(Number))}} };
            private bool Attends(int q, int k, int head) => {{Print(attends)}};
        }

        """;

    public static string Print(Expr e) => e switch
    {
        IntLiteral i => Number((int)i.Value),
        BoolLiteral b => b.Value ? "true" : "false",
        VariableRef v => v.Variable switch { Variable.Query => "q", Variable.Key => "k", _ => "head" },
        ParameterRef p => p.Path,
        Lookup { Table: "Rising" } l => $"Rising.Span[{Print(l.Index)}]",
        Lookup l => $"{l.Table}[{Print(l.Index)}]",
        Unary { Op: UnaryOp.Abs } u => $"Math.Abs({Print(u.Operand)})",
        Unary u => $"({(u.Op switch { UnaryOp.Negate => "-", UnaryOp.Complement => "~", _ => "!" })}({Print(u.Operand)}))",
        Binary { Op: BinaryOp.Min or BinaryOp.Max } b => $"Math.{b.Op}({Print(b.Left)}, {Print(b.Right)})",
        Binary b => $"({Print(b.Left)} {Operator(b.Op)} {Print(b.Right)})",
        Conditional c => $"({Print(c.Condition)} ? {Print(c.WhenTrue)} : {Print(c.WhenFalse)})",
        _ => throw new ArgumentException(e.ToString()),
    };

    private static string Number(int value) => value < 0 ? $"({value.ToString(CultureInfo.InvariantCulture)})" : value.ToString(CultureInfo.InvariantCulture);

    private static string Operator(BinaryOp op) => op switch
    {
        BinaryOp.Add => "+",
        BinaryOp.Subtract => "-",
        BinaryOp.Multiply => "*",
        BinaryOp.Divide => "/",
        BinaryOp.Remainder => "%",
        BinaryOp.BitAnd => "&",
        BinaryOp.BitOr => "|",
        BinaryOp.BitXor or BinaryOp.Xor => "^",
        BinaryOp.ShiftLeft => "<<",
        BinaryOp.ShiftRight => ">>",
        BinaryOp.Less => "<",
        BinaryOp.LessOrEqual => "<=",
        BinaryOp.Greater => ">",
        BinaryOp.GreaterOrEqual => ">=",
        BinaryOp.Equal => "==",
        BinaryOp.NotEqual => "!=",
        BinaryOp.And => "&&",
        _ => "||",
    };
}
