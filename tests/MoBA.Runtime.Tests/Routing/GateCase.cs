using System.Numerics.Tensors;

namespace MoBA.Runtime.Tests;

/// <summary>A random call of an expert with a block gate.</summary>
internal sealed record GateCase(ISparseExpert Expert, Tensor<float> Q, Tensor<float> K, Tensor<float> V, AttentionOptions Options)
{
    /// <summary>The case of a seed.</summary>
    public static GateCase Random(int seed)
    {
        Random random = new(seed);
        int keyHeads = Pick(1, 2), heads = keyHeads * Pick(1, 2, 3), dim = 8 * Pick(1, 2, 3, 5);
        int[] keys = random.Next(3) == 0 ? [Length(), 0, 1, Length()] : [Length()];
        int place = random.Next(5);
        int[] queries = [.. keys.Select(n => place switch { 0 or 1 => n, 2 => (n + 2) / 3, 3 => 1, _ => n + 7 })];
        bool clustered = random.Next(2) == 0;

        BlockGate gate = new(
            16 * Pick(1, 2, 3, 4, 5, 8), Pick(1, 2, 3, 5, 8, 20, 1000), Pick(Pooling.Mean, Pooling.Mean, Pooling.MinMax),
            Pick(RouteScope.QueryHead, RouteScope.KeyGroup));
        ISparseExpert inner = random.Next(5) switch
        {
            0 => new WindowAndSinks(random.Next(1, 200), 3),
            1 => new PenaltyAndCap(),
            2 => new Everything(),
            _ => new FastCausal(),
        };
        Func<int, int, bool>? always = random.Next(3) switch
        {
            0 => static (q, k) => k < 20 || q - k < 50,
            1 => static (q, k) => (q + k) % 7 == 0,
            _ => null,
        };
        AttentionOptions options = new()
        {
            Sequences = Offsets(queries),
            KeySequences = Offsets(keys),
            QueryStart = random.Next(6) == 0 ? random.Next(0, 300) : null,
            ReturnLse = true,
            ReturnRoutes = true,
        };
        return new(
            new GatedExpert(inner, gate, always), Normal(queries.Sum(), heads), Normal(keys.Sum(), keyHeads), Normal(keys.Sum(), keyHeads), options);

        T Pick<T>(params T[] choices) => choices[random.Next(choices.Length)];

        int Length() => Pick(2, 15, 16, 17, 63, 64, 65, 130, 257, 400);

        // Neighbours that are alike choose alike.
        Tensor<float> Normal(int tokens, int count)
        {
            float[] values = Inputs.Floats(Inputs.Normal<float>(random.Next(), tokens, count, dim));
            int row = count * dim;
            for (int i = row; i < values.Length && clustered; i++)
                values[i] = (0.95f * values[i - row]) + (0.3f * values[i]);
            return Tensor.Create(values, [tokens, count, dim]);
        }
    }

    private static int[] Offsets(int[] lengths) => [.. Enumerable.Range(0, lengths.Length + 1).Select(i => lengths.Take(i).Sum())];
}
