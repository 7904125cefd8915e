using System.Numerics.Tensors;
using MoBA.Program;
using MoBA.Runtime;
using Xunit;

namespace MoBA.Patterns.Tests;

/// <summary>Commands on patterns that route.</summary>
public sealed class RoutingCommandTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("moba").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Run_writes_the_blocks_that_a_gate_chose()
    {
        string input = CommandLine.WriteInput(_folder, tokens: 150), output = Path.Combine(_folder, "o");
        Outcome outcome = await CommandLine.Run("run", "MobaGroup", "--input", input, "--output", output, "--routes", "--set", "BlockSize=16", "--set", "topk=3");
        Assert.Equal((0, ""), (outcome.Code, outcome.Error));
        Assert.Contains("MobaGroup BlockSize=16 TopK=3", outcome.Out, StringComparison.Ordinal);
        Assert.Contains($"{output}: o [150, 4, 16], routes [150, 2, 3]", outcome.Out, StringComparison.Ordinal);
        using SafetensorsFile read = SafetensorsFile.Read(input), written = SafetensorsFile.Read(output);
        Assert.Equal("I32 [150, 2, 3]", written.Entry("routes").ToString());
        Assert.False(written.Contains("route_weights"));
        RouteGap gap = ReferenceAttention.CompareRoutes(
            new MobaGroup { BlockSize = 16, TopK = 3 }, written.Get<int>("routes"), read.Get<float>("q"), read.Get<float>("k"), null, TestContext.Current.CancellationToken);
        Assert.Null(gap.Fault);
        Assert.InRange(gap.Deficit, 0, 1e-5);
        Assert.Equal(0, (await CommandLine.Run("run", "MobaGroup", "--input", input, "--output", output)).Code);
        using SafetensorsFile without = SafetensorsFile.Read(output);
        Assert.False(without.Contains("routes"));
    }

    [Fact]
    public async Task Run_sends_the_tokens_of_a_mixture_where_logits_say()
    {
        // Head by head and token by token in turn: expert (token + head) % 4 is the best.
        Tensor<float> logits = Tensor.Create(
            [.. Enumerable.Range(0, 150 * 4 * 4).Select(i => i % 4 == ((i / 16) + (i / 4 % 4)) % 4 ? 1f : 0f)], [150, 4, 4]);
        string input = CommandLine.WriteInput(_folder, tokens: 150, more: writer => writer.Add("logits", logits)), output = Path.Combine(_folder, "o");
        Outcome outcome = await CommandLine.Run("run", "LongContext", "--input", input, "--output", output, "--routes", "--lse", "--set", "SinkWindow.Window=9");
        Assert.Equal((0, ""), (outcome.Code, outcome.Error));
        Assert.Contains("SinkWindow.Window=9", outcome.Out, StringComparison.Ordinal);
        Assert.Matches(@"SinkWindow\s+150\s+25 %", outcome.Out);
        Assert.Contains("o [150, 4, 16], lse [150, 4], routes [150, 4, 1], route_weights [150, 4, 1]", outcome.Out, StringComparison.Ordinal);

        using SafetensorsFile read = SafetensorsFile.Read(input), written = SafetensorsFile.Read(output);
        Assert.Equal([.. Enumerable.Range(0, 600).Select(row => ((row / 4) + (row % 4)) % 4)], CommandLine.Flat(written.Get<int>("routes")));
        Assert.All(CommandLine.Flat(written.Get<float>("route_weights")), weight => Assert.Equal(1, weight));
        Tensor<float> alone = ReferenceAttention.Attend(
            new SinkWindow { Window = 9, Sinks = 4 }, read.Get<float>("q"), read.Get<float>("k"), read.Get<float>("v"), null, TestContext.Current.CancellationToken).Output;
        Tensor<float> mixed = written.Get<float>("o");
        for (int token = 0; token < 148; token += 4)
        {
            Assert.Equal(alone[token, 0, 5], mixed[token, 0, 5], 1e-5f);
            Assert.Equal(alone[token + 1, 3, 5], mixed[token + 1, 3, 5], 1e-5f);
        }
    }

    [Fact]
    public async Task A_router_that_was_fitted_routes_every_command()
    {
        string input = CommandLine.WriteInput(_folder, tokens: 150), router = Path.Combine(_folder, "router"), output = Path.Combine(_folder, "o");
        Outcome fit = await CommandLine.Run("fit", "longcontext", "--input", input, "--output", router, "--span", "16", "--epochs", "4", "--keys-per-token", "30", "--seed", "3", "--objective", "mass");
        Assert.Equal((0, ""), (fit.Code, fit.Error));
        foreach (string row in (string[])["SinkWindow", "Strided", "GlobalWindow", "MobaTopK", "oracle", "learned", "random"])
        {
            Assert.Matches($@"  {row} +\d+\.\d % +\d\.\d+ +\d+\.\d ", fit.Out);
        }

        Assert.Equal(LongContext.Info.Experts.Select(e => e.Name), Router.Load(router).ExpertNames);
        Outcome run = await CommandLine.Run("run", "LongContext", "--input", input, "--output", output, "--router", router);
        Assert.Equal((0, ""), (run.Code, run.Error));
        Outcome check = await CommandLine.Run("check", "LongContext", "--input", input, "--router", router, "--target", "portable");
        Assert.Equal((0, ""), (check.Code, check.Error));
        Assert.Contains("MobaTopK 0 of 600 differ from the oracle's", check.Out, StringComparison.Ordinal);
        Assert.Contains("agrees with the oracle", check.Out, StringComparison.Ordinal);
        Outcome gallery = await CommandLine.Run("gallery", "--input", input, "--router", router);
        Assert.Equal((0, ""), (gallery.Code, gallery.Error));
        Assert.Contains("21 patterns on", gallery.Out, StringComparison.Ordinal);
        Assert.Contains("loads ", gallery.Out, StringComparison.Ordinal);
        Assert.Matches(@"LongContext +\d+[.\d]* % +\d+\.\d % ", gallery.Out);
        Outcome bench = await CommandLine.Run("bench", "LongContext", "--tokens", "150", "--heads", "4", "--dim", "16", "--repeat", "1", "--router", router);
        Assert.Equal((0, ""), (bench.Code, bench.Error));
        Assert.Contains($"routed by {router}", bench.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_same_seed_fits_the_same_router()
    {
        string input = CommandLine.WriteInput(_folder, tokens: 400), first = Path.Combine(_folder, "1"), again = Path.Combine(_folder, "2"), other = Path.Combine(_folder, "3");
        foreach ((string path, string seed) in ((string, string)[])[(first, "1"), (again, "1"), (other, "2")])
        {
            Assert.Equal(0, (await CommandLine.Run("fit", "LongContext", "--input", input, "--output", path, "--span", "16", "--epochs", "3", "--seed", seed)).Code);
        }

        Assert.Equal(await File.ReadAllBytesAsync(first, TestContext.Current.CancellationToken), await File.ReadAllBytesAsync(again, TestContext.Current.CancellationToken));
        Assert.NotEqual(await File.ReadAllBytesAsync(first, TestContext.Current.CancellationToken), await File.ReadAllBytesAsync(other, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Fit_that_is_cancelled_writes_nothing()
    {
        string input = CommandLine.WriteInput(_folder), output = Path.Combine(_folder, "r");
        Outcome outcome = await CommandLine.RunUntil(new CancellationToken(canceled: true), ["fit", "LongContext", "--input", input, "--output", output, "--span", "4"]);
        Assert.Equal((130, "moba: cancelled; nothing was written."), (outcome.Code, outcome.Error.Trim()));
        Assert.Equal([input], Directory.GetFiles(_folder));
    }

    [Theory]
    [InlineData("cpu")]
    [InlineData("portable")]
    public async Task Check_judges_routes_and_attention(string target)
    {
        string input = CommandLine.WriteInput(_folder, tokens: 90);
        foreach (string name in (string[])["MobaTopK", "MobaSinks", "QuestTopK", "MobaGroup"])
        {
            Outcome outcome = await CommandLine.Run("check", name, "--input", input, "--target", target);
            Assert.Equal((0, ""), (outcome.Code, outcome.Error));
            Assert.Contains($"routes  0 of {(name == "MobaGroup" ? 180 : 360)} differ from the oracle's", outcome.Out, StringComparison.Ordinal);
            Assert.Contains("agrees with the oracle", outcome.Out, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Bench_of_a_mixture_says_that_its_router_is_random()
    {
        Outcome outcome = await CommandLine.Run("bench", "LongContext", "--tokens", "200", "--heads", "2", "--dim", "16", "--repeat", "1");
        Assert.Equal((0, ""), (outcome.Code, outcome.Error));
        foreach (string part in (string[])["routed by a random router (seed ", "passes of LongContext, last run: route ", "share by head", "dense causal"])
        {
            Assert.Contains(part, outcome.Out, StringComparison.Ordinal);
        }
    }

    [Theory]
    [MemberData(nameof(GalleryTests.Routed), MemberType = typeof(GalleryTests))]
    public async Task Show_draws_the_routes_of_the_data_that_ships(string name)
    {
        foreach (string tokens in (string[])["1", "7", "130", "1000", "2048"])
        {
            string png = Path.Combine(_folder, "picture.png");
            Outcome outcome = await CommandLine.Run("show", name, "--tokens", tokens, "--head", "1", "--png", png);
            Assert.Equal((0, ""), (outcome.Code, outcome.Error));
            Assert.Contains($"{tokens} tokens of qkv_layer4_2048.safetensors", outcome.Out.ReplaceLineEndings(" "), StringComparison.Ordinal);
            Assert.Contains("% of dense causal attention captured", outcome.Out.ReplaceLineEndings(" "), StringComparison.Ordinal);
            (int width, int height) = CommandTests.PngSize(png);
            Assert.InRange(width, 1000, 1600);
            Assert.InRange(height, 800, 1300);
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(17)]
    public async Task Gallery_takes_few_tokens_and_none(int tokens)
    {
        string router = Path.Combine(_folder, "router");
        new Router(CommandLine.RandomTensor(4, 4, 16, 8)).Save(router, TestContext.Current.CancellationToken);
        Outcome outcome = await CommandLine.Run("gallery", "--input", CommandLine.WriteInput(_folder, tokens), "--router", router);
        Assert.Equal((0, ""), (outcome.Code, outcome.Error));
        Assert.Contains("21 patterns on", outcome.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Show_prints_own_blocks_chosen_blocks_and_none()
    {
        // Keys of block 2 alone look like every query, so that all later queries choose it beside their own.
        const int tokens = 256, block = 16;
        float[] k = [.. Enumerable.Range(0, tokens * 8).Select(i => i / 8 / block == 2 ? 1f : 0f)];
        var writer = new SafetensorsWriter();
        writer.Add("q", Tensor.Create([.. Enumerable.Repeat(1f, tokens * 8)], [tokens, 1, 8]));
        writer.Add("k", Tensor.Create(k, [tokens, 1, 8]));
        writer.Add("v", Tensor.Create(k, [tokens, 1, 8]));
        string input = Path.Combine(_folder, "in");
        writer.Save(input, TestContext.Current.CancellationToken);
        Outcome outcome = await CommandLine.Run("show", "MobaTopK", "--input", input, "--set", "BlockSize=16", "--set", "TopK=2");
        Assert.Equal((0, ""), (outcome.Code, outcome.Error));
        string[] rows = [.. outcome.Out.Split('\n').Take(16).Select(line => line[..Math.Min(31, line.Length)])];
        for (int row = 3; row < 16; row++)
        {
            string wanted = string.Join(' ', Enumerable.Range(0, 16).Select(column => column == 2 ? '#' : column == row ? 'o' : '.'));
            Assert.Equal(wanted, rows[row]);
        }
    }

    [Fact]
    public async Task Show_prints_the_expert_of_every_token()
    {
        // The first half of the tokens goes to expert 1, the second to expert 3.
        Tensor<float> logits = Tensor.Create([.. Enumerable.Range(0, 64 * 4 * 4).Select(i => i % 4 == (i / 16 < 32 ? 1 : 3) ? 1f : 0f)], [64, 4, 4]);
        string input = CommandLine.WriteInput(_folder, tokens: 64, more: writer => writer.Add("logits", logits));
        Outcome outcome = await CommandLine.Run("show", "LongContext", "--input", input);
        Assert.Equal((0, ""), (outcome.Code, outcome.Error));
        string[] lines = outcome.Out.Split('\n');
        Assert.All(lines[..4], line => Assert.StartsWith($"{new string('B', 16)}{new string('D', 16)}", line, StringComparison.Ordinal));
        Assert.Contains("B Strided 50 %", outcome.Out, StringComparison.Ordinal);
        Assert.Contains("D MobaTopK 50 %", outcome.Out, StringComparison.Ordinal);
        Assert.Contains("row: a head   column: a stretch of tokens   letter: the expert that most of its tokens took", outcome.Out, StringComparison.Ordinal);
        Assert.DoesNotContain("all heads are shown", outcome.Out, StringComparison.Ordinal);
        Outcome asked = await CommandLine.Run("show", "LongContext", "--input", input, "--head", "2");
        Assert.Contains("all heads are shown; --head 2 chooses whose blocks --png draws", asked.Out, StringComparison.Ordinal);
    }
}
