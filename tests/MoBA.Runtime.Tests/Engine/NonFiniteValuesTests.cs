using System.Numerics.Tensors;
using Xunit;

namespace MoBA.Runtime.Tests;

/// <summary>Infinities and NaN among the values reach the queries that attend them, and no others.</summary>
public class NonFiniteValuesTests
{
    [Theory]
    [InlineData(float.NaN, true)]
    [InlineData(float.NaN, false)]
    [InlineData(float.PositiveInfinity, true)]
    [InlineData(float.PositiveInfinity, false)]
    [InlineData(float.NegativeInfinity, true)]
    public void OnlyQueriesThatAttendThemSeeThem(float value, bool wide)
    {
        using AttentionEngine engine = AttentionEngineTests.Engine(wide);
        Expect(engine, new Causal(), value, 99, (q, k) => q >= k);
        Expect(engine, new Causal(), value, 40, (q, k) => q >= k);
        Expect(engine, new WindowAndSinks(10, 1), value, 70, (q, k) => q >= k && q - k < 10);
        Expect(engine, new PenaltyAndCap(), value, 130, (q, k) => q >= k);
    }

    private static void Expect(AttentionEngine engine, TestExpert expert, float value, int key, Func<int, int, bool> attends)
    {
        const int tokens = 150, heads = 2, dim = 120;
        Tensor<float> q = Inputs.Normal<float>(1, tokens, heads, dim), k = Inputs.Normal<float>(2, tokens, 1, dim);
        Tensor<float> clean = Inputs.Normal<float>(3, tokens, 1, dim);
        float[] values = Inputs.Floats(clean);
        values[key * dim + 7] = value;
        values[key * dim + 100] = value;
        double[] expected = Oracle.Attend(expert, q, k, clean, new()).Output;
        float[] actual = Inputs.Floats(engine.Attend(expert, q, k, Tensor.Create(values, [tokens, 1, dim])));
        for (int i = 0; i < actual.Length; i++)
        {
            if (attends(i / (heads * dim), key) && (i % dim is 7 or 100))
                Assert.Equal(value, actual[i]);
            else
                Assert.Equal(expected[i], actual[i], 1e-5);
        }
    }
}
