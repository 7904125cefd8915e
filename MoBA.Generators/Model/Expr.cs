namespace MoBA.Generators.Model;

/// <summary>Type of an expression. A predicate is <see cref="Bool"/> over <see cref="Int"/>; only score modifiers know floats.</summary>
internal enum ExprType
{
    Int,
    Bool,
    Float,
}

/// <summary>What a pattern's methods are called with, and the names that bounds are written in.</summary>
internal enum Variable
{
    Query,
    Key,
    Head,
    Heads,
    Score,

    // The corners of a tile: both ends included.
    FirstQuery,
    LastQuery,
    FirstKey,
    LastKey,

    // q - k, where a fact is proven for a band of the score matrix.
    Distance,
}

internal enum UnaryOp
{
    Negate,
    Abs,
    Complement,
    Not,
    ToFloat,
}

internal enum BinaryOp
{
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    BitAnd,
    BitOr,
    BitXor,
    ShiftLeft,
    ShiftRight,
    Min,
    Max,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Equal,
    NotEqual,
    And,
    Or,
    Xor,
}

/// <summary>Which end of a table's values over a run of indices, or which index of a value.</summary>
internal enum TableQuery
{
    Min,
    Max,
    FirstAtLeast,
    LastAtMost,
}

/// <summary>
/// A pattern's own expression, after helpers are inlined: immutable, value-equal and free of compiler objects, so that it
/// can travel through the incremental pipeline.
/// </summary>
internal abstract record Expr(ExprType Type);

internal sealed record IntLiteral(long Value) : Expr(ExprType.Int);

internal sealed record BoolLiteral(bool Value) : Expr(ExprType.Bool);

internal sealed record FloatLiteral(float Value) : Expr(ExprType.Float);

internal sealed record VariableRef(Variable Variable)
    : Expr(Variable == Variable.Score ? ExprType.Float : ExprType.Int);

/// <summary>A run-time parameter: <c>Window</c>, or <c>Local.Window</c> of a nested expert.</summary>
internal sealed record ParameterRef(string Path, ExprType ValueType) : Expr(ValueType);

/// <summary>A table's value at an index.</summary>
internal sealed record Lookup(string Table, bool IsMonotone, ExprType ElementType, Expr Index) : Expr(ElementType);

internal sealed record Unary(UnaryOp Op, Expr Operand)
    : Expr(Op switch { UnaryOp.Not => ExprType.Bool, UnaryOp.ToFloat => ExprType.Float, _ => Operand.Type });

internal sealed record Binary(BinaryOp Op, Expr Left, Expr Right)
    : Expr(Op >= BinaryOp.Less ? ExprType.Bool : Left.Type);

internal sealed record Conditional(Expr Condition, Expr WhenTrue, Expr WhenFalse) : Expr(WhenTrue.Type);

/// <summary>A float function of a score modifier, by its name in <c>MathF</c>.</summary>
internal sealed record FloatCall(string Function, EquatableArray<Expr> Arguments) : Expr(ExprType.Float);

/// <summary>Pairs of tensor-core kernels only: an integer divided by the divisor that has a name, by a function of <c>CudaDivisor</c>.</summary>
internal sealed record InvariantDivision(string Function, Expr Dividend, string Divisor) : Expr(ExprType.Int);

/// <summary>Rows of tensor-core kernels only: bits of the columns whose key is below a sum, which may be beyond an int.</summary>
internal sealed record ColumnsBefore(EquatableArray<Expr> Plus, EquatableArray<Expr> Minus, long Constant) : Expr(ExprType.Int);

/// <summary>Bounds only: a question to a table about the indices or values [Low, High].</summary>
internal sealed record TableBound(string Table, TableQuery Query, Expr Low, Expr High) : Expr(ExprType.Int);

/// <summary>Bounds only: a value that was given a name because it is used more than once.</summary>
internal sealed record LocalRef(string Name, ExprType ValueType) : Expr(ValueType);
