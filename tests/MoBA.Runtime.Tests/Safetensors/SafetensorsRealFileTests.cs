using System.Numerics.Tensors;
using Xunit;

namespace MoBA.Runtime.Tests;

/// <summary>The file that ships with the gallery: real bytes that another program wrote.</summary>
public sealed class SafetensorsRealFileTests
{
    [Fact]
    public void The_gallery_file_reads_and_survives_a_round_trip()
    {
        using SafetensorsFile file = SafetensorsFile.Read(DataPath());
        Assert.Equal(["q", "k", "v"], file.Names);
        Assert.Equal("4", file.Metadata["layer"]);
        Assert.Equal([2048, 4, 64], file.Get<BFloat16>("q").Lengths.ToArray());
        Assert.Equal("BF16 [2048, 2, 64]", file.Entry("k").ToString());
        foreach (string name in file.Names)
        {
            Tensor<float> values = file.GetAsFloat(name);
            Assert.All(values.ToArray(), x => Assert.InRange(x, -100, 100));
        }

        var writer = new SafetensorsWriter();
        foreach (string name in file.Names)
        {
            writer.Add(name, file.Get<BFloat16>(name));
        }

        using var stream = new MemoryStream();
        writer.Write(stream, TestContext.Current.CancellationToken);
        byte[] original = File.ReadAllBytes(DataPath()), copy = stream.ToArray();
        int data = 2 * 2048 * 64 * (4 + 2 + 2);
        Assert.Equal(original.AsSpan(original.Length - data).ToArray(), copy.AsSpan(copy.Length - data).ToArray());
    }

    // Beside the program: a build may map source paths away.
    private static string DataPath() => Path.Combine(AppContext.BaseDirectory, "qkv_layer4_2048.safetensors");
}
