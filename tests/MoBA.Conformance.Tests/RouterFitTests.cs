using System.Numerics.Tensors;
using MoBA.Patterns;
using MoBA.Runtime;
using Xunit;

namespace MoBA.Conformance.Tests;

/// <summary>A router fitted to queries, keys and values of a trained model.</summary>
public sealed class RouterFitTests : IDisposable
{
    private readonly AttentionEngine _engine = AttentionEngine.Create(Target.Cpu);
    private readonly LongContext _mixture = new()
    {
        SinkWindow = new() { Window = 256, Sinks = 4 },
        Strided = new() { Stride = 16 },
        GlobalWindow = new() { Window = 32, Global = 4 },
        MobaTopK = new() { BlockSize = 64, TopK = 8 },
    };

    public void Dispose() => _engine.Dispose();

    [Theory]
    [InlineData(120)]
    [InlineData(220)]
    public void It_beats_chance_and_every_expert_of_its_cost(int keys)
    {
        RouterFit fit = Fit(keys, out _, out _, out _);

        // The budget is met on the training tokens; two spans of other text need more or less.
        Assert.InRange(fit.Learned.KeysPerToken, keys * 0.8, keys * 1.25);
        Assert.InRange(fit.Oracle.KeysPerToken, 0, keys);
        Assert.True(fit.Oracle.OutputError < fit.Learned.OutputError);
        Assert.True(fit.Learned.OutputError < fit.Random.OutputError);
        Assert.All(
            fit.Experts.Where(expert => expert.KeysPerToken <= fit.Learned.KeysPerToken),
            expert => Assert.True(expert.OutputError > fit.Learned.OutputError, $"{expert} against {fit.Learned}"));
    }

    [Fact]
    public void What_it_reports_is_what_the_engine_does()
    {
        RouterFit fit = Fit(180, out Tensor<BFloat16> q, out Tensor<BFloat16> k, out Tensor<BFloat16> v);
        AttentionResult<BFloat16> mixed = _engine.Attend(_mixture, fit.Router, q, k, v, new() { ReturnRoutes = true });
        Tensor<BFloat16> dense = _engine.Attend(new Causal(), q, k, v);
        double error = 0, tokens = 0;
        double[] shares = new double[4];
        for (int row = 0; row < q.Lengths[0] * q.Lengths[1]; row++)
        {
            (int token, int head) = (row / (int)q.Lengths[1], row % (int)q.Lengths[1]);
            if (token / 256 is not (2 or 5))
                continue;
            (double difference, double norm) = (0, 0);
            for (int i = 0; i < q.Lengths[2]; i++)
            {
                double wanted = (float)dense[token, head, i];
                difference += Math.Pow((float)mixed.Output[token, head, i] - wanted, 2);
                norm += wanted * wanted;
            }

            error += Math.Sqrt(difference / norm);
            shares[mixed.Routes![token, head, 0]]++;
            tokens++;
        }

        Assert.Equal(fit.Tokens.HeldOut, tokens);
        Assert.Equal(fit.Learned.OutputError, error / tokens, 1e-3);
        Assert.All(fit.Learned.Shares.Zip(shares), pair => Assert.Equal(pair.First, pair.Second / tokens, 2e-3));
        Assert.All(fit.Learned.Shares.Zip(mixed.Loads!), pair => Assert.InRange(pair.Second.Share, pair.First - 0.2, pair.First + 0.2));
    }

    private RouterFit Fit(int keys, out Tensor<BFloat16> q, out Tensor<BFloat16> k, out Tensor<BFloat16> v)
    {
        using SafetensorsFile file = SafetensorsFile.Read(Path.Combine(AppContext.BaseDirectory, "qkv_layer4_2048.safetensors"));
        (q, k, v) = (file.Get<BFloat16>("q"), file.Get<BFloat16>("k"), file.Get<BFloat16>("v"));
        return Router.Fit(_engine, _mixture, new Causal(), q, k, v, new() { KeysPerToken = keys });
    }
}
