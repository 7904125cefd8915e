namespace MoBA.Runtime;

/// <summary>What a call of a mixture has besides its tensors. The memory is pinned for as long as the call lasts.</summary>
internal sealed unsafe class MixtureCall
{
    /// <summary>The mixture.</summary>
    public required IExpertMixture Mixture { get; init; }

    /// <summary>Its experts by id.</summary>
    public required ISparseExpert[] Experts { get; init; }

    /// <summary>The router, or null where the caller gives logits.</summary>
    public required Router? Router { get; init; }

    /// <summary>The caller's logits, dense [query tokens, query heads, experts], or null where there is a router.</summary>
    public required float* Logits { get; init; }

    /// <summary>Experts that a token is sent to.</summary>
    public int TopK => Mixture.Info.TopK;

    /// <summary>How their outputs become one.</summary>
    public Combine Combine => Mixture.Info.Combine;

    /// <summary>For the backend to fill: chosen experts, the highest logit first, [query tokens, query heads, TopK].</summary>
    public required int* Routes { get; init; }

    /// <summary>For the backend to fill: the softmax over the chosen logits, [query tokens, query heads, TopK].</summary>
    public required float* Weights { get; init; }

    /// <summary>For the backend to fill: entropy of the softmax over all logits in nats, [query tokens, query heads].</summary>
    public required float* Entropy { get; init; }
}
