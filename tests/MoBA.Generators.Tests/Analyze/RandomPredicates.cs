using MoBA.Generators.Model;

namespace MoBA.Generators.Tests.Analyze;

/// <summary>
/// Random predicates of the whole expression language, with values for their parameters and tables. Half of what is drawn
/// compares positions and distances, as patterns do; the rest is whatever comes.
/// </summary>
internal sealed class RandomPredicates(int seed)
{
    public const int TableLength = 256;

    private static readonly Expr Query = new VariableRef(Variable.Query);
    private static readonly Expr Key = new VariableRef(Variable.Key);

    private readonly Random _random = new(seed);

    public (Expr Attends, Values Values) Next()
    {
        Values values = new();
        foreach (string name in (string[])["A", "B", "C"])
        {
            values.Ints[name] = Number();
        }

        values.Ints["D"] = _random.Next(1, 40);
        values.Flags["F"] = _random.Next(2) == 0;
        values.Tables["Plain"] = [.. Enumerable.Range(0, TableLength).Select(_ => _random.Next(-60, 200))];
        int spread = _random.Next(1, 6);
        int[] monotone = [.. Enumerable.Range(0, TableLength).Select(_ => _random.Next(spread) == 0 ? 1 : 0)];
        for (int i = 1, sum = monotone[0] = _random.Next(-20, 20); i < TableLength; i++)
        {
            monotone[i] = sum += monotone[i];
        }

        values.Tables["Rising"] = monotone;
        return (Predicate(_random.Next(1, 5)), values);
    }

    private int Number() => _random.Next(10) switch
    {
        0 => 0,
        1 => _random.Next(-2000, 2000),
        2 => 1 << _random.Next(0, 12),
        3 => -1,
        _ => _random.Next(-50, 130),
    };

    private Expr Predicate(int depth) => depth == 0 ? Comparison() : _random.Next(12) switch
    {
        0 or 1 or 2 => new Binary(BinaryOp.And, Predicate(depth - 1), Predicate(depth - 1)),
        3 or 4 or 5 => new Binary(BinaryOp.Or, Predicate(depth - 1), Predicate(depth - 1)),
        6 => new Unary(UnaryOp.Not, Predicate(depth - 1)),
        7 => new Binary(BinaryOp.Xor, Predicate(depth - 1), Predicate(depth - 1)),
        8 => new Conditional(Predicate(depth - 1), Predicate(depth - 1), Predicate(depth - 1)),
        9 when _random.Next(4) == 0 => _random.Next(2) == 0 ? new BoolLiteral(_random.Next(2) == 0) : new ParameterRef("F", ExprType.Bool),
        _ => Comparison(),
    };

    private Expr Comparison()
    {
        BinaryOp op = BinaryOp.Less + _random.Next(6);
        return _random.Next(8) switch
        {
            0 => new Binary(op, Query, Key),
            1 or 2 => new Binary(op, new Binary(BinaryOp.Subtract, Query, Key), Point()),
            3 => new Binary(op, Key, Point()),
            4 => SameFunction(op),
            _ => new Binary(op, Int(_random.Next(0, 4)), Int(_random.Next(0, 3))),
        };
    }

    /// <summary>f(q) compared with f(k), as blocks and documents are.</summary>
    private Expr SameFunction(BinaryOp op)
    {
        Expr divisor = Divisor();
        Func<Expr, Expr> f = _random.Next(5) switch
        {
            0 => x => new Binary(BinaryOp.Divide, x, divisor),
            1 => x => new Binary(BinaryOp.Remainder, x, divisor),
            2 => x => new Lookup("Rising", true, ExprType.Int, Inside(x)),
            3 => x => new Lookup("Plain", false, ExprType.Int, Inside(x)),
            _ => x => new Binary(BinaryOp.ShiftRight, x, new IntLiteral(5)),
        };
        return new Binary(op, f(Query), f(Key));
    }

    private Expr Int(int depth)
    {
        if (depth == 0)
        {
            return _random.Next(8) switch
            {
                0 or 1 => Query,
                2 or 3 => Key,
                4 => new VariableRef(Variable.Head),
                5 => new Binary(BinaryOp.Subtract, Query, Key),
                _ => Point(),
            };
        }

        Expr Part() => Int(depth - 1);
        return _random.Next(20) switch
        {
            0 or 1 => new Binary(BinaryOp.Add, Part(), Part()),
            2 or 3 => new Binary(BinaryOp.Subtract, Part(), Part()),
            4 => new Binary(BinaryOp.Multiply, Part(), new IntLiteral(_random.Next(-5, 6))),
            5 => new Binary(BinaryOp.Multiply, Part(), Part()),
            6 or 7 => new Binary(BinaryOp.Divide, Part(), Divisor()),
            8 or 9 => new Binary(BinaryOp.Remainder, Part(), Divisor()),
            10 => new Binary(BinaryOp.BitAnd, Part(), Mask()),
            11 => new Binary(BinaryOp.BitAnd + _random.Next(3), Part(), Part()),
            12 => new Unary(UnaryOp.Complement, Part()),
            13 => new Binary(_random.Next(2) == 0 ? BinaryOp.ShiftLeft : BinaryOp.ShiftRight, Part(), new IntLiteral(_random.Next(0, 7))),
            14 => new Binary(_random.Next(2) == 0 ? BinaryOp.Min : BinaryOp.Max, Part(), Part()),
            15 => new Unary(UnaryOp.Abs, Part()),
            16 => new Unary(UnaryOp.Negate, Part()),
            17 => Clamp(Part()),
            18 => new Conditional(Predicate(1), Part(), Part()),
            _ => new Lookup(_random.Next(2) == 0 ? "Rising" : "Plain", false, ExprType.Int, Inside(Part())) is var l
                ? l with { IsMonotone = l.Table == "Rising" } : l,
        };
    }

    private Expr Point() => _random.Next(4) == 0
        ? new ParameterRef(((string[])["A", "B", "C", "D"])[_random.Next(4)], ExprType.Int)
        : new IntLiteral(Number());

    private Expr Divisor() => _random.Next(4) switch
    {
        0 => new ParameterRef("D", ExprType.Int),
        1 => new Binary(BinaryOp.Max, new ParameterRef("B", ExprType.Int), new IntLiteral(_random.Next(1, 9))),
        2 => new IntLiteral(1 << _random.Next(0, 7)),
        _ => new IntLiteral(_random.Next(1, 70)),
    };

    private Expr Mask() => _random.Next(4) switch
    {
        0 => new IntLiteral((1 << _random.Next(0, 8)) - 1),
        1 => new IntLiteral(-(1 << _random.Next(0, 8))),
        2 => new ParameterRef("C", ExprType.Int),
        _ => new IntLiteral(_random.Next(-200, 200)),
    };

    private Expr Clamp(Expr x)
    {
        int low = _random.Next(-50, 50);
        return new Binary(BinaryOp.Min, new Binary(BinaryOp.Max, x, new IntLiteral(low)), new IntLiteral(low + _random.Next(0, 100)));
    }

    /// <summary>An index that is mostly inside the table.</summary>
    private Expr Inside(Expr x) => _random.Next(4) == 0
        ? x
        : new Binary(BinaryOp.Min, new Binary(BinaryOp.Max, x, new IntLiteral(0)), new IntLiteral(TableLength - 1));
}
