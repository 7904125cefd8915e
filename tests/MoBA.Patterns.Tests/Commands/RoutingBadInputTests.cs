using System.Numerics.Tensors;
using System.Text;
using MoBA.Runtime;
using Xunit;

namespace MoBA.Patterns.Tests;

/// <summary>Whatever is wrong with a router, logits or the parameters of what routes: exit code 2, and one line that says what and
/// how to mend it.</summary>
public sealed class RoutingBadInputTests : IDisposable
{
    private static readonly string[] _names = [.. LongContext.Info.Experts.Select(e => e.Name)];

    private readonly string _folder = Directory.CreateTempSubdirectory("moba").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("run LongContext --input IN --output OUT", "LongContext is a mixture, and nothing routes it: give --router FILE, which 'moba fit LongContext' writes")]
    [InlineData("check LongContext --input IN", "or an input with a tensor 'logits' [tokens, heads, 4]")]
    [InlineData("show LongContext --input IN", "nothing routes it")]
    [InlineData("run LongContext --input IN --output OUT --router NONE", "which is not there; give a file that 'moba fit' wrote")]
    [InlineData("bench LongContext --tokens 64 --router NONE", "which is not there; give a file that 'moba fit' wrote")]
    [InlineData("gallery --input IN --router NONE", "which is not there; give a file that 'moba fit' wrote")]
    [InlineData("run LongContext --input IN --output OUT --router FOLDER", "which is a folder; give a file that 'moba fit' wrote")]
    [InlineData("run LongContext --input IN --output OUT --router IN", "'kind' is missing and 'moba-router' is wanted")]
    [InlineData("run Causal --input IN --output OUT --router ROUTER", "and Causal is no mixture; leave --router out, or name a mixture: LongContext")]
    [InlineData("check MobaTopK --input IN --router ROUTER", "MobaTopK is no mixture")]
    [InlineData("bench MobaTopK --tokens 64 --router ROUTER", "MobaTopK is no mixture")]
    [InlineData("show MobaTopK --input IN --router ROUTER", "MobaTopK is no mixture")]
    [InlineData("show Causal --router ROUTER", "Causal routes nothing, so that its picture needs no data; leave --router out")]
    [InlineData("show Causal --input IN", "leave --input out")]
    [InlineData("show Causal --head 2", "--head is '2', and Causal routes nothing")]
    [InlineData("show MobaTopK --input IN --heads 2", "leave --heads out, or choose one with --head")]
    [InlineData("show MobaTopK --input IN --head 4", "--head is '4', and the data has 4 query heads: a number from 0 to 3 is wanted")]
    [InlineData("show MobaTopK --input IN --head -1", "--head is '-1': a whole number from 0 to")]
    [InlineData("show MobaTopK --input IN --tokens 41", "--tokens is '41', and the longest sequence of")]
    [InlineData("show --all --png OUT --input IN", "of the other options --tokens alone")]
    [InlineData("run Causal --input IN --output OUT --routes", "Causal routes nothing; leave it out, or name a pattern that does: MobaTopK,")]
    [InlineData("run MobaTopK --input IN --output OUT --set BlockSize=24", "BlockSize is 24: it must be a multiple of 16, at least 16.")]
    [InlineData("run MobaTopK --input IN --output OUT --set BlockSize=0", "BlockSize is 0: it must be a multiple of 16")]
    [InlineData("run MobaTopK --input IN --output OUT --set BlockSize=1073741840", "BlockSize is 1073741840: it must be at most 1073741824.")]
    [InlineData("run MobaTopK --input IN --output OUT --set TopK=0", "TopK is 0: it must be at least 1")]
    [InlineData("run MobaTopK --input IN --output OUT --set Window=3", "MobaTopK has no such parameter; it has BlockSize (int), TopK (int)")]
    [InlineData("run MobaTopK --input IN --output OUT --routes --set TopK=2000000000", "bytes (")]
    [InlineData("check LongContext --input IN --router ROUTER --set Window=3", "LongContext has no such parameter; it has SinkWindow.Window (int), SinkWindow.Sinks (int)")]
    [InlineData("check LongContext --input IN --router ROUTER --set SinkWindow.Windw=3", "LongContext has no such parameter")]
    [InlineData("check LongContext --input IN --router ROUTER --set Strided.Stride=many", "--set Strided.Stride is 'many': a whole number is wanted")]
    [InlineData("check LongContext --input IN --router ROUTER --set Strided.Stride=0", "Stride")]
    [InlineData("check LongContext --input IN --router ROUTER --set MobaTopK.BlockSize=8", "BlockSize is 8: it must be a multiple of 16")]
    [InlineData("fit LongContext --output OUT", "Option '--input' is required: a safetensors file with q, k and v; one to try ships with moba: --input '")]
    [InlineData("run MobaTopK --output OUT", "qkv_layer4_2048.safetensors")]
    [InlineData("check LongContext", "qkv_layer4_2048.safetensors")]
    [InlineData("fit LongContext --input IN", "Option '--output' is required")]
    [InlineData("fit Causal --input IN --output OUT", "Causal is no mixture, and only mixtures have a router; name one: LongContext")]
    [InlineData("fit LongContext --input NONE --output OUT", "is not there; give --input a safetensors file")]
    [InlineData("fit LongContext --input IN --output IN", "--output is the input file")]
    [InlineData("fit LongContext --input IN --output NONE/r", "is not there; make it, or name a file in another")]
    [InlineData("fit LongContext --input IN --output OUT", "give more tokens, or a smaller --span.")]
    [InlineData("fit LongContext --input IN --output OUT --span 4 --keys-per-token 1", "--keys-per-token is 1: the cheapest experts attend")]
    [InlineData("fit LongContext --input IN --output OUT --keys-per-token 0", "--keys-per-token is '0': a whole number from 1 to")]
    [InlineData("fit LongContext --input IN --output OUT --objective speed", "--objective is 'speed': mass or error is wanted")]
    [InlineData("fit LongContext --input IN --output OUT --epochs 0", "--epochs is '0': a whole number from 1 to")]
    [InlineData("fit LongContext --input IN --output OUT --seed x", "--seed is 'x': a whole number from 0 to")]
    [InlineData("fit LongContext --input IN --output OUT --span 4 --objective mass --set GlobalWindow.Causal=false", "attends keys that the teacher 'Causal' does not")]
    public async Task A_wrong_command_line_is_told_in_one_line(string line, string says)
    {
        string input = CommandLine.WriteInput(_folder), router = WriteRouter(4, 16), output = Path.Combine(_folder, "out");
        string[] args = [.. line.Split(' ').Select(arg => arg
            .Replace("NONE", Path.Combine(_folder, "none"), StringComparison.Ordinal)
            .Replace("FOLDER", _folder, StringComparison.Ordinal)
            .Replace("ROUTER", router, StringComparison.Ordinal)
            .Replace("OUT", output, StringComparison.Ordinal))];
        Refusal.OneLine(await CommandLine.Run([.. args.Select(arg => arg == "IN" ? input : arg)]), says);
        Assert.Equal([input, router], Directory.GetFiles(_folder).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task A_router_for_other_queries_or_experts_is_told_in_one_line()
    {
        await Refused(WriteRouter(2, 16), "the router's weights are [2, 4, 16]");
        await Refused(WriteRouter(4, 8), "the router's weights are [4, 4, 8]");
        await Refused(WriteRouter(4, 16, experts: 3), "the router's weights are [4, 3, 16]");
        await Refused(WriteRouter(4, 16, names: [.. _names.Reverse()]), "the router is for the experts MobaTopK,");
    }

    [Fact]
    public async Task A_damaged_router_is_told_in_one_line()
    {
        string path = WriteRouter(4, 16);
        byte[] whole = await File.ReadAllBytesAsync(path, TestContext.Current.CancellationToken);
        foreach (int length in (int[])[0, 1, 8, 60, whole.Length / 2, whole.Length - 1])
        {
            await File.WriteAllBytesAsync(path, whole[..length], TestContext.Current.CancellationToken);
            await Refused(path, Path.GetFileName(path));
        }

        await File.WriteAllBytesAsync(path, Encoding.UTF8.GetBytes("Dear reader, this is text."), TestContext.Current.CancellationToken);
        await Refused(path, "is not safetensors");

        // The last number of the file, which is a weight or a bias, becomes NaN.
        BitConverter.TryWriteBytes(whole.AsSpan(^4), float.NaN);
        await File.WriteAllBytesAsync(path, whole, TestContext.Current.CancellationToken);
        await Refused(path, "a router's numbers must be finite");
    }

    [Fact]
    public async Task Logits_that_cannot_be_ranked_or_do_not_fit_are_told_in_one_line()
    {
        Tensor<float> bad = CommandLine.RandomTensor(40, 4, 4, 9);
        bad[7, 2, 1] = float.NaN;
        await RefusedLogits(writer => writer.Add("logits", bad), "the logit of expert 1 at token 7 and head 2 is NaN: logits must be finite");
        bad[7, 2, 1] = float.PositiveInfinity;
        await RefusedLogits(writer => writer.Add("logits", bad), "logits must be finite");
        await RefusedLogits(writer => writer.Add("logits", CommandLine.RandomTensor(40, 4, 3, 9)), "logits is [40, 4, 3]: it must be [query tokens, query heads, experts], which is [40, 4, 4]");
        await RefusedLogits(writer => writer.Add("logits", CommandLine.RandomTensor(39, 4, 4, 9)), "logits is [39, 4, 4]");
        await RefusedLogits(writer => writer.Add("logits", Tensor.Create(new int[40 * 4 * 4], [40, 4, 4])), "'logits' is I32 [40, 4, 4] and F32 is wanted");
    }

    [Fact]
    public async Task Queries_that_the_router_cannot_rank_are_told_in_one_line()
    {
        Tensor<float> q = CommandLine.RandomTensor(40, 4, 16, 1);
        q[3, 0, 0] = float.NaN;
        var writer = new SafetensorsWriter();
        writer.Add("q", q);
        writer.Add("k", CommandLine.RandomTensor(40, 2, 16, 2));
        writer.Add("v", CommandLine.RandomTensor(40, 2, 16, 3));
        string input = Path.Combine(_folder, "nan");
        writer.Save(input, TestContext.Current.CancellationToken);
        string output = Path.Combine(_folder, "o");
        Refusal.OneLine(await CommandLine.Run("run", "LongContext", "--input", input, "--output", output, "--router", WriteRouter(4, 16)), "at token 3 and head 0 is NaN: q has a value that is infinite");
        Refusal.OneLine(await CommandLine.Run("fit", "LongContext", "--input", input, "--output", output, "--span", "4"), "give finite tensors");
        Assert.False(File.Exists(output));
    }

    private string WriteRouter(int heads, int dim, int experts = 4, string[]? names = null)
    {
        string path = Path.Combine(_folder, "router.safetensors");
        new Router(CommandLine.RandomTensor(heads, experts, dim, 8)) { ExpertNames = names ?? (experts == 4 ? _names : null) }.Save(path);
        return path;
    }

    private async Task Refused(string router, string says)
    {
        string output = Path.Combine(_folder, "o");
        Outcome outcome = await CommandLine.Run("run", "LongContext", "--input", CommandLine.WriteInput(_folder), "--output", output, "--router", router);
        Refusal.OneLine(outcome, says);
        Assert.Contains(router, outcome.Error, StringComparison.Ordinal);
        Assert.False(File.Exists(output));
    }

    private async Task RefusedLogits(Action<SafetensorsWriter> logits, string says)
    {
        string input = CommandLine.WriteInput(_folder, more: logits), output = Path.Combine(_folder, "o");
        Outcome outcome = await CommandLine.Run("run", "LongContext", "--input", input, "--output", output);
        Refusal.OneLine(outcome, says);
        Assert.Contains(input, outcome.Error, StringComparison.Ordinal);
        Assert.False(File.Exists(output));
    }
}
