using System.Numerics.Tensors;
using MoBA.Patterns;
using MoBA.Runtime;
using Xunit;

namespace MoBA.Gpu.Tests.Gpu;

/// <summary>Block-gated experts over the union of what tiles of queries chose: all that <see cref="GatedTests"/> has, and how a path is chosen.</summary>
public sealed class UnionTests(GpuFixture gpu) : GatedTests(gpu)
{
    /// <inheritdoc/>
    protected override AttendPath Path => AttendPath.Union;

    [Theory]
    [InlineData(nameof(MobaTopK), 128, 8, true)]
    [InlineData(nameof(MobaTopK), 128, 8, false)]
    [InlineData(nameof(MobaSinks), 256, 4, true)]
    [InlineData(nameof(MobaGroup), 512, 3, false)]
    public void The_device_takes_the_path_by_how_much_choices_overlap(string name, int block, int topK, bool alike)
    {
        const int tokens = 16384, heads = 4, dim = 128;
        ISparseExpert expert = Expert(name, block, topK);
        Random random = new(block);
        using DeviceTensor<BFloat16> q = Engine.ToDevice(Normal(alike)), k = Engine.ToDevice(Normal(false)), v = Engine.ToDevice(Normal(false));
        (float[] output, int[] routes, GateOverlap overlap) = Attend(AttendPath.Auto);
        Assert.Equal(alike ? AttendPath.Union : AttendPath.Gathered, overlap.Path);

        // Paths choose the same, and differ by rounding; a path has one result.
        (float[] union, int[] unionRoutes, GateOverlap unionOverlap) = Attend(AttendPath.Union);
        (float[] gathered, int[] gatheredRoutes, GateOverlap gatheredOverlap) = Attend(AttendPath.Gathered);
        Assert.Equal((AttendPath.Union, AttendPath.Gathered), (unionOverlap.Path, gatheredOverlap.Path));
        Assert.Equal(overlap with { Path = AttendPath.Union }, unionOverlap);
        Assert.Equal(overlap with { Path = AttendPath.Gathered }, gatheredOverlap);
        Assert.True(routes.AsSpan().SequenceEqual(unionRoutes) && routes.AsSpan().SequenceEqual(gatheredRoutes));
        Assert.True(output.AsSpan().SequenceEqual(alike ? union : gathered));
        for (int i = 0; i < union.Length; i++)
            Assert.True(Math.Abs(union[i] - gathered[i]) <= 0.02f, $"{union[i]} and {gathered[i]} at {i}");

        (float[], int[], GateOverlap) Attend(AttendPath path)
        {
            DeviceAttentionOptions options = new() { AttendPath = path, ReturnRoutes = true, ReturnOverlap = true };
            DeviceAttentionResult<BFloat16> result = Engine.Attend(expert, q, k, v, options);
            using DeviceTensor<BFloat16> made = result.Output;
            using DeviceTensor<int> chosen = result.Routes!;
            using DeviceGateOverlap counted = result.Overlap!;
            return ([.. made.ToHost().Select(static x => (float)x)], [.. chosen.ToHost()], counted.Read());
        }

        // Where queries are alike they are one query of each head.
        Tensor<BFloat16> Normal(bool repeats)
        {
            BFloat16[] values = new BFloat16[tokens * heads * dim];
            for (int i = 0; i < values.Length; i++)
            {
                values[i] = repeats && i >= heads * dim
                    ? values[i - (heads * dim)]
                    : (BFloat16)(float)(Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble()));
            }

            return Tensor.Create(values, [tokens, heads, dim]);
        }
    }
}
