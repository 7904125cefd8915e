using System.Numerics.Tensors;
using Xunit;

namespace MoBA.Runtime.Tests;

public sealed class SafetensorsWriterTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("safetensors").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void What_is_written_is_read_back()
    {
        string path = Path.Combine(_folder, "all.safetensors");
        var random = new Random(1);
        float[] singles = [.. Enumerable.Range(0, 3 * 5 * 7).Select(_ => random.NextSingle() - 0.5f)];
        var writer = new SafetensorsWriter { Metadata = { ["layer"] = "4", ["ä\n\""] = "\u0001 – 語" } };
        writer.Add("h", Tensor.Create([(Half)1.5f, Half.NaN, Half.NegativeInfinity], [3]));
        writer.Add("b", Tensor.Create([(BFloat16)2.5f], [1, 1]));
        writer.Add("f", Tensor.Create(singles, [3, 5, 7]));
        writer.Add("i", Tensor.Create([0, -5, int.MaxValue], [3]));
        writer.Add("none", Tensor.Create(Array.Empty<float>(), [0, 4]));
        writer.Save(path, TestContext.Current.CancellationToken);

        using SafetensorsFile file = SafetensorsFile.Read(path);
        Assert.Equal(writer.Metadata, new SortedDictionary<string, string>(file.Metadata.ToDictionary(), StringComparer.Ordinal));
        Assert.Equal(singles, Flat(file.Get<float>("f")));
        Assert.Equal([3, 5, 7], file.Get<float>("f").Lengths.ToArray());
        Assert.Equal([(Half)1.5f, Half.NaN, Half.NegativeInfinity], Flat(file.Get<Half>("h")));
        Assert.Equal([(BFloat16)2.5f], Flat(file.Get<BFloat16>("b")));
        Assert.Equal([0, -5, int.MaxValue], Flat(file.Get<int>("i")));
        Assert.Equal([0, 4], file.Get<float>("none").Lengths.ToArray());
        Assert.Equal([path], Directory.GetFiles(_folder));
    }

    [Fact]
    public void Data_is_aligned_to_its_elements()
    {
        using var stream = new MemoryStream();
        var writer = new SafetensorsWriter();
        writer.Add("odd", Tensor.Create(new Half[3], [3]));
        writer.Add("wide", Tensor.Create(new float[1], [1]));
        writer.Write(stream, TestContext.Current.CancellationToken);

        Assert.Equal(0, BitConverter.ToInt64(stream.ToArray()) % 8);
        using SafetensorsFile file = SafetensorsFile.Read(stream.ToArray());
        Assert.Equal(0, file.Entry("wide").Start);
        Assert.Equal(4, file.Entry("odd").Start);
    }

    [Fact]
    public void Tensors_larger_than_the_buffer_and_views_are_written_whole()
    {
        float[] values = [.. Enumerable.Range(0, 700_001).Select(i => (float)i)];
        Tensor<float> columns = Tensor.Create(values, 0, [1000, 3], [700, 100]);
        using var stream = new MemoryStream();
        var writer = new SafetensorsWriter();
        writer.Add("large", Tensor.Create(values, [values.Length]));
        writer.Add("view", columns);
        writer.Add("cube", Tensor.Create(values[..700_000], [10_000, 7, 10]));
        writer.Write(stream, TestContext.Current.CancellationToken);

        using SafetensorsFile file = SafetensorsFile.Read(stream.ToArray());
        Assert.Equal(values, Flat(file.Get<float>("large")));
        Assert.Equal(values[..700_000], Flat(file.Get<float>("cube")));
        Assert.Equal(999 * 700 + 200, file.Get<float>("view")[999, 2]);
    }

    /// <summary>Tensors over 2 GiB go in chunks; here the chunks are small instead.</summary>
    [Theory]
    [InlineData(8)]
    [InlineData(56)]
    [InlineData(1 << 12)]
    public void Chunks_make_the_same_tensors(int chunkBytes)
    {
        float[] singles = [.. Enumerable.Range(0, 3 * 5 * 7).Select(i => i / 3f)];
        Half[] halves = [.. Enumerable.Range(0, 101).Select(i => (Half)i)];
        using MemoryStream whole = new(), chunked = new();
        foreach (MemoryStream stream in (MemoryStream[])[whole, chunked])
        {
            var writer = new SafetensorsWriter { ChunkBytes = stream == whole ? 1 << 20 : chunkBytes };
            writer.Add("f", Tensor.Create(singles, [3, 5, 7]));
            writer.Add("h", Tensor.Create(halves, [101]));
            writer.Write(stream, TestContext.Current.CancellationToken);
        }

        Assert.Equal(whole.ToArray(), chunked.ToArray());
        foreach (bool seeks in (bool[])[true, false])
        {
            whole.Position = 0;
            using SafetensorsFile file = seeks ? SafetensorsFile.Read(whole) : SafetensorsFile.Read(whole.ToArray());
            file.ChunkBytes = chunkBytes;
            Assert.Equal(singles, Flat(file.Get<float>("f")));
            Assert.Equal(halves, Flat(file.Get<Half>("h")));
        }
    }

    [Fact]
    public void More_entries_than_a_reader_takes_are_not_written()
    {
        var writer = new SafetensorsWriter();
        Tensor<float> one = Tensor.Create(new float[1], [1]);
        for (int i = 0; i < 65_536; i++)
        {
            writer.Add($"{i}", one);
        }

        using var stream = new MemoryStream();
        writer.Write(stream, TestContext.Current.CancellationToken);
        using (SafetensorsFile file = SafetensorsFile.Read(stream.ToArray()))
        {
            Assert.Equal(65_536, file.Names.Count);
        }

        writer.Metadata["one"] = "too many";
        stream.SetLength(0);
        Assert.Throws<InvalidOperationException>(() => writer.Write(stream, TestContext.Current.CancellationToken));
        Assert.Equal(0, stream.Length);
    }

    [Fact]
    public void A_cancelled_writing_leaves_the_folder_as_it_was()
    {
        string path = Path.Combine(_folder, "kept.safetensors");
        File.WriteAllText(path, "before");
        var writer = new SafetensorsWriter();
        writer.Add("q", Tensor.Create(new float[10], [10]));

        Assert.Throws<OperationCanceledException>(() => writer.Save(path, new CancellationToken(canceled: true)));
        Assert.Equal("before", File.ReadAllText(path));
        Assert.Equal([path], Directory.GetFiles(_folder));
    }

    [Fact]
    public void A_link_keeps_pointing_at_what_is_written()
    {
        string path = Path.Combine(_folder, "target"), link = Path.Combine(_folder, "link");
        File.WriteAllText(path, "before");
        File.CreateSymbolicLink(link, path);
        var writer = new SafetensorsWriter();
        writer.Add("q", Tensor.Create(new float[10], [10]));
        writer.Save(link, TestContext.Current.CancellationToken);

        Assert.NotNull(new FileInfo(link).LinkTarget);
        using SafetensorsFile file = SafetensorsFile.Read(path);
        Assert.True(file.Contains("q"));
    }

    /// <summary>Folders of a disk and of memory.</summary>
    public static TheoryData<string> Places => [.. ((string[])[Path.GetTempPath(), "/dev/shm"]).Where(Directory.Exists)];

    [Theory]
    [MemberData(nameof(Places))]
    public void A_file_is_made_and_written_over_on_disk_and_in_memory(string place)
    {
        string folder = Path.Combine(place, $"moba-{Guid.NewGuid():N}"), path = Path.Combine(folder, "out.safetensors");
        Directory.CreateDirectory(folder);
        try
        {
            // The second is shorter, and nothing of the first may stay behind it.
            foreach (int length in (int[])[1000, 10])
            {
                var writer = new SafetensorsWriter();
                writer.Add("o", Tensor.Create(new float[length], [length]));
                writer.Save(path, TestContext.Current.CancellationToken);

                Assert.Equal([path], Directory.GetFiles(folder));
                using SafetensorsFile file = SafetensorsFile.Read(path);
                Assert.Equal(length, Flat(file.Get<float>("o")).Length);
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public void A_device_is_written_to_and_stays()
    {
        Assert.SkipUnless(File.Exists("/dev/null"), "There is no /dev/null here.");
        var writer = new SafetensorsWriter();
        writer.Add("o", Tensor.Create(new float[10], [10]));
        writer.Save("/dev/null", TestContext.Current.CancellationToken);
        Assert.Equal(0, new FileInfo("/dev/null").Length);
    }

    [Fact]
    public void A_name_is_taken_once()
    {
        var writer = new SafetensorsWriter();
        writer.Add("q", Tensor.Create(new float[1], [1]));
        Assert.Throws<ArgumentException>(() => writer.Add("q", Tensor.Create(new int[1], [1])));
        Assert.Throws<ArgumentException>(() => writer.Add("__metadata__", Tensor.Create(new int[1], [1])));
    }

    private static T[] Flat<T>(Tensor<T> tensor)
    {
        T[] values = new T[tensor.FlattenedLength];
        tensor.FlattenTo(values);
        return values;
    }
}
