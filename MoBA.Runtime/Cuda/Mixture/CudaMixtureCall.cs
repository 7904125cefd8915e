namespace MoBA.Runtime.Cuda;

/// <summary>What a checked call of a mixture on device memory has besides its tensors.</summary>
internal sealed record CudaMixtureCall
{
    /// <summary>The mixture.</summary>
    public required MixtureInfo Info { get; init; }

    /// <summary>Its experts by id.</summary>
    public required ISparseExpert[] Experts { get; init; }

    /// <summary>The router, or null where the caller gives logits.</summary>
    public required Router? Router { get; init; }

    /// <summary>The caller's logits, dense float [query tokens, query heads, experts]; 0 where there is a router.</summary>
    public nint Logits { get; init; }

    /// <summary>Where chosen experts go, dense int [query tokens, query heads, TopK], the highest logit first; 0 where they were not asked for. Where
    /// the logit of expert e is infinite or NaN, the first is -1 - e and the others are -1.</summary>
    public nint Routes { get; init; }

    /// <summary>Where the softmax over the chosen logits goes, dense float, laid out as <see cref="Routes"/>; the logit itself where it is infinite
    /// or NaN; 0 where it was not asked for.</summary>
    public nint Weights { get; init; }

    /// <summary>Where the entropy of the softmax over all logits goes, in nats, dense float [query tokens, query heads]; 0 where it was not asked
    /// for.</summary>
    public nint Entropy { get; init; }
}
