using MoBA.Conformance.Tests;
using MoBA.Patterns;
using MoBA.Runtime;
using Xunit;

namespace MoBA.Gpu.Tests.Gpu;

/// <summary>Tensors of more elements than int counts.</summary>
public sealed class HugeTensorTests(GpuFixture gpu) : GpuTests(gpu)
{
    private const int Tokens = 270_000, Heads = 64, Dim = 128, Window = 100;
    private const long Count = (long)Tokens * Heads * Dim;
    private const long Bytes = Count * sizeof(ushort);

    // Prime, and longer than a token's 8,192 elements.
    private const int Period = 1_000_003;

    [Fact]
    public void Rows_beyond_two_to_the_31_elements_are_right()
    {
        Assert.SkipUnless(ForeignMemory.FreeBytes > 5 * Bytes, $"needs {5 * Bytes >> 30} GiB of free device memory; {ForeignMemory.FreeBytes >> 30} are free");
        ushort[] pool = NormalPool.Take(Element.BFloat16, 3, Period + 20_000);
        using ForeignMemory q = Periodic(pool, 0), k = Periodic(pool, 7_001), v = Periodic(pool, 15_013), output = new(Bytes);
        output.Fill(Bits.Poison(Element.BFloat16), Count);
        ForeignMemory.Synchronize();

        DeviceAttentionResult<BFloat16> result = Engine.Attend(
            new SlidingWindow { Window = Window }, View(q), View(k), View(v), new() { ReturnLse = true, Strict = true }, View(output));
        Engine.DefaultStream.Synchronize();
        using DeviceTensor<float> sums = result.Lse!;
        float[] lse = [.. sums.ToHost()];

        // Around 2^30, 2^31 elements and 2^32 bytes, and both ends.
        foreach (int token in (int[])[0, 1, 99, 100, 131_071, 131_072, 200_000, 262_143, 262_144, 262_145, Tokens - 2, Tokens - 1])
        {
            foreach (int head in (int[])[0, 31, 63])
                CheckRow(pool, output, lse, token, head);
        }

        CheckWritten(output);
    }

    private static ForeignMemory Periodic(ushort[] pool, int shift)
    {
        ForeignMemory memory = new(Bytes);
        memory.Upload(0, pool.AsSpan(shift, Period));
        memory.Repeat(Period, Count);
        return memory;
    }

    private static DeviceTensor<BFloat16> View(ForeignMemory memory) =>
        DeviceTensor.FromPointer<BFloat16>(memory.Pointer, [Tokens, Heads, Dim], [Heads * Dim, Dim, 1]);

    private static void CheckRow(ushort[] pool, ForeignMemory output, float[] lse, int token, int head)
    {
        int first = Math.Max(0, token - Window + 1), keys = token - first + 1;
        double[] scores = new double[keys], wanted = new double[Dim], size = new double[Dim];
        for (int i = 0; i < keys; i++)
        {
            for (int d = 0; d < Dim; d++)
                scores[i] += Value(pool, 0, token, head, d) * Value(pool, 7_001, first + i, head, d) / Math.Sqrt(Dim);
        }

        double max = scores.Max(), sum = scores.Sum(score => Math.Exp(score - max));
        for (int i = 0; i < keys; i++)
        {
            for (int d = 0; d < Dim; d++)
            {
                double part = Math.Exp(scores[i] - max) / sum * Value(pool, 15_013, first + i, head, d);
                (wanted[d], size[d]) = (wanted[d] + part, size[d] + Math.Abs(part));
            }
        }

        ushort[] actual = new ushort[Dim];
        output.Download(Place(token, head, 0), actual);
        for (int d = 0; d < Dim; d++)
        {
            // Weights and output are rounded to 8 bits: twice the most that this can do.
            double value = Bits.ToFloat(actual[d], Element.BFloat16), allowed = 1e-5 + ((size[d] + Math.Abs(wanted[d])) / 128);
            Assert.True(Math.Abs(value - wanted[d]) <= allowed, $"[token {token}, head {head}] component {d}: {value:G4} instead of {wanted[d]:G4}");
        }

        double logSum = max + Math.Log(sum), found = lse[((long)token * Heads) + head];
        Assert.True(Math.Abs(found - logSum) < 1e-3, $"[token {token}, head {head}] lse: {found:G6} instead of {logSum:G6}");
    }

    private static void CheckWritten(ForeignMemory output)
    {
        ushort[] part = new ushort[1 << 26];
        for (long start = 0; start < Count; start += part.Length)
        {
            Span<ushort> values = part.AsSpan(0, (int)Math.Min(part.Length, Count - start));
            output.Download(start, values);
            int at = values.IndexOf(Bits.Poison(Element.BFloat16));
            Assert.True(at < 0, $"output not written at element {start + at}: [token {(start + at) / (Heads * Dim)}, head {(start + at) / Dim % Heads}]");
        }
    }

    private static double Value(ushort[] pool, int shift, int token, int head, int d) =>
        Bits.ToFloat(pool[shift + (int)(Place(token, head, d) % Period)], Element.BFloat16);

    private static long Place(int token, int head, int d) => ((((long)token * Heads) + head) * Dim) + d;
}
