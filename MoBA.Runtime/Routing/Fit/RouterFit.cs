namespace MoBA.Runtime;

/// <summary>A learned router and what it is worth on tokens that it was not trained on.</summary>
public sealed record RouterFit
{
    /// <summary>The router; it has the mixture's expert names.</summary>
    public required Router Router { get; init; }

    /// <summary>Cost of every expert by id, at the length of the data.</summary>
    public required IReadOnlyList<ExpertCost> Costs { get; init; }

    /// <summary>Every token sent to one expert, by id.</summary>
    public required IReadOnlyList<RoutingQuality> Experts { get; init; }

    /// <summary>Every token sent where the target says, the teacher's own output seen, within the budget: no router of one expert a
    /// token can do better by the target.</summary>
    public required RoutingQuality Oracle { get; init; }

    /// <summary>Every token sent where the router says.</summary>
    public required RoutingQuality Learned { get; init; }

    /// <summary>Every token sent to an expert at random, with the shares that the router gives the experts of its head; the
    /// expectation, not a sample.</summary>
    public required RoutingQuality Random { get; init; }

    /// <summary>Share of the tokens, each head counted, that the router sends where the oracle does.</summary>
    public required double Accuracy { get; init; }

    /// <summary>Mean keys that the router's choice attends on the tokens that were trained on: what meets
    /// <see cref="RouterFitOptions.KeysPerToken"/>.</summary>
    public required double TrainingKeysPerToken { get; init; }

    /// <summary>Training loss over every epoch, the mean over heads: the L2 term, and cross entropy in nats with the tokens' weights or,
    /// for <see cref="RouterLoss.ExpectedLoss"/>, what is lost beyond the oracle as a multiple of the mean regret.</summary>
    public required IReadOnlyList<double> TrainingLoss { get; init; }

    /// <summary>Tokens that were trained on and that were held out, each head counted, those that see no key left out.</summary>
    public required (long Training, long HeldOut) Tokens { get; init; }
}

/// <summary>What a way of routing is worth: means over the held-out tokens and heads.</summary>
/// <param name="Name">The expert, or <c>oracle</c>, <c>learned</c> or <c>random</c>.</param>
/// <param name="CapturedMass">Share of the teacher's attention that lies on attended keys, 0 to 1; null where an expert or the teacher
/// modifies scores.</param>
/// <param name="OutputError">|o - o_teacher| / |o_teacher|.</param>
/// <param name="KeysPerToken">Keys that a token attends.</param>
/// <param name="Shares">Share of the tokens that each expert gets, by id.</param>
public sealed record RoutingQuality(string Name, double? CapturedMass, double OutputError, double KeysPerToken, IReadOnlyList<double> Shares);
