using System.Numerics.Tensors;
using MoBA.Patterns;
using MoBA.Runtime;

namespace MoBA.Program;

/// <summary>A pattern of the gallery with its parameters, ready to attend: an expert, or a mixture and what routes it.</summary>
internal abstract class Pattern
{
    /// <summary>The class's name.</summary>
    public abstract string Name { get; }

    /// <summary>The parameters with their values.</summary>
    public abstract string Settings { get; }

    /// <summary>Name and parameters.</summary>
    public string Title => $"{Name} {Settings}".TrimEnd();

    /// <summary>The predicates, for a file's metadata.</summary>
    public abstract string Predicate { get; }

    /// <summary>The experts: the one, or those of the mixture by id.</summary>
    public abstract IReadOnlyList<ISparseExpert> Experts { get; }

    /// <summary>Whether its rows have a log-sum-exp.</summary>
    public abstract bool HasLse { get; }

    /// <summary>A pattern with the command line's parameters.</summary>
    /// <param name="entry">The gallery's.</param>
    /// <param name="tokens">Tokens that the parameters which are not set are to suit.</param>
    /// <param name="settings"><c>Name=Value</c> each.</param>
    /// <param name="routing">What routes a mixture.</param>
    public static Pattern Of(GalleryEntry entry, int tokens, IReadOnlyList<string> settings, Routing routing)
    {
        if (entry is MixtureEntry mixture)
        {
            return new MixturePattern(ExpertSettings.Apply(mixture.Create(tokens), settings), routing.For(mixture));
        }

        routing.CheckUnused(entry.Name);
        return new ExpertPattern(ExpertSettings.Apply(((ExpertEntry)entry).Create(tokens), settings));
    }

    /// <summary>Attends with an engine, into a new tensor or into <paramref name="output"/>.</summary>
    public abstract AttentionResult<T> Attend<T>(
        AttentionEngine engine, (Tensor<T> Q, Tensor<T> K, Tensor<T> V) tensors, AttentionOptions options, CancellationToken cancellationToken,
        Tensor<T>? output = null)
        where T : unmanaged;

    /// <summary>Compares what an engine made of tensors of any type, with log-sum-exp where there is one and with routes, with what the oracle makes of
    /// the same.</summary>
    public abstract Judgement Judge<T>(
        AttentionResult<float> actual, AttentionEngine engine, (Tensor<T> Q, Tensor<T> K, Tensor<T> V) tensors, AttentionOptions options,
        CancellationToken cancellationToken)
        where T : unmanaged;

    /// <summary>How much is attended of a sequence, by the routes that <paramref name="actual"/> has.</summary>
    public abstract Density Density(
        AttentionResult<float> actual, AttentionEngine engine, (Tensor<float> Q, Tensor<float> K, Tensor<float> V) tensors, AttentionOptions options,
        SequenceRows rows, CancellationToken cancellationToken);
}
