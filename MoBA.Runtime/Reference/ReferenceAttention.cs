using System.Numerics.Tensors;
using System.Runtime.ExceptionServices;

namespace MoBA.Runtime;

/// <summary>
/// The O(N^2) oracle: what attention means, written to be believed and not to be fast. Every pair of positions is put to the
/// expert's own predicate; gates, logits, dot products, softmax and sums are in double precision. It shares no code with the
/// kernels that it judges.
/// </summary>
public static partial class ReferenceAttention
{
    /// <summary>Attends in double precision; an expert with a block gate finds its routes by their definition.</summary>
    /// <param name="expert">The pattern.</param>
    /// <param name="q">[query tokens, query heads, dim].</param>
    /// <param name="k">[key tokens, key heads, dim].</param>
    /// <param name="v">[key tokens, key heads, dim].</param>
    /// <param name="options">As for <see cref="AttentionEngine"/>; null is one sequence with the last query at the last key.</param>
    /// <param name="cancellationToken">Looked at once a row.</param>
    /// <typeparam name="T"><c>float</c>, <see cref="Half"/> or <see cref="BFloat16"/>.</typeparam>
    /// <returns>Output [query tokens, query heads, dim] and, always, log-sum-exp [query tokens, query heads] and the routes of a
    /// gate; 0 and -infinity in a row that sees no key.</returns>
    /// <exception cref="ArgumentException">A tensor's shape or element type, or an option, does not fit.</exception>
    public static AttentionResult<float> Attend<T>(
        ISparseExpert expert, Tensor<T> q, Tensor<T> k, Tensor<T> v, AttentionOptions? options = null,
        CancellationToken cancellationToken = default)
        where T : unmanaged => Run(expert, null, q, k, v, options, cancellationToken);

    /// <summary>Attends with routes that are given, so that attention can be judged apart from the gate that chose them.</summary>
    /// <param name="expert">A pattern with a block gate.</param>
    /// <param name="routes">[query tokens, route heads, TopK] block numbers in any order, -1 for none, as in
    /// <see cref="AttentionResult{T}.Routes"/>. They are taken as they are, whatever the gate would have chosen.</param>
    /// <param name="q">[query tokens, query heads, dim].</param>
    /// <param name="k">[key tokens, key heads, dim].</param>
    /// <param name="v">[key tokens, key heads, dim].</param>
    /// <param name="options">As for the other overload.</param>
    /// <param name="cancellationToken">Looked at once a row.</param>
    /// <typeparam name="T"><c>float</c>, <see cref="Half"/> or <see cref="BFloat16"/>.</typeparam>
    /// <returns>As for the other overload.</returns>
    /// <exception cref="ArgumentException">The expert has no gate, a route is no block of its sequence, or a tensor's shape or element
    /// type, or an option, does not fit.</exception>
    public static AttentionResult<float> Attend<T>(
        ISparseExpert expert, Tensor<int> routes, Tensor<T> q, Tensor<T> k, Tensor<T> v, AttentionOptions? options = null,
        CancellationToken cancellationToken = default)
        where T : unmanaged
    {
        ArgumentNullException.ThrowIfNull(routes);
        return Run(expert, routes, q, k, v, options, cancellationToken);
    }

    private static AttentionResult<float> Run<T>(
        ISparseExpert expert, Tensor<int>? given, Tensor<T> q, Tensor<T> k, Tensor<T> v, AttentionOptions? options,
        CancellationToken cancellationToken)
        where T : unmanaged
    {
        ArgumentNullException.ThrowIfNull(expert);
        var problem = new ReferenceProblem<T>(q, k, v, options ?? new());
        long start = TimeProvider.System.GetTimestamp();
        ReferenceRoutes? routes = given is null ? problem.Routes(expert.Gate, cancellationToken) : ReferenceRoutes.Of(expert, given, problem);
        float[] output = new float[q.FlattenedLength], lse = new float[problem.QueryTokens * problem.Heads];
        ForEachRow(problem, cancellationToken, (row, head, scratch) =>
        {
            int place = (row.Token * problem.Heads) + head;
            lse[place] = (float)problem.AttendRow(expert, routes, row, head, scratch);
            Narrow(scratch.Sum, output.AsSpan(place * problem.Dim, problem.Dim));
        });

        return new()
        {
            Output = Tensor.Create(output, q.Lengths),
            Lse = Tensor.Create(lse, q.Lengths[..2]),
            Routes = routes?.ToTensor(),
            Timings = [new("reference", TimeProvider.System.GetElapsedTime(start))],
        };
    }

    private static void ForEachRow<T>(
        ReferenceProblem<T> problem, CancellationToken cancellationToken, Action<ReferenceRow, int, ReferenceScratch> attend)
        where T : unmanaged
    {
        ParallelOptions parallel = new() { CancellationToken = cancellationToken };
        try
        {
            Parallel.ForEach(problem.Rows(), parallel, () => new ReferenceScratch(problem.LongestKeys, problem.Dim), (row, _, scratch) =>
            {
                for (int head = 0; head < problem.Heads; head++)
                {
                    attend(row, head, scratch);
                }

                return scratch;
            }, _ => { });
        }
        catch (AggregateException error)
        {
            // What the author's own predicate threw, as if it had been called here.
            ExceptionDispatchInfo.Throw(error.InnerExceptions[0]);
        }
    }

    private static void Narrow(ReadOnlySpan<double> sum, Span<float> output)
    {
        for (int i = 0; i < output.Length; i++)
        {
            output[i] = (float)sum[i];
        }
    }
}
