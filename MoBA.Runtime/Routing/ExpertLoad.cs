namespace MoBA.Runtime;

/// <summary>What a router gave one expert of a mixture in one call.</summary>
/// <param name="Id">The expert's id.</param>
/// <param name="Name">Its name within the mixture.</param>
/// <param name="Tokens">Tokens that were sent to it, each head counted.</param>
/// <param name="Share">Its share of all that was sent, 0 to 1.</param>
/// <param name="MeanWeight">Mean weight of its tokens' routes to it, 0 to 1; 0 where it got none.</param>
/// <param name="Entropy">Mean entropy, in nats, of the router's softmax over all experts at the tokens that were sent to it: 0 where
/// the router was certain, ln(experts) where it guessed.</param>
/// <param name="TokensPerHead">Tokens that were sent to it, by query head.</param>
public sealed record ExpertLoad(
    int Id, string Name, long Tokens, double Share, double MeanWeight, double Entropy, IReadOnlyList<long> TokensPerHead);
