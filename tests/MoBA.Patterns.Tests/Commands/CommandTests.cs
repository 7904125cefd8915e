using System.Buffers.Binary;
using System.Numerics.Tensors;
using MoBA.Runtime;
using Xunit;

namespace MoBA.Patterns.Tests;

public sealed class CommandTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("moba").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("")]
    [InlineData("gallery")]
    [InlineData("run")]
    [InlineData("show")]
    [InlineData("check")]
    [InlineData("bench")]
    [InlineData("fit")]
    public async Task Help_has_examples(string command)
    {
        Outcome outcome = await CommandLine.Run([.. command.Split(' ', StringSplitOptions.RemoveEmptyEntries), "--help"]);
        Assert.Equal(0, outcome.Code);
        Assert.Contains("Examples:", outcome.Out, StringComparison.Ordinal);
        Assert.Contains($"moba {command}".Trim(), outcome.Out, StringComparison.Ordinal);
        Assert.Contains("SinkWindow", outcome.Out, StringComparison.Ordinal);
        Assert.Contains("130 interrupted", outcome.Out, StringComparison.Ordinal);
        Assert.Empty(outcome.Error);
    }

    [Fact]
    public async Task The_examples_of_the_help_parse()
    {
        foreach (string command in (string[])["gallery", "run", "show", "check", "bench", "fit"])
        {
            string help = (await CommandLine.Run(command, "--help")).Out;
            string[] examples = [.. help.Split('\n').Select(line => line.Trim()).Where(line => line.StartsWith($"moba {command} ", StringComparison.Ordinal) && !line.Contains('<', StringComparison.Ordinal) && !line.Contains('[', StringComparison.Ordinal))];
            Assert.NotEmpty(examples);
            foreach (string example in examples)
            {
                // Cancelled from the start, an example that parses gets as far as the file that is not here, or to its work.
                Outcome outcome = await CommandLine.RunUntil(new CancellationToken(canceled: true), [.. example.Split(' ').Skip(1)]);
                bool parsed = outcome.Code == 130 || outcome.Error.Contains("'qkv.safetensors' is not there", StringComparison.Ordinal);
                Assert.True(parsed, $"{example}: {outcome.Error}");
            }
        }
    }

    [Fact]
    public async Task Gallery_shows_and_checks_every_pattern()
    {
        Outcome outcome = await CommandLine.Run("gallery", "--input", CommandLine.WriteInput(_folder, tokens: 150));
        Assert.Equal(0, outcome.Code);
        Assert.Contains("Every pattern agrees with the oracle", outcome.Out, StringComparison.Ordinal);
        foreach (ExpertEntry entry in Gallery.Experts)
        {
            Assert.Contains(entry.Origin[..20], outcome.Out, StringComparison.Ordinal);
            Assert.Contains($"  {entry.Name} ", outcome.Out, StringComparison.Ordinal);
        }

        Assert.Contains("LongContext is left out, for nothing routes it: give --router FILE", outcome.Out, StringComparison.Ordinal);
        foreach (string fact in (string[])["captured", "gate", "always", "routes off", "density", "proven", "time", "error", "# + .", "speed-up", "max error", "mean error"])
        {
            Assert.Contains(fact, outcome.Out, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("F32")]
    [InlineData("F16")]
    [InlineData("BF16")]
    public async Task Run_writes_what_the_engine_computes_in_the_type_of_the_input(string dtype)
    {
        string input = Path.Combine(_folder, "in"), output = Path.Combine(_folder, "out");
        var writer = new SafetensorsWriter();
        Tensor<float>[] qkv = [CommandLine.RandomTensor(33, 4, 16, 1), CommandLine.RandomTensor(33, 2, 16, 2), CommandLine.RandomTensor(33, 2, 16, 3)];
        foreach ((string name, Tensor<float> tensor) in ((string[])["q", "k", "v"]).Zip(qkv))
        {
            float[] values = CommandLine.Flat(tensor);
            switch (dtype)
            {
                case "F32": writer.Add(name, tensor); break;
                case "F16": writer.Add(name, Tensor.Create(Array.ConvertAll(values, x => (Half)x), tensor.Lengths)); break;
                default: writer.Add(name, Tensor.Create(Array.ConvertAll(values, x => (BFloat16)x), tensor.Lengths)); break;
            }
        }

        writer.Save(input, TestContext.Current.CancellationToken);
        Outcome outcome = await CommandLine.Run(
            "run", "sinkwindow", "--input", input, "--output", output, "--set", "Window=5", "--set", "sinks=2", "--lse", "--target", "cpu");
        Assert.Equal((0, ""), (outcome.Code, outcome.Error));
        Assert.Contains("SinkWindow Window=5 Sinks=2", outcome.Out, StringComparison.Ordinal);

        using SafetensorsFile read = SafetensorsFile.Read(input), written = SafetensorsFile.Read(output);
        Assert.Equal($"{dtype} [33, 4, 16]", written.Entry("o").ToString());
        Assert.Equal("F32 [33, 4]", written.Entry("lse").ToString());
        AttentionResult<float> expected = ReferenceAttention.Attend(
            new SinkWindow { Window = 5, Sinks = 2 }, read.GetAsFloat("q"), read.GetAsFloat("k"), read.GetAsFloat("v"), null, TestContext.Current.CancellationToken);
        double tolerance = dtype switch { "F32" => 1e-5, "F16" => 2e-3, _ => 1e-2 };
        Close(expected.Output, written.GetAsFloat("o"), tolerance);
        Close(expected.Lse!, written.GetAsFloat("lse"), 1e-4);
    }

    [Fact]
    public async Task Gallery_says_that_a_picture_is_of_one_of_several_sequences()
    {
        string input = CommandLine.WriteInput(_folder, more: writer => writer.Add("cu_seqlens", Tensor.Create([0, 7, 40], [3])));
        Assert.Contains("2 packed sequences: pictures and densities are of one of 33 tokens", (await CommandLine.Run("gallery", "--input", input)).Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Run_keeps_packed_sequences_apart()
    {
        string input = CommandLine.WriteInput(_folder, more: writer => writer.Add("cu_seqlens", Tensor.Create([0, 7, 7, 40], [4])));
        string output = Path.Combine(_folder, "o");
        Assert.Equal(0, (await CommandLine.Run("run", "Causal", "--input", input, "--output", output)).Code);

        using SafetensorsFile read = SafetensorsFile.Read(input), written = SafetensorsFile.Read(output);
        AttentionResult<float> expected = ReferenceAttention.Attend(
            new Causal(), read.Get<float>("q"), read.Get<float>("k"), read.Get<float>("v"), new() { Sequences = [0, 7, 7, 40] }, TestContext.Current.CancellationToken);
        Close(expected.Output, written.Get<float>("o"), 1e-5);
    }

    [Fact]
    public async Task A_table_comes_from_a_list_or_a_file()
    {
        string input = CommandLine.WriteInput(_folder, tokens: 6), table = Path.Combine(_folder, "table.txt");
        await File.WriteAllTextAsync(table, "0\n0 1,1\r\n2,2\n", TestContext.Current.CancellationToken);
        foreach (string value in (string[])["0,0,1,1,2,2", $"@{table}"])
        {
            string output = Path.Combine(_folder, "o");
            Outcome outcome = await CommandLine.Run("run", "DocumentCausal", "--input", input, "--output", output, "--set", $"Document={value}");
            Assert.Equal((0, ""), (outcome.Code, outcome.Error));
            using SafetensorsFile read = SafetensorsFile.Read(input), written = SafetensorsFile.Read(output);
            AttentionResult<float> expected = ReferenceAttention.Attend(
                new DocumentCausal { Document = [0, 0, 1, 1, 2, 2] }, read.Get<float>("q"), read.Get<float>("k"), read.Get<float>("v"), null, TestContext.Current.CancellationToken);
            Close(expected.Output, written.Get<float>("o"), 1e-5);
        }
    }

    [Fact]
    public async Task Check_agrees_with_the_oracle()
    {
        Outcome outcome = await CommandLine.Run("check", "Strided", "--input", CommandLine.WriteInput(_folder), "--set", "Stride=5");
        Assert.Equal((0, ""), (outcome.Code, outcome.Error));
        Assert.Contains("agrees with the oracle", outcome.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Check_fails_where_numbers_are_not_finite()
    {
        string input = Path.Combine(_folder, "nan");
        Tensor<float> tensor = Tensor.Create([.. Enumerable.Repeat(float.NaN, 3 * 8)], [3, 1, 8]);
        var writer = new SafetensorsWriter();
        writer.Add("q", tensor);
        writer.Add("k", tensor);
        writer.Add("v", tensor);
        writer.Save(input, TestContext.Current.CancellationToken);

        Outcome outcome = await CommandLine.Run("check", "Causal", "--input", input);
        Assert.Equal(1, outcome.Code);
        Assert.Contains("DIFFERS from the oracle", outcome.Out, StringComparison.Ordinal);
        Assert.Equal(1, (await CommandLine.Run("gallery", "--input", input)).Code);
    }

    [Theory]
    [MemberData(nameof(GalleryTests.Static), MemberType = typeof(GalleryTests))]
    public async Task Show_draws_any_predicate_of_any_length(string name)
    {
        foreach (string tokens in (string[])["1", "7", "130", "1000", "20000"])
        {
            string png = Path.Combine(_folder, "picture.png");
            Outcome outcome = await CommandLine.Run("show", name, "--tokens", tokens, "--png", png);
            Assert.Equal((0, ""), (outcome.Code, outcome.Error));
            Assert.Contains(name, outcome.Out, StringComparison.Ordinal);
            Assert.Contains("% of", outcome.Out, StringComparison.Ordinal);
            (int width, int height) = PngSize(png);
            Assert.InRange(width, 1000, 1100);
            Assert.InRange(height, 1000, 1200);
        }
    }

    [Fact]
    public async Task Show_prints_the_tiles_of_the_pattern()
    {
        Outcome outcome = await CommandLine.Run("show", "BlockCausal", "--tokens", "64", "--set", "Block=16");
        string[] rows = [.. outcome.Out.Split('\n').Take(16).Select(line => line[..Math.Min(31, line.Length)])];
        for (int i = 0; i < rows.Length; i++)
        {
            int full = (i / 4 * 4) + 4;
            Assert.Equal(string.Join(' ', Enumerable.Repeat('#', full).Concat(Enumerable.Repeat('.', 16 - full))), rows[i]);
        }

        Assert.Contains("62.50 % of 64 x 64 pairs", outcome.Out, StringComparison.Ordinal);
        Assert.DoesNotContain(" \n", outcome.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Show_all_draws_the_contact_sheet()
    {
        string png = Path.Combine(_folder, "gallery.png");
        Outcome outcome = await CommandLine.Run("show", "--all", "--png", png);
        Assert.Equal((0, ""), (outcome.Code, outcome.Error));
        (int width, int height) = PngSize(png);
        Assert.InRange(width, 1200, 1500);
        Assert.InRange(height, 2000, 2600);
    }

    [Fact]
    public async Task Bench_reports_time_arithmetic_and_memory()
    {
        Outcome outcome = await CommandLine.Run("bench", "SlidingWindow", "--tokens", "300", "--heads", "4", "--key-heads", "2", "--dim", "24", "--repeat", "2", "--set", "Window=32");
        Assert.Equal((0, ""), (outcome.Code, outcome.Error));
        foreach (string part in (string[])["300 tokens, 4 query heads, 2 key heads, dim 24", "SlidingWindow Window=32", "dense causal", "useful TFLOP/s", "memory: what an engine of its own adds", "speed-up", " MB"])
        {
            Assert.Contains(part, outcome.Out, StringComparison.Ordinal);
        }

        Assert.DoesNotContain("dense causal", (await CommandLine.Run("bench", "Strided", "--tokens", "64", "--heads", "1", "--no-dense")).Out, StringComparison.Ordinal);
    }

    private static void Close(Tensor<float> expected, Tensor<float> actual, double tolerance)
    {
        Assert.Equal(expected.Lengths.ToArray(), actual.Lengths.ToArray());
        foreach ((float e, float a) in CommandLine.Flat(expected).Zip(CommandLine.Flat(actual)))
        {
            Assert.InRange(a, e - tolerance, e + tolerance);
        }
    }

    internal static (int Width, int Height) PngSize(string path)
    {
        byte[] bytes = File.ReadAllBytes(path);
        Assert.Equal([0x89, (byte)'P', (byte)'N', (byte)'G', 13, 10, 26, 10], bytes[..8]);
        Assert.Equal("IEND"u8.ToArray(), bytes[^8..^4]);
        return (BinaryPrimitives.ReadInt32BigEndian(bytes.AsSpan(16)), BinaryPrimitives.ReadInt32BigEndian(bytes.AsSpan(20)));
    }
}
