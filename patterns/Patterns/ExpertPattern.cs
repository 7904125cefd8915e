using System.Numerics.Tensors;
using MoBA.Runtime;

namespace MoBA.Program;

/// <summary>An expert, with a block gate or without.</summary>
internal sealed class ExpertPattern(ISparseExpert expert) : Pattern
{
    public ISparseExpert Expert => expert;

    public override string Name => expert.Info.Name;

    public override string Settings => ExpertSettings.Describe(expert.ParameterValues);

    public override string Predicate => expert.Info.Predicate;

    public override IReadOnlyList<ISparseExpert> Experts { get; } = [expert];

    public override bool HasLse => true;

    public override AttentionResult<T> Attend<T>(
        AttentionEngine engine, (Tensor<T> Q, Tensor<T> K, Tensor<T> V) tensors, AttentionOptions options, CancellationToken cancellationToken,
        Tensor<T>? output = null) => UserErrorException.Around(() => output is null
            ? engine.Attend(expert, tensors.Q, tensors.K, tensors.V, options, cancellationToken)
            : engine.Attend(expert, tensors.Q, tensors.K, tensors.V, options, output, cancellationToken));

    public override Judgement Judge<T>(
        AttentionResult<float> actual, AttentionEngine engine, (Tensor<T> Q, Tensor<T> K, Tensor<T> V) tensors, AttentionOptions options,
        CancellationToken cancellationToken)
    {
        (Tensor<T> q, Tensor<T> k, Tensor<T> v) = tensors;
        if (actual.Routes is not { } routes)
        {
            return Judgement.Of(actual, ReferenceAttention.Attend(expert, q, k, v, options, cancellationToken), [], null);
        }

        RouteGap gap = ReferenceAttention.CompareRoutes(expert, routes, q, k, options, cancellationToken);
        return Judgement.Of(actual, ReferenceAttention.Attend(expert, routes, q, k, v, options, cancellationToken), [("routes", gap)], null);
    }

    public override Density Density(
        AttentionResult<float> actual, AttentionEngine engine, (Tensor<float> Q, Tensor<float> K, Tensor<float> V) tensors, AttentionOptions options,
        SequenceRows rows, CancellationToken cancellationToken)
    {
        int heads = (int)tensors.Q.Lengths[1];
        return actual.Routes is { } routes
            ? Program.Density.Of(rows, heads, new RoutedRows(expert, RouteTable.Of(routes), rows, heads).Keys, cancellationToken)
            : Program.Density.Of(expert, rows.Keys, heads, cancellationToken);
    }
}
