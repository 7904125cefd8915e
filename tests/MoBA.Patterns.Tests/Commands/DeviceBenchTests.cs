using System.CommandLine;
using System.Globalization;
using System.Numerics.Tensors;
using System.Text.Json;
using MoBA.Program;
using MoBA.Runtime;
using MoBA.Runtime.Tests.Cuda;
using Xunit;

namespace MoBA.Patterns.Tests;

/// <summary><c>moba bench --target cuda</c> on a device without a GPU.</summary>
public sealed class DeviceBenchTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("moba").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static DeviceRequest Nothing { get; } = new(1, SafetensorsDtype.BF16, null, null, null, null, false, false, false, false, null, false, AttendPath.Auto, false);

    [Theory]
    [InlineData("bench", "bench wants a pattern's NAME, or --all with --target cuda")]
    [InlineData("bench Causal --all --target cuda", "not both")]
    [InlineData("bench --all", "--all is for --target cuda")]
    [InlineData("bench Causal --json OUT --target cpu", "--json is for --target cuda")]
    [InlineData("bench Causal --batch 2", "--batch is for --target cuda")]
    [InlineData("bench --all --target cuda --set Window=1", "--set is for one pattern")]
    [InlineData("bench --all --target cuda --output OUT", "--output is for one pattern")]
    [InlineData("bench LongContext --target cuda --json OUT", "--json is for experts, and LongContext is a mixture")]
    [InlineData("bench LongContext --target cuda --crossover", "--crossover is for experts, and LongContext is a mixture")]
    [InlineData("bench LongContext --target cuda --router NONE", "which is not there; give a file that 'moba fit' wrote")]
    [InlineData("bench MobaTopK --data correlated", "--data is for --target cuda")]
    [InlineData("bench MobaTopK --target cuda --data real", "--data is 'real': random or correlated is wanted")]
    [InlineData("bench MobaTopK --path union", "--path is for --target cuda")]
    [InlineData("bench MobaTopK --target cuda --path best", "--path is 'best': auto, gathered or union is wanted")]
    [InlineData("bench MobaTopK --target cuda --data correlated --input IN", "--data is of random numbers, and --input has its own")]
    [InlineData("bench MobaTopK --target cuda --crossover --input IN", "--crossover is of random numbers, and --input has its own")]
    [InlineData("bench --all --target cuda --crossover", "--crossover is for one pattern")]
    [InlineData("bench MobaTopK --target cuda --workspace 0", "--workspace is '0': a whole number from 1")]
    [InlineData("bench MobaTopK --target cuda --tokens 5000 --set BlockSize=7", "BlockSize")]
    [InlineData("bench Causal --target cuda --router NONE", "and Causal is no mixture; leave --router out")]
    [InlineData("bench Causal --target cuda --dtype f8", "--dtype is 'f8': bf16 or fp16 is wanted")]
    [InlineData("bench Causal --target cuda --peak -1", "--peak is '-1': a number of TFLOP/s above 0 is wanted")]
    [InlineData("bench Causal --target cuda --batch 0", "--batch is '0': a whole number from 1")]
    [InlineData("bench Causal --target cuda --tokens 16777216 --batch 1000", "make one smaller")]
    [InlineData("bench Causal --target cuda --input IN --tokens 5", "--tokens is what --input's tensors say")]
    [InlineData("bench Causal --target cuda --input IN --dtype fp16", "--dtype is what --input's tensors say")]
    [InlineData("bench Causal --target cuda --input NONE", "is not there; give --input a safetensors file")]
    [InlineData("bench Causal --target cuda --input IN", "--target cuda times BF16 or F16: convert it")]
    [InlineData("bench Causal --target cuda --input IN --output IN", "--output is the input file")]
    [InlineData("bench Causal --target cuda --json NONE/x", "is not there; make it")]
    [InlineData("bench Causal --target cuda --set Window=3", "Causal has no parameters")]
    public async Task A_wrong_command_line_is_told_before_a_device_is_looked_for(string line, string says)
    {
        string input = CommandLine.WriteInput(_folder);
        string[] args = [.. line.Split(' ').Select(arg => arg
            .Replace("NONE", Path.Combine(_folder, "none"), StringComparison.Ordinal)
            .Replace("OUT", Path.Combine(_folder, "out"), StringComparison.Ordinal))];
        Refusal.OneLine(await CommandLine.Run([.. args.Select(arg => arg == "IN" ? input : arg)]), says);
        Assert.Equal([input], Directory.GetFiles(_folder));
    }

    [Fact]
    public void A_file_is_timed_and_its_output_written()
    {
        string input = Path.Combine(_folder, "in"), output = Path.Combine(_folder, "out"), json = Path.Combine(_folder, "json");
        Tensor<Half> q = RandomRows.Normal(96, 4, 16, 1, x => (Half)x), k = RandomRows.Normal(96, 2, 16, 2, x => (Half)x), v = RandomRows.Normal(96, 2, 16, 3, x => (Half)x);
        int[] offsets = [0, 32, 96];
        var writer = new SafetensorsWriter();
        writer.Add("q", q);
        writer.Add("k", k);
        writer.Add("v", v);
        writer.Add("cu_seqlens", Tensor.Create(offsets, [3]));
        writer.Save(input, TestContext.Current.CancellationToken);

        (string text, JsonElement report) = Run(
            "SlidingWindow", ["Window=8"], Nothing with { Input = input, Output = output, Json = json, Peak = 1e-6, Sustained = true }, () => throw new InvalidOperationException());

        using (AttentionEngine cpu = AttentionEngine.Create(Target.Cpu))
        using (SafetensorsFile written = SafetensorsFile.Read(output))
        {
            Tensor<Half> wanted = cpu.Attend(new SlidingWindow { Window = 8 }, q, k, v, new AttentionOptions { Sequences = offsets }, TestContext.Current.CancellationToken).Output;
            Assert.Equal(CommandLine.Flat(wanted), CommandLine.Flat(written.Get<Half>("o")));
        }

        Assert.Equal((96, 2, 4, 2, 16, "fp16"), (Int(report, "tokens"), Int(report, "batch"), Int(report, "heads"), Int(report, "key_heads"), Int(report, "dim"), report.GetProperty("dtype").GetString()));
        JsonElement[] rows = [.. report.GetProperty("rows").EnumerateArray()];
        Assert.Equal(["SlidingWindow", "Causal"], rows.Select(row => row.GetProperty("pattern").GetString()));
        Assert.Equal("Window=8", rows[0].GetProperty("settings").GetString());

        // The fake device takes a millisecond for a call and one for a mark.
        Assert.Equal((2.0, 2.0, 20), (rows[0].GetProperty("median").GetDouble(), rows[0].GetProperty("min").GetDouble(), Int(rows[0], "calls")));
        Assert.Equal(2.0, rows[0].GetProperty("sustained").GetDouble());
        long pairs = 4 * (Window(32, 8) + Window(64, 8));
        Assert.Equal((pairs, 64.0 * pairs), (rows[0].GetProperty("pairs").GetInt64(), rows[0].GetProperty("useful_flop").GetDouble()));
        Assert.Equal(64.0 * pairs / 2 / 1e9, rows[0].GetProperty("tflops").GetDouble(), 1e-12);
        Assert.Equal(64.0 * 4 * ((32 * 32 / 2) + (64 * 64 / 2)), rows[1].GetProperty("useful_flop").GetDouble());
        Assert.False(rows[0].TryGetProperty("first_call", out _));
        Assert.True(rows[0].GetProperty("host_microseconds").GetDouble() > 0);
        foreach (string part in (string[])["2 sequences of up to 64 tokens, 4 query heads, 2 key heads, dim 16, float16", "pattern: SlidingWindow Window=8", "Causal", "of peak", "of dense", "sustained", "fake kernels"])
        {
            Assert.Contains(part, text, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void An_expert_with_a_gate_is_counted_by_its_routes()
    {
        string input = Path.Combine(_folder, "in"), json = Path.Combine(_folder, "json");
        Tensor<Half> q = RandomRows.Normal(396, 4, 16, 1, x => (Half)x), k = RandomRows.Normal(396, 2, 16, 2, x => (Half)x);
        int[] offsets = [0, 96, 396];
        var writer = new SafetensorsWriter();
        writer.Add("q", q);
        writer.Add("k", k);
        writer.Add("v", k);
        writer.Add("cu_seqlens", Tensor.Create(offsets, [3]));
        writer.Save(input, TestContext.Current.CancellationToken);

        (string text, JsonElement report) = Run(
            "MobaSinks", ["BlockSize=16", "TopK=3", "Sinks=5", "Window=20"], Nothing with { Input = input, Json = json }, () => throw new InvalidOperationException(), repeats: 2);

        using AttentionEngine cpu = AttentionEngine.Create(Target.Cpu);
        var expert = new MobaSinks { BlockSize = 16, TopK = 3, Sinks = 5, Window = 20 };
        Tensor<int> routes = cpu.Attend(expert, q, k, k, new AttentionOptions { Sequences = offsets, ReturnRoutes = true }, TestContext.Current.CancellationToken).Routes!;
        SequenceRows[] sequences = [new(0, 96, 96), new(96, 300, 300)];
        long pairs = RouteTableTests.Asked(expert, routes, sequences, 4);
        JsonElement row = report.GetProperty("rows")[0];
        Assert.Equal((pairs, 64.0 * pairs), (row.GetProperty("pairs").GetInt64(), row.GetProperty("useful_flop").GetDouble()));
        Assert.Equal(pairs / (4.0 * ((96 * 96) + (300 * 300))), row.GetProperty("density").GetDouble(), 1e-12);

        // The fake kernels are one pass, a millisecond and one for the mark, without groups; they say that they take 12,345 bytes.
        JsonProperty pass = Assert.Single(row.GetProperty("passes").EnumerateObject());
        Assert.Equal(("fake", 2.0), (pass.Name, pass.Value.GetDouble()));
        Assert.Equal((12345, 0), (Int(row, "workspace_bytes"), Int(row, "groups")));
        double? union = RouteTable.Of(routes).Union(sequences, TestContext.Current.CancellationToken);
        Assert.Equal(union!.Value, row.GetProperty("union_ratio").GetDouble());
        Assert.InRange(union.Value, 2, 19);

        JsonElement dense = report.GetProperty("rows")[1];
        Assert.False(dense.TryGetProperty("passes", out _) || dense.TryGetProperty("union_ratio", out _) || report.TryGetProperty("data", out _) || report.TryGetProperty("crossover", out _));
        foreach (string part in (string[])["pattern: MobaSinks", "BlockSize=16", "passes of MobaSinks, ms: fake 2.000", "overlap of routes: 128 neighbouring queries of a head choose"])
        {
            Assert.Contains(part, text, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_mixture_is_timed_beside_its_experts()
    {
        (string text, _) = Run("LongContext", ["SinkWindow.Window=8"], Nothing with { Batch = 2 }, () => DeviceProblem.Of(96, 2, 2, 1, 8, SafetensorsDtype.F16), repeats: 2);
        foreach (string part in (string[])[
            "2 sequences of up to 96 tokens, 2 query heads, 1 key heads, dim 8, float16", "SinkWindow.Window=8", "routed by a random router",
            "passes of LongContext, ms: fake 2.000", "MobaTopK alone", "Causal alone", "entropy"])
        {
            Assert.Contains(part, text, StringComparison.Ordinal);
        }

        Assert.Matches(@"LongContext +2\.000 +2\.000 +2 +1\.0x as fast", text);
    }

    [Fact]
    public void Lengths_up_to_the_one_asked_for_are_compared_with_dense_attention()
    {
        Assert.Equal([1024, 2048, 4096], Crossover.Lengths(4096));
        Assert.Equal([1024, 1025], Crossover.Lengths(1025));
        Assert.Equal([7], Crossover.Lengths(7));
        (string text, JsonElement report) = Run(
            "MobaTopK", [], Nothing with { Batch = 2, Correlated = true, Crossover = true, Json = Path.Combine(_folder, "json") },
            () => DeviceProblem.Of(1100, 2, 1, 1, 8, SafetensorsDtype.BF16), repeats: 1, withDense: false);
        Assert.Equal("correlated", report.GetProperty("data").GetString());
        JsonElement[] rows = [.. report.GetProperty("crossover").EnumerateArray()];
        Assert.Equal([1024, 1100], rows.Select(row => Int(row, "tokens")));
        Assert.All(rows, row => Assert.Equal(
            (2.0, 2.0, 1.0), (row.GetProperty("median").GetDouble(), row.GetProperty("dense").GetDouble(), row.GetProperty("speed_up").GetDouble())));
        Assert.Matches(@"1024 +2\.000 +2\.000 +1\.00x", text);
    }

    [Fact]
    public void What_a_gate_did_is_said_below_the_table()
    {
        DeviceRow row = new()
        {
            Pattern = "MobaTopK",
            Settings = "",
            Median = 1,
            Min = 1,
            Calls = 3,
            Pairs = 1,
            Density = 1,
            UsefulFlop = 1,
            FullTiles = 0,
            PartialTiles = 0,
            PartialShare = 0,
            DeviceBytes = 0,
            HostMicroseconds = 1,
            WorkspaceBytes = 2_345_678,
            Groups = 2,
            UnionRatio = 3.14159,
            Passes = new Dictionary<string, double> { ["centroids"] = 0.01234, ["gate"] = 1.5 },
        };
        DeviceReport report = new() { Engine = "", Tokens = 1, Batch = 1, Heads = 1, KeyHeads = 1, Dim = 1, Dtype = "", TensorBytes = 1, Rows = [row] };
        Assert.Equal(
            [
                "passes of MobaTopK, ms: centroids 0.012, gate 1.500", "workspace: 2.3 MB, over 2 groups of heads",
                "overlap of routes: 128 neighbouring queries of a head choose 3.14 times as many past blocks as one",
            ],
            report.GateLines());
        Assert.StartsWith("workspace: none", (report with { Rows = [row with { Groups = 0 }] }).GateLines().ElementAt(1), StringComparison.Ordinal);
        Assert.Equal(
            ["workspace: 2.3 MB", "path: union, where a tile of queries chooses 1.25 times as many past blocks as one"],
            (report with { Rows = [row with { Groups = 0, UnionRatio = null, Path = "union", TileRatio = 1.25 }] }).GateLines().Skip(1));
        Assert.Empty((report with { Rows = [row with { Passes = null, UnionRatio = null }] }).GateLines());
    }

    [Fact]
    public void Random_numbers_are_packed_in_sequences_of_one_length()
    {
        (string text, JsonElement report) = Run("BlockCausal", ["Block=40"], Nothing with { Batch = 3, Json = Path.Combine(_folder, "json") }, () => DeviceProblem.Of(40, 3, 2, 1, 8, SafetensorsDtype.BF16), repeats: 2, withDense: false);
        JsonElement row = Assert.Single(report.GetProperty("rows").EnumerateArray());
        Assert.Equal((3 * 2 * 40 * 40, 1.0, 2), (Int(row, "pairs"), row.GetProperty("density").GetDouble(), Int(row, "calls")));
        Assert.Equal(2.0 * 2 * 8 * 120 * 3, report.GetProperty("tensor_bytes").GetDouble());
        Assert.DoesNotContain("of dense", text, StringComparison.Ordinal);
    }

    [Fact]
    public void A_command_line_is_a_request()
    {
        DeviceOptions options = new();
        Argument<string> name = new("NAME");
        Option<Target?> target = Arguments.Device();
        Command command = new("bench") { name, target };
        options.AddTo(command, name, target, [], []);
        DeviceRequest Of(string line) => options.Of(command.Parse(line));
        Assert.Equal(Nothing, Of("X --target cuda"));
        Assert.Equal(Nothing, Of("X --target cuda --data random"));
        Assert.Equal(
            Nothing with { Correlated = true, WorkspaceBytes = 3_000_000_000, Crossover = true }, Of("X --target cuda --data correlated --workspace 3000 --crossover"));
    }

    [Fact]
    public void A_gate_gets_as_many_tokens_as_make_it_choose()
    {
        Assert.Equal(64, DeviceProblem.Few(new Causal(), 64));
        Assert.Equal(4 * 16, DeviceProblem.Few(new MobaTopK { BlockSize = 16, TopK = 3 }, 10));
        Assert.Equal(1024, DeviceProblem.Few(new MobaTopK { BlockSize = 16, TopK = 3 }, 1024));
        Assert.Equal(8192, DeviceProblem.Few(new MobaTopK { BlockSize = 1 << 30, TopK = 3 }, 64));
    }

    [Fact]
    public void The_first_call_of_this_process_is_a_number()
    {
        (string text, _) = Run("Causal", [], Nothing with { Here = true }, () => DeviceProblem.Of(40, 1, 2, 1, 8, SafetensorsDtype.F16));
        Assert.True(double.Parse(text, NumberStyles.Float, CultureInfo.InvariantCulture) > 0);
    }

    [Fact]
    public void Random_numbers_are_normal_and_always_the_same()
    {
        float[] values = CommandLine.Flat(RandomRows.Normal(1000, 9, 16, 1, static x => x));
        Assert.Equal(values, CommandLine.Flat(RandomRows.Normal(1000, 9, 16, 1, static x => x)));
        Assert.InRange(values.Average(), -0.01f, 0.01f);
        Assert.InRange(values.Average(x => x * x), 0.98f, 1.02f);
        Assert.InRange(values.Count(x => Math.Abs(x) < 1) / (float)values.Length, 0.67f, 0.69f);
        Assert.NotEqual(values[0], values[1 << 16]);
    }

    [Fact]
    public void Correlated_numbers_are_like_their_neighbours_and_always_the_same()
    {
        const int heads = 3, dim = 16, tokens = 20_000;
        float[] values = CommandLine.Flat(RandomRows.Correlated(tokens, heads, dim, 1, static x => x));
        Assert.Equal(values, CommandLine.Flat(RandomRows.Correlated(tokens, heads, dim, 1, static x => x)));
        Assert.NotEqual(values, CommandLine.Flat(RandomRows.Correlated(tokens, heads, dim, 2, static x => x)));
        Assert.InRange(values.Average(x => x * x), 0.8f, 1.2f);
        Assert.InRange(Lag(1), 0.96, 1.0);
        Assert.InRange(Lag(2000), -0.15, 0.15);

        // Channels and heads have nothing to do with each other.
        Assert.InRange(Enumerable.Range(0, values.Length - dim).Average(i => values[i] * values[i + 1]), -0.1f, 0.1f);
        double Lag(int lag) => Enumerable.Range(0, (tokens - lag) * heads * dim).Average(i => (double)values[i] * values[i + (lag * heads * dim)])
            / values.Average(x => (double)x * x);
    }

    [Theory]
    [InlineData(2.0, 1.0, 2.0, 3.0)]
    [InlineData(2.5, 1.0, 2.0, 3.0, 9.0)]
    [InlineData(7.0, 7.0)]
    public void The_median_is_the_middle(double median, params double[] ascending) => Assert.Equal(median, DeviceClock.Median(ascending));

    private static (string Text, JsonElement Report) Run(
        string pattern, string[] settings, DeviceRequest request, Func<DeviceProblem> problem, int? repeats = null, bool withDense = true)
    {
        using StringWriter text = new(), error = new();
        using var device = new FakeDevice();
        DeviceBench bench = new(Terminal.To(text, error), () => device.Engine, request, repeats, null, withDense, TestContext.Current.CancellationToken);
        Assert.Equal(0, bench.Run(Gallery.Find(pattern), settings, problem));
        device.Dispose();
        Assert.Equal(0, device.Driver.Leaks);
        return (text.ToString(), request.Json is null ? default : JsonDocument.Parse(File.ReadAllText(request.Json)).RootElement);
    }

    private static int Int(JsonElement element, string name) => element.GetProperty(name).GetInt32();

    private static long Window(int tokens, int window) => Enumerable.Range(1, tokens).Sum(seen => (long)Math.Min(seen, window));
}
