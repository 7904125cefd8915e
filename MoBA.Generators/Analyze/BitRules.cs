using MoBA.Generators.Model;

namespace MoBA.Generators.Analyze;

/// <summary>Interval rules of the bit operators, on two's complement numbers.</summary>
internal static class BitRules
{
    /// <summary>A low mask is a remainder, a high mask keeps order, any other mask of non-negative numbers only lowers them.</summary>
    public static Interval And(Interval a, Interval b)
    {
        if (a.IsPoint && b.IsPoint)
        {
            return Interval.Point(Fold.BitAnd(a.Low, b.Low));
        }

        if (a.IsPoint)
        {
            (a, b) = (b, a);
        }

        if (b.IsPoint && Fold.IsInt(b.Low, out long mask))
        {
            if (mask >= 0 && (mask & (mask + 1)) == 0)
            {
                return LowMask(a, mask);
            }

            if (mask < 0 && (~mask & (~mask + 1)) == 0)
            {
                return new Interval(Fold.BitAnd(a.Low, b.Low), Fold.BitAnd(a.High, b.Low));
            }
        }

        return UnlessOnePair(a, b, Fold.BitAnd(a.Low, b.Low), new Interval(
            Fold.Select(Fold.Or(NonNegative(a), NonNegative(b)), Fold.Zero, Interval.Int32.Low),
            Fold.Select(NonNegative(a), Fold.Select(NonNegative(b), Fold.Min(a.High, b.High), a.High),
                Fold.Select(NonNegative(b), b.High, Interval.Int32.High))));
    }

    /// <summary>Of non-negative numbers, | lies between the larger and the sum.</summary>
    public static Interval Or(Interval a, Interval b) => a.IsPoint && b.IsPoint
        ? Interval.Point(Fold.Bitwise(BinaryOp.BitOr, a.Low, b.Low))
        : UnlessOnePair(
            a, b, Fold.Bitwise(BinaryOp.BitOr, a.Low, b.Low), WhenNonNegative(a, b, Fold.Max(a.Low, b.Low)));

    /// <summary>Of non-negative numbers, ^ lies between zero and the sum; x ^ -1 is ~x.</summary>
    public static Interval Xor(Interval a, Interval b)
    {
        if (a.IsPoint && b.IsPoint)
        {
            return Interval.Point(Fold.Bitwise(BinaryOp.BitXor, a.Low, b.Low));
        }

        if (a.IsPoint)
        {
            (a, b) = (b, a);
        }

        return b is { IsPoint: true, Low: IntLiteral { Value: -1 } }
            ? new Interval(Fold.Subtract(Fold.Int(-1), a.High), Fold.Subtract(Fold.Int(-1), a.Low))
            : UnlessOnePair(a, b, Fold.Bitwise(BinaryOp.BitXor, a.Low, b.Low), WhenNonNegative(a, b, Fold.Zero));
    }

    /// <summary>The bounds of a bit operator, or its value where a tile turns out to hold a single pair of operands: blocks and
    /// their hashes are such.</summary>
    private static Interval UnlessOnePair(Interval a, Interval b, Expr value, Interval bounds)
    {
        Expr onePair = Fold.And(Fold.Compare(BinaryOp.Equal, a.Low, a.High), Fold.Compare(BinaryOp.Equal, b.Low, b.High));
        return new Interval(Fold.Select(onePair, value, bounds.Low), Fold.Select(onePair, value, bounds.High));
    }

    private static Interval LowMask(Interval a, long mask)
    {
        int bits = 0;
        while ((mask >> bits) != 0)
        {
            bits++;
        }

        Expr shift = Fold.Int(bits);
        Expr sameRun = Fold.Compare(BinaryOp.Equal, Fold.ShiftRight(a.Low, shift), Fold.ShiftRight(a.High, shift));
        return new Interval(
            Fold.Select(sameRun, Fold.BitAnd(a.Low, Fold.Int(mask)), Fold.Zero),
            Fold.Select(sameRun, Fold.BitAnd(a.High, Fold.Int(mask)), Fold.Int(mask)));
    }

    private static Interval WhenNonNegative(Interval a, Interval b, Expr low)
    {
        Expr both = Fold.And(NonNegative(a), NonNegative(b));
        return new Interval(
            Fold.Select(both, low, Interval.Int32.Low),
            Fold.Select(both, Fold.Min(Fold.Add(a.High, b.High), Interval.Int32.High), Interval.Int32.High));
    }

    private static Expr NonNegative(Interval a) => Fold.Compare(BinaryOp.GreaterOrEqual, a.Low, Fold.Zero);
}
