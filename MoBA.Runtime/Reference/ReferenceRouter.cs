using System.Numerics.Tensors;

namespace MoBA.Runtime;

/// <summary>The experts of every token and head by their definition.</summary>
internal sealed class ReferenceRouter<T>
    where T : unmanaged
{
    private readonly ReferenceProblem<T> _problem;
    private readonly Router? _router;
    private readonly float[]? _logits;
    private readonly int _experts, _topK;
    private readonly int[] _routes;
    private readonly float[] _weights, _entropy;

    public ReferenceRouter(ReferenceProblem<T> problem, MixtureInfo mixture, Router? router, Tensor<float>? logits)
    {
        (_problem, _router, _experts, _topK) = (problem, router, mixture.Experts.Count, mixture.TopK);
        if (logits is not null)
        {
            _logits = new float[logits.FlattenedLength];
            logits.FlattenTo(_logits);
        }

        _entropy = new float[problem.QueryTokens * problem.Heads];
        _routes = new int[_entropy.Length * _topK];
        _weights = new float[_routes.Length];
    }

    /// <summary>Chosen experts, [query tokens, query heads, TopK].</summary>
    public Tensor<int> Routes => Tensor.Create(_routes, [_problem.QueryTokens, _problem.Heads, _topK]);

    /// <summary>Their weights, [query tokens, query heads, TopK].</summary>
    public Tensor<float> Weights => Tensor.Create(_weights, [_problem.QueryTokens, _problem.Heads, _topK]);

    /// <summary>Entropy of the softmax over all experts in nats, [query tokens, query heads].</summary>
    public Tensor<float> Entropy => Tensor.Create(_entropy, [_problem.QueryTokens, _problem.Heads]);

    /// <summary>The expert in a slot of a row that has been chosen for; <paramref name="place"/> counts tokens and heads.</summary>
    public int Route(int place, int slot) => _routes[(place * _topK) + slot];

    /// <summary>Chooses the experts of one token and head.</summary>
    /// <returns>Their weights, the highest first.</returns>
    /// <exception cref="ArgumentException">A logit is infinite or NaN.</exception>
    public double[] Choose(ReferenceRow row, int head)
    {
        double[] logits = [.. Enumerable.Range(0, _experts).Select(e => Logit(row, head, e))];
        int[] best = [.. Enumerable.Range(0, _experts).OrderByDescending(e => logits[e]).ThenBy(e => e).Take(_topK)];
        double[] weights = Softmax([.. best.Select(e => logits[e])]);
        int place = (row.Token * _problem.Heads) + head;
        best.CopyTo(_routes, place * _topK);
        Array.ConvertAll(weights, x => (float)x).CopyTo(_weights, place * _topK);
        _entropy[place] = (float)-Softmax(logits).Sum(p => p > 0 ? p * Math.Log(p) : 0);
        return weights;
    }

    private double Logit(ReferenceRow row, int head, int expert)
    {
        double logit;
        if (_router is null)
        {
            logit = _logits![(((row.Token * _problem.Heads) + head) * _experts) + expert];
        }
        else
        {
            logit = _router.HeadBias(head).Span[expert];
            ReadOnlySpan<double> query = _problem.Query(row, head);
            ReadOnlySpan<float> weights = _router.HeadWeights(head).Span.Slice(expert * query.Length, query.Length);
            for (int i = 0; i < query.Length; i++)
            {
                logit += weights[i] * query[i];
            }
        }

        return float.IsFinite((float)logit)
            ? logit
            : throw MixtureChecks.BadLogit(_router is not null, row.Token, head, expert, (float)logit);
    }

    private static double[] Softmax(double[] logits)
    {
        double max = logits.Max();
        double sum = logits.Sum(x => Math.Exp(x - max));
        return Array.ConvertAll(logits, x => Math.Exp(x - max) / sum);
    }
}
