using MoBA.Generators.Model;

namespace MoBA.Generators.Analyze;

/// <summary>A run of keys [Low, High], both ends included, that counts only when <see cref="When"/> holds.</summary>
internal sealed record KeyRun(Expr Low, Expr High, Expr When);

/// <summary>
/// Solves a predicate for k by backward interval contraction (HC4-revise): the few runs of keys that hold every key which some
/// query of [FirstQuery, LastQuery] attends. A run may hold more keys than are attended; it never misses one.
/// </summary>
internal sealed class KeyRanges
{
    /// <summary>More alternatives than this are not told apart: the runs would cost more than the tiles they save.</summary>
    private const int MostRuns = 8;

    private static readonly KeyRun Everything = new(Fold.Int(-Fold.Infinity), Fold.Int(Fold.Infinity), Fold.True);

    /// <summary>Steps after which conditions only guard runs: alternatives of alternatives multiply.</summary>
    private const int MostSteps = 4096;

    private readonly Box _box;
    private int _steps;

    private KeyRanges(Box box) => _box = box;

    /// <summary>The runs of keys of <paramref name="attends"/> over a box whose keys are all keys of the sequence. An end at
    /// infinity is the end of the sequence; the caller cuts the runs to it.</summary>
    public static IReadOnlyList<KeyRun> Of(Expr attends, Box box)
    {
        List<KeyRun> runs = Merge(new KeyRanges(box).Solve(LinearForm.Normalize(attends), Everything));
        return runs.Count > MostRuns || runs.Contains(Everything) ? [Everything] : runs;
    }

    private List<KeyRun> Solve(Expr e, KeyRun run) => ++_steps > MostSteps ? [Guard(e, run)] : e switch
    {
        BoolLiteral b => b.Value ? [run] : [],
        Binary { Op: BinaryOp.And } => SolveAll(Conjuncts(e), run),
        Binary { Op: BinaryOp.Or } b => Limit(Solve(b.Left, run).Concat(Solve(b.Right, run)), e, run),
        Unary { Op: UnaryOp.Not, Operand: Binary { Op: BinaryOp.And } b } => Solve(Fold.Or(Fold.Not(b.Left), Fold.Not(b.Right)), run),
        Unary { Op: UnaryOp.Not, Operand: Binary { Op: BinaryOp.Or } b } => Solve(Fold.And(Fold.Not(b.Left), Fold.Not(b.Right)), run),
        Unary { Op: UnaryOp.Not, Operand: Conditional c } => Solve(new Conditional(c.Condition, Fold.Not(c.WhenTrue), Fold.Not(c.WhenFalse)), run),
        Conditional { Type: ExprType.Bool } c => Solve(
            Fold.Or(Fold.And(c.Condition, c.WhenTrue), Fold.And(Fold.Not(c.Condition), c.WhenFalse)), run),
        Binary { Op: >= BinaryOp.Less and <= BinaryOp.NotEqual } c => Compare(c, run),
        _ => [Guard(e, run)],
    };

    private static IEnumerable<Expr> Conjuncts(Expr e) =>
        e is Binary { Op: BinaryOp.And } b ? Conjuncts(b.Left).Concat(Conjuncts(b.Right)) : [e];

    /// <summary>One condition after another narrows the runs that are left; one that would split them too far only guards them.</summary>
    private List<KeyRun> SolveAll(IEnumerable<Expr> conditions, KeyRun run)
    {
        List<KeyRun> runs = [run];
        foreach (Expr condition in conditions)
        {
            List<KeyRun> narrowed = Merge(runs.SelectMany(r => Solve(condition, r)));
            runs = narrowed.Count <= MostRuns ? narrowed : [.. runs.Select(r => Guard(condition, r))];
        }

        return runs;
    }

    /// <summary>Keeps the number of alternatives small: too many become one run that is guarded by the whole condition.</summary>
    private List<KeyRun> Limit(IEnumerable<KeyRun> runs, Expr e, KeyRun run)
    {
        List<KeyRun> merged = Merge(runs);
        return merged.Count <= MostRuns ? merged : [Guard(e, run)];
    }

    /// <summary>A condition that does not narrow k still closes the run where it can hold nowhere.</summary>
    private KeyRun Guard(Expr e, KeyRun run) => run with { When = Fold.And(run.When, _box.Of(e).High) };

    private List<KeyRun> Compare(Binary c, KeyRun run)
    {
        if (!MentionsKey(c))
        {
            return [Guard(c, run)];
        }

        // |x| > c is two half-lines; every other comparison but != is one interval.
        if (c is { Op: BinaryOp.Less or BinaryOp.LessOrEqual, Right: Unary { Op: UnaryOp.Abs } })
        {
            c = new Binary(c.Op == BinaryOp.Less ? BinaryOp.Greater : BinaryOp.GreaterOrEqual, c.Right, c.Left);
        }

        if (c is { Op: BinaryOp.Greater or BinaryOp.GreaterOrEqual, Left: Unary { Op: UnaryOp.Abs, Operand: var x } })
        {
            BinaryOp below = c.Op == BinaryOp.Greater ? BinaryOp.Less : BinaryOp.LessOrEqual;
            return [.. Compare(new Binary(c.Op, x, c.Right), run), .. Compare(new Binary(below, x, Fold.Negate(c.Right)), run)];
        }

        if (c.Op == BinaryOp.NotEqual)
        {
            return [Guard(c, run)];
        }

        Interval left = _box.Named(c.Left);
        Interval right = _box.Named(c.Right);
        (Target forLeft, Target forRight) = c.Op switch
        {
            BinaryOp.Less => (new Target(null, Fold.Subtract(right.High, One)), new Target(Fold.Add(left.Low, One), null)),
            BinaryOp.LessOrEqual => (new Target(null, right.High), new Target(left.Low, null)),
            BinaryOp.Greater => (new Target(Fold.Add(right.Low, One), null), new Target(null, Fold.Subtract(left.High, One))),
            BinaryOp.GreaterOrEqual => (new Target(right.Low, null), new Target(null, left.High)),
            _ => (new Target(right.Low, right.High), new Target(left.Low, left.High)),
        };
        run = Narrow(c.Left, forLeft, run);
        run = Narrow(c.Right, forRight, run);
        return [run];
    }

    private static readonly Expr One = Fold.Int(1);

    /// <summary>Where an expression must lie; null is no bound.</summary>
    private readonly record struct Target(Expr? Low, Expr? High);

    /// <summary>The run of keys for which <paramref name="e"/> can lie in the target: one operator peeled off a step.</summary>
    private KeyRun Narrow(Expr e, Target t, KeyRun run)
    {
        switch (e)
        {
            case VariableRef { Variable: Variable.Key }:
                return run with
                {
                    Low = t.Low is null ? run.Low : Fold.Max(run.Low, t.Low),
                    High = t.High is null ? run.High : Fold.Min(run.High, t.High),
                };
            case Unary { Op: UnaryOp.Negate } u:
                return Narrow(u.Operand, new Target(Map(t.High, Fold.Negate), Map(t.Low, Fold.Negate)), run);
            case Unary { Op: UnaryOp.Complement } u:
                return Narrow(u.Operand, new Target(Map(t.High, Complement), Map(t.Low, Complement)), run);
            case Binary { Op: BinaryOp.Min } b:
                return Narrow(b.Right, t with { High = null }, Narrow(b.Left, t with { High = null }, run));
            case Unary { Op: UnaryOp.Abs } u:
                return Narrow(u.Operand, new Target(Map(t.High, Fold.Negate), t.High), run);
            case Binary { Op: BinaryOp.Max } b:
                return Narrow(b.Right, t with { Low = null }, Narrow(b.Left, t with { Low = null }, run));
            case Binary { Op: BinaryOp.Add or BinaryOp.Subtract } b:
                return NarrowSum(b, t, run);
            case Binary b when !MentionsKey(b.Right):
                return NarrowScaled(b, t, run);
            case Binary { Op: BinaryOp.Multiply } b when !MentionsKey(b.Left):
                return NarrowScaled(b with { Left = b.Right, Right = b.Left }, t, run);
            case Lookup { IsMonotone: true } l when MentionsKey(l.Index):
                return Narrow(l.Index, new Target(
                    Map(t.Low, v => new TableBound(l.Table, TableQuery.FirstAtLeast, v, v)),
                    Map(t.High, v => new TableBound(l.Table, TableQuery.LastAtMost, v, v))), run);
            default:
                return run;
        }
    }

    private KeyRun NarrowSum(Binary b, Target t, KeyRun run)
    {
        bool isSum = b.Op == BinaryOp.Add;
        if (MentionsKey(b.Left))
        {
            Interval right = _box.Of(b.Right);
            run = Narrow(b.Left, isSum
                ? new Target(Map(t.Low, l => Fold.Subtract(l, right.High)), Map(t.High, h => Fold.Subtract(h, right.Low)))
                : new Target(Map(t.Low, l => Fold.Add(l, right.Low)), Map(t.High, h => Fold.Add(h, right.High))), run);
        }

        if (MentionsKey(b.Right))
        {
            Interval left = _box.Of(b.Left);
            run = Narrow(b.Right, isSum
                ? new Target(Map(t.Low, l => Fold.Subtract(l, left.High)), Map(t.High, h => Fold.Subtract(h, left.Low)))
                : new Target(Map(t.High, h => Fold.Subtract(left.Low, h)), Map(t.Low, l => Fold.Subtract(left.High, l))), run);
        }

        return run;
    }

    /// <summary>Multiplication, division and shifts by what does not depend on k. C#'s truncation only widens the run.</summary>
    private KeyRun NarrowScaled(Binary b, Target t, KeyRun run)
    {
        Interval by = _box.Of(b.Right);
        switch (b.Op)
        {
            case BinaryOp.Multiply when by.IsPoint && Fold.IsInt(by.Low, out long c) && c != 0:
                Target quotient = new(Map(t.Low, l => DivideBy(l, c)), Map(t.High, h => DivideBy(h, c)));
                return Narrow(b.Left, c > 0 ? quotient : new Target(quotient.High, quotient.Low), run);
            case BinaryOp.ShiftLeft when by.IsPoint && Fold.IsInt(by.Low, out long bits):
                return Narrow(b.Left, new Target(Map(t.Low, l => DivideBy(l, 1L << (int)bits)), Map(t.High, h => DivideBy(h, 1L << (int)bits))), run);
            case BinaryOp.ShiftRight when by.IsPoint && Fold.IsInt(by.Low, out long shift):
                Expr scale = Fold.Int(1L << (int)shift);
                return Narrow(b.Left, new Target(
                    Map(t.Low, l => Fold.Multiply(Cut(l), scale)),
                    Map(t.High, h => Fold.Add(Fold.Multiply(Cut(h), scale), Fold.Int((1L << (int)shift) - 1)))), run);
            case BinaryOp.Divide when by.IsPoint:
                return NarrowQuotient(b, by.Low, t, run);
            default:
                return run;
        }
    }

    /// <summary>x / c in [l, h] is x in [c l, c h + c - 1] for non-negative x; below zero truncation reaches c - 1 further down.</summary>
    private KeyRun NarrowQuotient(Binary b, Expr c, Target t, KeyRun run)
    {
        Expr last = Fold.Subtract(c, One);
        bool nonNegative = _box.Of(b.Left).Low is IntLiteral { Value: >= 0 };
        return Narrow(b.Left, new Target(
            Map(t.Low, l => nonNegative ? Fold.Multiply(Cut(l), c) : Fold.Subtract(Fold.Multiply(Cut(l), c), last)),
            Map(t.High, h => Fold.Add(Fold.Multiply(Cut(h), c), last))), run);
    }

    /// <summary>A target of an int, cut to the values of an int where it could lie beyond: scaled up again, it would leave 64 bits.</summary>
    private Expr Cut(Expr target) =>
        Magnitude.Of(target, _box) <= 1L << 32 ? target : Fold.Max(Fold.Int(-(1L << 32)), Fold.Min(target, Fold.Int(1L << 32)));

    private static Expr DivideBy(Expr e, long c) =>
        Fold.IsInt(e, out long x) ? Fold.Int(x / c) : Fold.Divide(c > 0 ? e : Fold.Negate(e), Fold.Int(Math.Abs(c)));

    private static Expr Complement(Expr e) => Fold.Subtract(Fold.Int(-1), e);

    private static Expr? Map(Expr? e, Func<Expr, Expr> f) => e is null ? null : f(e);

    private static bool MentionsKey(Expr e) => ExprWalk.Any(e, static n => n is VariableRef { Variable: Variable.Key });

    /// <summary>Runs that start or end at the same key are one run; a run that is there already adds nothing.</summary>
    private static List<KeyRun> Merge(IEnumerable<KeyRun> runs)
    {
        List<KeyRun> merged = [];
        foreach (KeyRun run in runs.Where(static r => !r.When.Equals(Fold.False) && !IsEmpty(r)))
        {
            int same = merged.FindIndex(m => m.When.Equals(run.When) && (m.Low.Equals(run.Low) || m.High.Equals(run.High)));
            if (same < 0)
            {
                merged.Add(run);
            }
            else
            {
                KeyRun other = merged[same];
                merged[same] = run with { Low = Fold.Min(other.Low, run.Low), High = Fold.Max(other.High, run.High) };
            }
        }

        return merged;
    }

    private static bool IsEmpty(KeyRun run) => run is { Low: IntLiteral low, High: IntLiteral high } && low.Value > high.Value;
}
