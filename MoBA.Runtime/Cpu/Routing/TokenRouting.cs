using System.Numerics.Tensors;
using System.Runtime.CompilerServices;

namespace MoBA.Runtime.Cpu.Routing;

/// <summary>
/// Pass "route": the best experts of every token and head, the softmax over their logits, and the entropy of the softmax over all
/// logits. Of equal logits the lower id wins.
/// </summary>
internal sealed unsafe class TokenRouting(MixtureCall mixture, AttentionProblem problem)
{
    /// <summary>Tokens that a worker takes at a time.</summary>
    public const int Chunk = 256;

    private readonly Lock _gate = new();
    private readonly int _experts = mixture.Experts.Length;
    private (long Place, float Logit)? _bad;

    /// <summary>Routes the tokens of one chunk.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Route(long chunk, int tokens)
    {
        float[] query = new float[problem.Dim], logits = new float[_experts];
        int first = (int)(chunk * Chunk);
        for (int token = first; token < Math.Min(first + Chunk, tokens); token++)
        {
            for (int head = 0; head < problem.QueryHeads; head++)
            {
                long row = (long)token * problem.QueryHeads + head;
                Read(token, head, row, query, logits);
                int bad = Array.FindIndex(logits, static x => !float.IsFinite(x));
                if (bad >= 0)
                    Report(row * _experts + bad, logits[bad]);
                else
                    Choose(logits, row);
            }
        }
    }

    /// <summary>After all chunks: refuses logits that cannot be ranked.</summary>
    /// <exception cref="ArgumentException">One is infinite or NaN; the message names the first.</exception>
    public void Check()
    {
        if (_bad is not { } bad)
            return;
        int expert = (int)(bad.Place % _experts);
        (long token, long head) = Math.DivRem(bad.Place / _experts, problem.QueryHeads);
        throw MixtureChecks.BadLogit(mixture.Router is not null, (int)token, (int)head, expert, bad.Logit);
    }

    private void Read(int token, int head, long row, float[] query, float[] logits)
    {
        if (mixture.Router is not { } router)
        {
            new ReadOnlySpan<float>(mixture.Logits + row * _experts, _experts).CopyTo(logits);
            return;
        }

        problem.Q.ReadRow(token, head, query);
        ReadOnlySpan<float> weights = router.HeadWeights(head).Span, bias = router.HeadBias(head).Span;
        for (int expert = 0; expert < _experts; expert++)
            logits[expert] = TensorPrimitives.Dot<float>(weights.Slice(expert * query.Length, query.Length), query) + bias[expert];
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Choose(float[] logits, long row)
    {
        int topK = mixture.TopK;
        Span<int> chosen = new(mixture.Routes + row * topK, topK);
        for (int expert = 0, found = 0; expert < logits.Length; expert++)
        {
            int place = found < topK ? found++ : topK;
            for (; place > 0 && logits[expert] > logits[chosen[place - 1]]; place--)
            {
                if (place < topK)
                    chosen[place] = chosen[place - 1];
            }

            if (place < topK)
                chosen[place] = expert;
        }

        // Softmax over the chosen logits, and over all of them; the greatest is chosen first.
        float most = logits[chosen[0]];
        double sum = 0, all = 0, moment = 0;
        for (int i = 0; i < topK; i++)
            sum += Math.Exp((double)logits[chosen[i]] - most);
        for (int i = 0; i < topK; i++)
            mixture.Weights[row * topK + i] = (float)(Math.Exp((double)logits[chosen[i]] - most) / sum);
        foreach (float logit in logits)
        {
            double below = (double)logit - most, p = Math.Exp(below);
            all += p;
            moment += p == 0 ? 0 : p * below;
        }

        mixture.Entropy[row] = (float)(Math.Log(all) - moment / all);
    }

    private void Report(long place, float logit)
    {
        lock (_gate)
        {
            if (_bad is not { } bad || place < bad.Place)
                _bad = (place, logit);
        }
    }
}
