using System.Numerics.Tensors;

namespace MoBA.Runtime;

// Learning a router from data, without touching the model.
public sealed partial class Router
{
    /// <summary>
    /// Learns a router from queries, keys and values of a model: finds for every token and head which expert comes closest to the
    /// teacher within a budget of keys, trains the linear router to predict that from the query (multinomial logistic regression),
    /// shifts its biases so that its own choice meets the budget, and reports on tokens that it was not trained on.
    /// </summary>
    /// <param name="engine">What attends with the teacher and the experts.</param>
    /// <param name="mixture">A mixture of TopK 1 of at least two experts. What is learned can be used by one of the same experts and
    /// a larger TopK too.</param>
    /// <param name="teacher">What the experts are to come close to, for example a dense causal expert.</param>
    /// <param name="q">[query tokens, query heads, dim].</param>
    /// <param name="k">[key tokens, key heads, dim].</param>
    /// <param name="v">[key tokens, key heads, dim].</param>
    /// <param name="options">Target, budget and training; null is the defaults.</param>
    /// <param name="progress">Told after every attention and every epoch.</param>
    /// <param name="cancellationToken">Ends the call early.</param>
    /// <typeparam name="T"><c>float</c>, <see cref="Half"/> or <see cref="BFloat16"/>.</typeparam>
    /// <exception cref="ArgumentException">A tensor's shape or element type, an option, the mixture or the teacher does not fit, or no
    /// expert is as cheap as the budget.</exception>
    /// <exception cref="InsufficientMemoryException">Memory cannot be had; the message says how much was needed.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static RouterFit Fit<T>(
        AttentionEngine engine, IExpertMixture mixture, ISparseExpert teacher, Tensor<T> q, Tensor<T> k, Tensor<T> v,
        RouterFitOptions? options = null, IProgress<RouterFitProgress>? progress = null, CancellationToken cancellationToken = default)
        where T : unmanaged
    {
        ArgumentNullException.ThrowIfNull(engine);
        ArgumentNullException.ThrowIfNull(mixture);
        ArgumentNullException.ThrowIfNull(teacher);
        options ??= new();
        AttentionChecks.KindOf<T>();
        AttentionChecks.Shapes(q, k, v, null);
        RouterFitChecks.Check(mixture.Info, teacher, options);
        (int tokens, int heads) = ((int)q.Lengths[0], (int)q.Lengths[1]);

        int stages = mixture.Info.Experts.Count + 1 + options.Epochs, stage = 0;
        void Done(string name) => progress?.Report(new(name, (double)++stage / stages));
        NamedExpert[] experts = [.. mixture.Info.Experts.Select(e =>
        {
            ISparseExpert expert = e.Select(mixture);
            return new NamedExpert(e.Id, e.Name, expert, ExpertCost.Measure(expert, tokens, (int)k.Lengths[0], heads, options.Attention, cancellationToken));
        })];
        RouterSamples samples = RouterSamples.Gather(engine, experts, teacher, (q, k, v), options, Done, cancellationToken);
        RouterSplit split = RouterSplit.Of(samples, options);
        RouterFitChecks.CheckBudget(samples, split.Training, options);

        RouterTraining training = new(samples, split.Training, RouterQueries.Flat(q), (int)q.Lengths[2], options);
        double[] losses = training.Run(Done, cancellationToken);
        Router router = training.Calibrated([.. experts.Select(e => e.Name)]);
        return RouterReport.Of(router, experts, samples, split, RouterQueries.Flat(router.Logits(q)), options) with { TrainingLoss = losses };
    }
}
