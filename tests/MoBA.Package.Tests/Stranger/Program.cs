using System;
using System.Linq;
using System.Numerics.Tensors;
using MoBA.Runtime;
using Stranger;

// Compares the engine with attention written out, on every target named on the command line.
const int Tokens = 150, Heads = 2, Dim = 16;
Random random = new Random(1);
Tensor<float> q = Normal(), k = Normal(), v = Normal();
Beacons pattern = new Beacons { Reach = 20, Step = 7 };
foreach (Target target in args.Select(Enum.Parse<Target>))
{
    using AttentionEngine engine = AttentionEngine.Create(target);
    Tensor<float> output = engine.Attend(pattern, q, k, v);
    double error = 0;
    for (int i = 0; i < Tokens * Heads * Dim; i++)
        error = Math.Max(error, Math.Abs(output[i / (Heads * Dim), i / Dim % Heads, i % Dim] - Expected(i / (Heads * Dim), i / Dim % Heads, i % Dim)));
    Console.WriteLine($"{target} {(error < 1e-5 ? "OK" : "WRONG")} {error:E1}");
}

double Expected(int row, int head, int component)
{
    double sum = 0, total = 0;
    for (int key = 0; key <= row; key++)
    {
        if (row - key >= 20 && key % 7 != 3)
            continue;

        double score = 0;
        for (int i = 0; i < Dim; i++)
            score += (double)q[row, head, i] * k[key, head, i];
        double weight = Math.Exp(score / Math.Sqrt(Dim));
        (sum, total) = (sum + (weight * v[key, head, component]), total + weight);
    }

    return sum / total;
}

Tensor<float> Normal()
{
    float[] values = new float[Tokens * Heads * Dim];
    for (int i = 0; i < values.Length; i++)
        values[i] = (float)(Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble()));
    return Tensor.Create(values, new nint[] { Tokens, Heads, Dim });
}
