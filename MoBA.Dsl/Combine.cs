namespace MoBA;

/// <summary>How the outputs of a token's experts become one.</summary>
public enum Combine
{
    /// <summary>Their sum, weighted by the softmax over the chosen logits.</summary>
    Weighted,

    /// <summary>As if the token attended all of their keys in one softmax: for experts that attend disjoint keys.</summary>
    LogSumExp,
}
