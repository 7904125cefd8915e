namespace MoBA.Runtime;

/// <summary>The positions that one call covers, over all of its sequences: what an expert's parameters are checked against.</summary>
/// <param name="FirstQuery">Lowest absolute query position; negative where a sequence has more queries than keys.</param>
/// <param name="LastQuery">Highest absolute query position, included.</param>
/// <param name="Keys">Keys of the longest sequence; key positions are [0, Keys).</param>
/// <param name="Heads">Query heads.</param>
public readonly record struct AttentionExtent(int FirstQuery, int LastQuery, int Keys, int Heads)
{
    /// <summary>Positions are at least -MaxPosition and below MaxPosition, 2^30, so that the sum and the difference of two of them
    /// fit an <c>int</c>: predicates are made of these.</summary>
    public const int MaxPosition = 1 << 30;

    /// <summary>The most query heads: predicates may compute with the head.</summary>
    public const int MaxHeads = 1 << 16;
}
