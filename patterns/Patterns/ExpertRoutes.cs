using System.Numerics.Tensors;
using MoBA.Runtime;

namespace MoBA.Program;

/// <summary>Which experts of a mixture the rows of a result went to; a row is token * heads + head.</summary>
internal sealed class ExpertRoutes
{
    // Far below every logit that a weight has.
    private const float NotChosen = -1e30f;

    private readonly int[] _ids;
    private readonly float[] _weights;
    private readonly int _tokens, _heads, _topK, _experts;

    /// <summary>Takes the routes out of a result that has them.</summary>
    public ExpertRoutes(AttentionResult<float> result, int experts)
    {
        (_ids, _weights, _experts) = (result.Routes!.ToFlat(), result.RouteWeights!.ToFlat(), experts);
        (_tokens, _heads, _topK) = ((int)result.Routes!.Lengths[0], (int)result.Routes.Lengths[1], (int)result.Routes.Lengths[2]);
    }

    /// <summary>Number of rows.</summary>
    public int Rows => _tokens * _heads;

    /// <summary>Experts of a row, the best first.</summary>
    public ReadOnlySpan<int> this[int row] => _ids.AsSpan(row * _topK, _topK);

    /// <summary>Logits that lead to these routes and weights, [tokens, heads, experts], so that attention can be judged apart from
    /// the router.</summary>
    public Tensor<float> AsLogits()
    {
        float[] logits = new float[Rows * _experts];
        Array.Fill(logits, NotChosen);
        for (int i = 0; i < _ids.Length; i++)
        {
            logits[(i / _topK * _experts) + _ids[i]] = MathF.Log(Math.Max(_weights[i], float.Epsilon));
        }

        return Tensor.Create(logits, [_tokens, _heads, _experts]);
    }

    /// <summary>Marks rows that went to a gated expert and whose blocks differ.</summary>
    public void Mark(bool[] rows, string expert, MixtureInfo mixture, Tensor<int> blocks, Tensor<int> others)
    {
        int id = mixture.Experts.Single(e => e.Name == expert).Id;
        int routeHeads = (int)blocks.Lengths[1], topK = (int)blocks.Lengths[2], group = _heads / routeHeads;
        int[] mine = blocks.ToFlat(), theirs = others.ToFlat();
        for (int row = 0; row < rows.Length; row++)
        {
            int at = ((row / _heads * routeHeads) + (row % _heads / group)) * topK;
            rows[row] |= this[row].Contains(id) && !mine.AsSpan(at, topK).SequenceEqual(theirs.AsSpan(at, topK));
        }
    }
}
