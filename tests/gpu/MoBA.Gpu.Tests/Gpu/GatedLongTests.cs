using System.Diagnostics;
using MoBA.Conformance.Tests;
using MoBA.Patterns;
using MoBA.Runtime;
using Xunit;

namespace MoBA.Gpu.Tests.Gpu;

/// <summary>A million tokens, and tensors of more elements than int counts, through a block gate.</summary>
public sealed class GatedLongTests(GpuFixture gpu) : GpuTests(gpu)
{
    private const int Dim = 128, Samples = 64;

    [Theory]
    [InlineData(1 << 20, 8, 8, 128, 8)]
    [InlineData(1 << 20, 8, 2, 512, 3)]
    [InlineData(270_000, 64, 8, 128, 8)]
    public void Long_sequences_are_right(int tokens, int queryHeads, int keyHeads, int blockSize, int topK)
    {
        long bytes = (long)tokens * queryHeads * Dim * sizeof(ushort), needed = (8 * bytes) + (8L << 30);
        Assert.SkipUnless(ForeignMemory.FreeBytes > needed, $"needs {needed >> 30} GiB of free device memory; {ForeignMemory.FreeBytes >> 30} are free");
        ISparseExpert expert = new MobaTopK { BlockSize = blockSize, TopK = topK };
        using PeriodicTensor q = new(1, tokens, queryHeads, Dim), k = new(2, tokens, keyHeads, Dim), v = new(3, tokens, keyHeads, Dim);
        using ForeignMemory output = new(bytes);
        output.Fill(Bits.Poison(Element.BFloat16), q.Count);
        ForeignMemory.Synchronize();
        DeviceTensor<BFloat16> result = DeviceTensor.FromPointer<BFloat16>(output.Pointer, [tokens, queryHeads, Dim], [queryHeads * Dim, Dim, 1]);

        long free = ForeignMemory.FreeBytes;
        DeviceAttentionResult<BFloat16> outcome = Engine.Attend(expert, q.View, k.View, v.View, new() { ReturnLse = true, ReturnRoutes = true, Strict = true }, result);
        using DeviceTensor<float> sums = outcome.Lse!;
        using DeviceTensor<int> chosen = outcome.Routes!;
        Engine.DefaultStream.Synchronize();
        long extra = free - ForeignMemory.FreeBytes;
        BlockRoutes routes = BlockRoutes.Of(chosen.ToHost());
        float[] lse = [.. sums.ToHost()];

        CheckEveryRow(routes, lse, output, tokens, blockSize);
        CheckSamples(q, k, v, routes, lse, output, tokens, keyHeads, expert.Gate!);
        Measure(() => Engine.Attend(expert, q.View, k.View, v.View, new(), result).WorkspaceBytes, $"{tokens} tokens, {queryHeads}/{keyHeads} heads, {blockSize}x{topK}", extra);
    }

    private void Measure(Func<long> attend, string what, long extra)
    {
        const int runs = 3;
        attend();
        Engine.DefaultStream.Synchronize();
        long start = Stopwatch.GetTimestamp(), workspace = 0;
        for (int i = 0; i < runs; i++)
            workspace = attend();
        Engine.DefaultStream.Synchronize();
        string line = $"{what}: {Stopwatch.GetElapsedTime(start).TotalMilliseconds / runs:F1} ms; scratch {workspace >> 20} MiB, first call took {extra >> 20} MiB of the device with routes and lse";
        ProgressLog.Default.Note(line);
        TestContext.Current.SendDiagnosticMessage(line);
    }

    // The shape of every route, and that every number was written.
    private static void CheckEveryRow(BlockRoutes routes, float[] lse, ForeignMemory output, int tokens, int blockSize)
    {
        string?[] faults = new string?[tokens];
        Parallel.For(0, tokens, token =>
        {
            for (int head = 0; head < routes.Heads; head++)
            {
                string? fault = RouteJudge.Shape(new(token, head, token, token / blockSize, token / blockSize), routes.Row(token, head));
                faults[token] ??= fault is null ? null : $"routes of [token {token}, head {head}], [{string.Join(' ', routes.Row(token, head).ToArray())}]: {fault}";
            }
        });
        AssertRight(Array.Find(faults, fault => fault is not null));
        int row = Array.FindIndex(lse, value => !float.IsFinite(value));
        Assert.True(row < 0, $"lse of row {row} is not finite");
        ushort[] part = new ushort[1 << 26];
        long count = (long)lse.Length * Dim;
        for (long start = 0; start < count; start += part.Length)
        {
            Span<ushort> values = part.AsSpan(0, (int)Math.Min(part.Length, count - start));
            output.Download(start, values);
            int at = values.IndexOf(Bits.Poison(Element.BFloat16));
            Assert.True(at < 0, $"output not written at row {(start + at) / Dim}");
        }
    }

    private static void CheckSamples(
        PeriodicTensor q, PeriodicTensor k, PeriodicTensor v, BlockRoutes routes, float[] lse, ForeignMemory output, int tokens, int keyHeads, BlockGate gate)
    {
        // Both ends, ends of blocks, where 2^31 elements lie, and others.
        Random random = new(5);
        int heads = routes.Heads, middle = (int)Math.Min(tokens - 2, (1L << 31) / (heads * Dim));
        int[] fixedOnes = [0, 1, gate.BlockSize - 1, gate.BlockSize, gate.BlockSize + 1, 131_071, 131_072, middle - 1, middle, middle + 1, tokens - 2, tokens - 1];
        SampledRows sample = new([.. fixedOnes, .. Enumerable.Range(0, Samples - fixedOnes.Length).Select(_ => random.Next(tokens))], heads, keyHeads, Dim, gate.BlockSize);
        int[] tokensOf = sample.Tokens;
        CheckGates(q, k, routes, sample, tokens, gate);

        BlockRoutes own = routes with { Blocks = [.. tokensOf.SelectMany(token => Enumerable.Range(0, heads), (token, head) => routes.Row(token, head).ToArray()).SelectMany(row => row)] };
        ushort[] actual = new ushort[tokensOf.Length * heads * Dim];
        for (int i = 0; i < tokensOf.Length; i++)
            output.Download((long)tokensOf[i] * heads * Dim, actual.AsSpan(i * heads * Dim, heads * Dim));
        float[] sums = [.. tokensOf.SelectMany(token => lse[(token * heads)..((token + 1) * heads)])];
        string? fault = Judge.Fault(sample.Inputs, sample.Attend(q.Read, k.Read, v.Read, own), actual, sums);
        Assert.True(fault is null, $"rows of tokens {string.Join(' ', tokensOf)}: {fault}");
    }

    private static void CheckGates(PeriodicTensor q, PeriodicTensor k, BlockRoutes routes, SampledRows sample, int tokens, BlockGate gate)
    {
        int heads = sample.KeyHeads, blocks = tokens / gate.BlockSize;
        PooledBlock[] pooled = new PooledBlock[blocks * heads];
        Parallel.For(0, pooled.Length, i =>
        {
            (int block, int head) = Math.DivRem(i, heads);
            float[] rows = new float[gate.BlockSize * Dim];
            for (int key = 0; key < gate.BlockSize; key++)
                k.Read((block * gate.BlockSize) + key, head, rows.AsSpan(key * Dim, Dim));
            pooled[i] = new(rows, Dim, Element.BFloat16, gate.Pooling);
        });
        string?[] faults = new string?[sample.Tokens.Length * sample.QueryHeads];
        Parallel.For(0, faults.Length, row =>
        {
            (int i, int head) = Math.DivRem(row, sample.QueryHeads);
            int token = sample.Tokens[i], past = token / gate.BlockSize;
            float[] query = new float[Dim];
            q.Read(token, head, query);
            GateValue[] gates = [.. Enumerable.Range(0, past).Select(block => pooled[(block * heads) + (head / (sample.QueryHeads / heads))].Gate(query))];
            if (past >= gate.TopK && RouteJudge.Choice(gates, routes.Row(token, head)[1..]) is { } fault)
                faults[row] = $"routes of [token {token}, head {head}]: {fault}";
        });
        AssertRight(Array.Find(faults, fault => fault is not null));
    }
}
