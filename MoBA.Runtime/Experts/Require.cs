using System.Diagnostics.CodeAnalysis;

namespace MoBA.Runtime;

/// <summary>The checks of generated experts: what the compile-time proofs take for granted is made sure of once a call.</summary>
public static class Require
{
    /// <summary>Positions must be within <see cref="AttentionExtent.MaxPosition"/>, for which the compiler's proofs are made.</summary>
    /// <exception cref="ArgumentException">They are not.</exception>
    public static void Positions(in AttentionExtent extent)
    {
        const int most = AttentionExtent.MaxPosition;
        if (extent.FirstQuery < -most || extent.LastQuery >= most || extent.Keys > most)
        {
            throw new ArgumentException(
                $"the positions of this call, queries {extent.FirstQuery} to {extent.LastQuery} and {extent.Keys} keys, go beyond {most}; give shorter sequences or a smaller QueryStart.",
                nameof(extent));
        }

        if (extent.Heads > AttentionExtent.MaxHeads)
        {
            throw new ArgumentException(
                $"this call has {extent.Heads} query heads, and an expert takes up to {AttentionExtent.MaxHeads}; split the heads over several calls.",
                nameof(extent));
        }
    }

    /// <summary>A nested expert must be there.</summary>
    /// <exception cref="ArgumentException">It is null.</exception>
    public static void NotNull([NotNull] object? expert, string name)
    {
        if (expert is null)
        {
            throw new ArgumentException($"the expert's parameter '{name}' is null; give it an expert.", name);
        }
    }

    /// <summary>An expert of a mixture must be there.</summary>
    /// <exception cref="ArgumentException">It is null.</exception>
    public static ISparseExpert Expert(ISparseExpert? expert, string mixture, string name) =>
        expert ?? throw new ArgumentException($"the expert '{name}' of '{mixture}' is null; give it an expert.", name);

    /// <summary>A divisor must be positive.</summary>
    /// <exception cref="ArgumentException">It is not.</exception>
    public static void Positive(int value, string expression)
    {
        if (value <= 0)
        {
            throw new ArgumentException($"the expert divides by '{expression}', which is {value}; make it at least 1.", expression);
        }
    }

    /// <summary>An operation must stay within <c>int</c>, where the author's predicate would wrap.</summary>
    /// <param name="low">Its least value over the positions of the call.</param>
    /// <param name="high">Its greatest value.</param>
    /// <param name="expression">The operation as C#.</param>
    /// <exception cref="ArgumentException">It does not.</exception>
    public static void Fits(long low, long high, string expression)
    {
        if (low < int.MinValue || high > int.MaxValue)
        {
            throw new ArgumentException(
                $"the expert's '{expression}' overflows int over the positions of this call (it reaches {(high > int.MaxValue ? high : low)}); use a smaller parameter, or reorder the arithmetic as in 'q - k < Window'.",
                expression);
        }
    }

    /// <summary>A condition on the parameters must hold at every position of the call: <c>Math.Clamp</c> throws without it.</summary>
    /// <exception cref="ArgumentException">It does not.</exception>
    public static void Holds(bool always, string condition)
    {
        if (!always)
        {
            throw new ArgumentException(
                $"the expert needs '{condition}' at every position of the call, because Math.Clamp throws where its bounds are the wrong way round; change the parameters that it mentions.",
                condition);
        }
    }
}
