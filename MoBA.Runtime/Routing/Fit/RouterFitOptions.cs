namespace MoBA.Runtime;

/// <summary>What <see cref="Router.Fit{T}"/> takes an expert's loss at a token to be.</summary>
public enum RouterTarget
{
    /// <summary>Relative error of its output: |o_expert - o_teacher| / |o_teacher|.</summary>
    OutputError,

    /// <summary>The share of the teacher's attention that it misses: 1 - exp(lse_expert - lse_teacher). For experts without a score
    /// modifier.</summary>
    CapturedMass,
}

/// <summary>What the training of a router makes small.</summary>
public enum RouterLoss
{
    /// <summary>What a token would lose if its expert were drawn by the router's softmax: the mean of the experts' losses (and of the price
    /// of their keys), weighted by their probabilities. A token where all experts are nearly equal hardly counts, and a router that cannot
    /// tell tokens apart sends them to the expert that is best on average.</summary>
    ExpectedLoss,

    /// <summary>Cross entropy with the oracle's choice, every token weighted by its regret: how much worse the other experts are on
    /// average.</summary>
    RegretWeighted,

    /// <summary>Cross entropy with the oracle's choice; every token counts alike.</summary>
    CrossEntropy,
}

/// <summary>How <see cref="Router.Fit{T}"/> learns. The defaults suit some thousand tokens of a trained model.</summary>
public sealed record RouterFitOptions
{
    /// <summary>What the router is to make small.</summary>
    public RouterTarget Target { get; init; }

    /// <summary>Keys that a token may attend on average over tokens and heads; null is no limit, and every token goes to the expert of
    /// the smallest loss whatever it costs. The router meets it on the training tokens.</summary>
    public double? KeysPerToken { get; init; }

    /// <summary>Sequences, scale and positions of the queries, as for <see cref="AttentionEngine"/>.</summary>
    public AttentionOptions Attention { get; init; } = new();

    /// <summary>Passes over the training tokens, at least 1.</summary>
    public int Epochs { get; init; } = 30;

    /// <summary>Tokens of a step, at least 1.</summary>
    public int BatchSize { get; init; } = 128;

    /// <summary>Step size of Adam (Kingma and Ba, 2015), positive; it falls to 0 over the epochs as half a cosine.</summary>
    public double LearningRate { get; init; } = 0.1;

    /// <summary>Weight of half the squared length of a head's weights in the loss, at least 0.</summary>
    public double L2 { get; init; } = 1e-3;

    /// <summary>What training makes small.</summary>
    public RouterLoss Loss { get; init; } = RouterLoss.ExpectedLoss;

    /// <summary>Seed of the order in which tokens are seen. Equal seeds give bitwise equal routers on the same machine.</summary>
    public int Seed { get; init; }

    /// <summary>Tokens of a span: spans are trained on or held out as a whole, for neighbours are alike. At least 1.</summary>
    public int SpanTokens { get; init; } = 256;

    /// <summary>One of so many spans is held out from training and reported on, each time at another place among them; at least 2.</summary>
    public int HoldOutEvery { get; init; } = 4;
}

/// <summary>How far <see cref="Router.Fit{T}"/> has come.</summary>
/// <param name="Stage">What was done last, for people, for example <c>attend SinkWindow</c> or <c>train</c>.</param>
/// <param name="Fraction">Share of all work that is done, 0 to 1; never falls.</param>
public readonly record struct RouterFitProgress(string Stage, double Fraction);
