using MoBA.Generators.Model;

namespace MoBA.Generators.Analyze;

/// <summary>
/// Which subexpressions of a predicate can leave the range of <c>int</c>. Interval arithmetic is done in 64 bits; it speaks for
/// C#'s wrapping arithmetic only where nothing wraps.
/// </summary>
internal static class Overflow
{
    /// <summary>No call has positions beyond this, so sums and differences of two of them never overflow.</summary>
    public const int MaxPosition = 1 << 30;

    /// <summary>The integer operations that can overflow, children before parents, each once.</summary>
    public static IEnumerable<Expr> Candidates(Expr e) => ExprWalk.All(e).Where(static n => n
        is Binary { Type: ExprType.Int, Op: BinaryOp.Add or BinaryOp.Subtract or BinaryOp.Multiply or BinaryOp.ShiftLeft }
        or Unary { Type: ExprType.Int, Op: UnaryOp.Negate or UnaryOp.Abs }).Distinct();

    /// <summary>Every position that a call can have, with every parameter and table that it could accept.</summary>
    public static Box AnyCall(PatternSpec spec) =>
        new ParameterRanges(spec, useDefaults: false).Box(Interval.Of(-MaxPosition, MaxPosition - 1), Interval.Of(0, MaxPosition - 1));

    /// <summary>The operations that some parameter, table or length can make overflow: a call checks these.</summary>
    public static IEnumerable<Expr> ToCheck(Expr e, PatternSpec spec)
    {
        Box box = AnyCall(spec);
        return Candidates(e).Where(n => !Fits(box.Of(n)));
    }

    /// <summary>The most tokens for which nothing overflows at the default parameters.</summary>
    public static int TokenLimit(PatternSpec spec)
    {
        int low = 0;
        int high = MaxPosition;
        while (low < high)
        {
            int middle = low + ((high - low + 1) / 2);
            (low, high) = First(spec, middle) is null ? (middle, high) : (low, middle - 1);
        }

        return low;
    }

    /// <summary>The first operation that overflows at the default parameters within <paramref name="tokens"/> tokens, or null.</summary>
    public static Expr? First(PatternSpec spec, int tokens)
    {
        // Tables and parameters without a default are taken to hold positions; what they really hold is checked by each call.
        ParameterRanges defaults = new(spec, useDefaults: true, unknown: Interval.Of(0, PatternFacts.MaxTokens));
        Interval positions = Interval.Of(0, Math.Max(0, tokens - 1));
        Box box = defaults.Box(positions, positions);
        return spec.Methods.SelectMany(Candidates).FirstOrDefault(n => !Fits(box.Of(n)));
    }

    private static bool Fits(Interval range) =>
        range is { Low: IntLiteral low, High: IntLiteral high } && low.Value >= int.MinValue && high.Value <= int.MaxValue;
}
