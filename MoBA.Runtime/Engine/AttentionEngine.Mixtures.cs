using System.Buffers;
using System.Numerics.Tensors;

namespace MoBA.Runtime;

// Mixtures: a router, or the caller's logits, sends every token of every head to some of the experts.
public sealed partial class AttentionEngine
{
    /// <summary>Attends with a mixture, every query standing at its bottom-right position.</summary>
    /// <returns>The output, a new dense tensor like <paramref name="q"/>; 0 in a row that sees no key.</returns>
    /// <exception cref="ArgumentException">A tensor's shape or element type, the router, or a parameter of an expert, does not fit,
    /// or a logit is infinite or NaN.</exception>
    /// <exception cref="InsufficientMemoryException">Memory cannot be had; the message says how much was needed.</exception>
    public Tensor<T> Attend<TMixture, T>(TMixture mixture, Router router, Tensor<T> q, Tensor<T> k, Tensor<T> v)
        where TMixture : IExpertMixture => Attend(mixture, router, q, k, v, new AttentionOptions()).Output;

    /// <summary>Attends with a mixture and options, into a new tensor or into <paramref name="output"/>, as for an expert.</summary>
    /// <exception cref="ArgumentException">A tensor's shape or element type, an option, the router, or a parameter of an expert,
    /// does not fit, or a logit is infinite or NaN.</exception>
    /// <exception cref="InsufficientMemoryException">Memory cannot be had; the message says how much was needed.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public AttentionResult<T> Attend<TMixture, T>(
        TMixture mixture, Router router, Tensor<T> q, Tensor<T> k, Tensor<T> v, AttentionOptions options, Tensor<T>? output = null,
        CancellationToken cancellationToken = default)
        where TMixture : IExpertMixture
    {
        ArgumentNullException.ThrowIfNull(router);
        return Run(mixture, router, null, (q, k, v), output, options, cancellationToken);
    }

    /// <summary>Attends with a mixture whose logits the caller gives, every query standing at its bottom-right position.</summary>
    /// <returns>The output, a new dense tensor like <paramref name="q"/>; 0 in a row that sees no key.</returns>
    /// <exception cref="ArgumentException">A tensor's shape or element type, or a parameter of an expert, does not fit, or a logit is
    /// infinite or NaN.</exception>
    /// <exception cref="InsufficientMemoryException">Memory cannot be had; the message says how much was needed.</exception>
    public Tensor<T> Attend<TMixture, T>(TMixture mixture, Tensor<float> logits, Tensor<T> q, Tensor<T> k, Tensor<T> v)
        where TMixture : IExpertMixture => Attend(mixture, logits, q, k, v, new AttentionOptions()).Output;

    /// <summary>Attends with a mixture whose logits the caller gives.</summary>
    /// <param name="mixture">The mixture.</param>
    /// <param name="logits">[query tokens, query heads, experts], finite.</param>
    /// <param name="q">[query tokens, query heads, dim].</param>
    /// <param name="k">[key tokens, key heads, dim].</param>
    /// <param name="v">[key tokens, key heads, dim].</param>
    /// <param name="options">What else is asked for.</param>
    /// <param name="output">Where the output goes, as for an expert; null is a new tensor.</param>
    /// <param name="cancellationToken">Ends the call early.</param>
    /// <exception cref="ArgumentException">A tensor's shape or element type, an option, or a parameter of an expert, does not fit,
    /// or a logit is infinite or NaN.</exception>
    /// <exception cref="InsufficientMemoryException">Memory cannot be had; the message says how much was needed.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public AttentionResult<T> Attend<TMixture, T>(
        TMixture mixture, Tensor<float> logits, Tensor<T> q, Tensor<T> k, Tensor<T> v, AttentionOptions options, Tensor<T>? output = null,
        CancellationToken cancellationToken = default)
        where TMixture : IExpertMixture
    {
        ArgumentNullException.ThrowIfNull(logits);
        return Run(mixture, null, logits, (q, k, v), output, options, cancellationToken);
    }

    private unsafe AttentionResult<T> Run<T>(
        IExpertMixture mixture, Router? router, Tensor<float>? logits, (Tensor<T> Q, Tensor<T> K, Tensor<T> V) tensors, Tensor<T>? output,
        AttentionOptions options, CancellationToken cancellationToken)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        ArgumentNullException.ThrowIfNull(mixture);
        Call<T> call = Check(mixture.Info.Name, tensors, output, options, cancellationToken);
        MixtureChecks.Check(mixture.Info, router, logits is null ? [] : logits.Lengths, call.Q.Lengths, options);

        ISparseExpert[] experts = [.. mixture.Info.Experts.Select(e => e.Select(mixture))];
        ReadOnlySpan<nint> slots = [call.Q.Lengths[0], call.Q.Lengths[1], mixture.Info.TopK];
        Tensor<int> routes = EngineTensors.Create<int>(slots, "the routes");
        Tensor<float> weights = EngineTensors.Create<float>(slots, "the routes' weights");
        Tensor<float> entropy = EngineTensors.Create<float>(slots[..2], "the router's entropy");
        Tensor<float>? dense = logits is { IsDense: false } ? logits.ToDenseTensor() : logits;
        using MemoryHandle logitsPin = dense?.GetPinnedHandle() ?? default;
        using MemoryHandle routesPin = routes.GetPinnedHandle(), weightsPin = weights.GetPinnedHandle(), entropyPin = entropy.GetPinnedHandle();
        MixtureCall mixtureCall = new()
        {
            Mixture = mixture,
            Experts = experts,
            Router = router,
            Logits = (float*)logitsPin.Pointer,
            Routes = (int*)routesPin.Pointer,
            Weights = (float*)weightsPin.Pointer,
            Entropy = (float*)entropyPin.Pointer,
        };
        Compute(call, null, (problem, clock) => _backend.AttendMixture(mixtureCall, problem, clock, cancellationToken));
        return call.Result() with
        {
            Routes = options.ReturnRoutes ? routes : null,
            RouteWeights = options.ReturnRoutes ? weights : null,
            Loads = ExpertLoads.Of(mixture.Info, routes, weights, entropy),
        };
    }
}
