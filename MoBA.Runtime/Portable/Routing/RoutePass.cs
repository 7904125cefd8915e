using System.Runtime.InteropServices;
using ILGPU;
using ILGPU.Runtime;

namespace MoBA.Runtime.Portable;

/// <summary>Pass "route" of a mixture over all tokens of a call, and its results on the device.</summary>
internal sealed unsafe class RoutePass
{
    private readonly MixtureCall _mixture;
    private readonly int _tokens, _heads;
    private readonly RouteParameters _results;

    /// <summary>Routes, and fills the routes, weights and entropy of <paramref name="mixture"/>.</summary>
    /// <exception cref="ArgumentException">A logit is infinite or NaN.</exception>
    public RoutePass(PortableCall call, MixtureCall mixture, AttentionProblem problem)
    {
        _mixture = mixture;
        (_tokens, _heads) = (problem.Sequences.Max(s => s.FirstQueryToken + s.Queries), problem.QueryHeads);
        PortableProblem all = call.Sequence(new(0, _tokens, 0, 0, 0));
        _results = Parameters(call);
        call.Device.Launcher<RouteParameters>(RouteKernel.Run)(new Index2D(_tokens, _heads), all, _results);
        Download();
    }

    /// <summary>Where the choices of the rows of a sequence are.</summary>
    public (ArrayView<int> Chosen, ArrayView<float> Shares, long RankStride, long HeadStride) Of(AttentionSequence sequence)
    {
        long first = sequence.FirstQueryToken, length = _results.Chosen.Length - first;
        return (_results.Chosen.SubView(first, length), _results.Shares.SubView(first, length), _results.RankStride, _tokens);
    }

    private RouteParameters Parameters(PortableCall call)
    {
        int experts = _mixture.Experts.Length;
        long places = (long)_tokens * _heads;
        RouteParameters p = new()
        {
            Experts = experts,
            TopK = _mixture.TopK,
            RankStride = places,
            Chosen = call.Allocate<int>(places * _mixture.TopK).View.BaseView,
            Shares = call.Allocate<float>(places * _mixture.TopK).View.BaseView,
            Entropy = call.Allocate<float>(places).View.BaseView,
            HasRouter = _mixture.Router is null ? 0 : 1,
        };
        (p.Factor, p.FactorRest) = call.QueryFactor;
        if (_mixture.Router is { } router)
        {
            float[] weights = [.. Enumerable.Range(0, _heads).SelectMany(h => router.HeadWeights(h).ToArray())];
            float[] bias = [.. Enumerable.Range(0, _heads).SelectMany(h => router.HeadBias(h).ToArray())];
            p.Weights = call.Upload<Float4>(MemoryMarshal.Cast<float, Float4>(weights)).View.BaseView;
            p.Bias = call.Upload<float>(bias).View.BaseView;
            p.Logits = call.Allocate<float>(places * experts).View.BaseView;
            (p.TokenStride, p.HeadStride, p.ExpertStride) = (1, _tokens, places);
            return p;
        }

        p.Weights = call.Allocate<Float4>(1).View.BaseView;
        p.Bias = call.Allocate<float>(1).View.BaseView;
        p.Logits = call.Allocate<float>(places * experts).View.BaseView;
        p.Logits.CopyFromCPU(ref *_mixture.Logits, places * experts);
        (p.TokenStride, p.HeadStride, p.ExpertStride) = ((long)_heads * experts, experts, 1);
        return p;
    }

    // From [rank, head, token] to [token, head, rank].
    private void Download()
    {
        long places = (long)_tokens * _heads;
        int[] chosen = new int[_results.Chosen.Length];
        float[] shares = new float[_results.Shares.Length], entropy = new float[places];
        _results.Chosen.CopyToCPU(chosen);
        _results.Shares.CopyToCPU(shares);
        _results.Entropy.CopyToCPU(entropy);
        for (long i = 0; i < places; i++)
        {
            (long token, long head) = (i / _heads, i % _heads);
            long place = (head * _tokens) + token;
            if (chosen[place] < 0)
                throw MixtureChecks.BadLogit(_mixture.Router is not null, (int)token, (int)head, -1 - chosen[place], shares[place]);
            _mixture.Entropy[i] = entropy[place];
            for (int rank = 0; rank < _mixture.TopK; rank++)
            {
                _mixture.Routes[(i * _mixture.TopK) + rank] = chosen[(rank * places) + place];
                _mixture.Weights[(i * _mixture.TopK) + rank] = shares[(rank * places) + place];
            }
        }
    }
}
