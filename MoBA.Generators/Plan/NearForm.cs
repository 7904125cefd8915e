using MoBA.Generators.Analyze;
using MoBA.Generators.Model;

namespace MoBA.Generators.Plan;

/// <summary>
/// A score modifier for scores near 0, where the tangent of a multiple of the score is a short polynomial in the score itself: its
/// factors, the scale before it and the unit behind it are part of the coefficients, which are the same for every pair.
/// </summary>
/// <param name="Score">The modified score times <see cref="Unit"/> plus <see cref="Shift"/>, of the score before <see cref="Scale"/>.</param>
/// <param name="Limit">Which size of scores before <see cref="Scale"/> is not near.</param>
internal sealed record NearForm(Expr Score, Expr Limit)
{
    /// <summary>What q . k is multiplied with.</summary>
    public static readonly LocalRef Scale = new("scale", ExprType.Float);

    /// <summary>What a modified score is multiplied with.</summary>
    public static readonly LocalRef Unit = new("unit", ExprType.Float);

    /// <summary>What is added then.</summary>
    public static readonly LocalRef Shift = new("shift", ExprType.Float);

    private static readonly VariableRef _score = new(Model.Variable.Score);

    /// <summary>The near form of a modifier; null where none of its tangents has one.</summary>
    /// <param name="modifier">The modifier, with what depends on its query or on its key alone taken out.</param>
    /// <param name="valueOf">What a taken out value stands for.</param>
    public static NearForm? Of(Expr modifier, Func<LocalRef, Expr> valueOf)
    {
        List<Expr> rates = [];
        Expr? Tangent(Expr node, Expr factor)
        {
            if (node is FloatCall { Function: "Tanh" } call && RateOf(call.Arguments[0], valueOf) is var (rate, value))
            {
                rates.Add(value);
                return new FloatCall("TanhNear", new([_score, factor, Multiply(rate, Scale), new FloatLiteral(0f)]));
            }

            return null;
        }

        Expr? Short(Expr node) => node switch
        {
            Binary { Op: BinaryOp.Multiply } product when !MentionsScore(product.Left) => Tangent(product.Right, product.Left),
            Binary { Op: BinaryOp.Multiply } product when !MentionsScore(product.Right) => Tangent(product.Left, product.Right),
            VariableRef { Variable: Variable.Score } => Multiply(_score, Scale),
            _ => Tangent(node, new FloatLiteral(1f)),
        };

        Expr score = ExprWalk.Replace(modifier, Short);
        if (rates.Count == 0)
            return null;
        score = score is FloatCall { Function: "TanhNear" } whole
            ? whole with { Arguments = new([_score, Multiply(whole.Arguments[1], Unit), whole.Arguments[2], Shift]) }
            : new Binary(BinaryOp.Add, Multiply(score, Unit), Shift);
        return new(score, rates.Distinct().Select(LimitOf).Aggregate(static (a, b) => new FloatCall("Min", new([a, b]))));
    }

    // The rate of score * rate, which must be the same for every pair, and what it stands for.
    private static (Expr Rate, Expr Value)? RateOf(Expr argument, Func<LocalRef, Expr> valueOf)
    {
        Expr? rate = argument switch
        {
            _ when argument.Equals(_score) => new FloatLiteral(1f),
            Binary { Op: BinaryOp.Multiply } product when product.Left.Equals(_score) => product.Right,
            Binary { Op: BinaryOp.Multiply } product when product.Right.Equals(_score) => product.Left,
            _ => null,
        };
        Expr? value = rate is null ? null : ExprWalk.Replace(rate, node => node is LocalRef local ? valueOf(local) : null);
        return rate is null || value is null || ExprWalk.Any(value, static n => n is VariableRef or Lookup) ? null : (rate, value);
    }

    private static Expr LimitOf(Expr rate) => new FloatCall("NearLimit", new([Multiply(rate, Scale)]));

    private static bool MentionsScore(Expr e) => ExprWalk.Mentions(e, Variable.Score);

    private static Expr Multiply(Expr a, Expr b) => a is FloatLiteral { Value: 1f } ? b : new Binary(BinaryOp.Multiply, a, b);
}
