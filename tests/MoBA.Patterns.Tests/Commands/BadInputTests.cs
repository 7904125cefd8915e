using System.Numerics.Tensors;
using System.Text;
using MoBA.Program;
using MoBA.Runtime;
using Xunit;

namespace MoBA.Patterns.Tests;

/// <summary>Whatever is wrong with a command line or a file: exit code 2, and one line that says what and how to mend it.</summary>
public sealed class BadInputTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("moba").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("nothing", "Unrecognized command or argument 'nothing'")]
    [InlineData("--nothing", "Unrecognized command or argument '--nothing'")]
    [InlineData("run", "See moba run --help")]
    [InlineData("run Causal --input IN", "Option '--output' is required")]
    [InlineData("run SlidngWindow --input IN --output OUT", "did you mean SlidingWindow? There are Causal, SlidingWindow,")]
    [InlineData("show SINKWINDOWS", "did you mean SinkWindow?")]
    [InlineData("run Causal --input NONE --output OUT", "is not there; give --input a safetensors file")]
    [InlineData("check Causal --input FOLDER", "is a folder; give --input a safetensors file")]
    [InlineData("run Causal --input IN --output IN", "--output is the input file")]
    [InlineData("run Causal --input IN --output FOLDER", "is a folder; name a file to write")]
    [InlineData("run Causal --input IN --output NONE/o", "is not there; make it, or name a file in another")]
    [InlineData("run Causal --input IN --output OUT --target tpu", "--target is 'tpu': cpu, cuda or portable is wanted")]
    [InlineData("run Causal --input IN --output OUT --target cuda", "use Target.Cpu")]
    [InlineData("run SinkWindow --input IN --output OUT --set", "Required argument missing")]
    [InlineData("run SinkWindow --input IN --output OUT --set Window", "Name=Value is wanted, for example --set Window=1024")]
    [InlineData("run SinkWindow --input IN --output OUT --set Windw=3", "SinkWindow has no such parameter; it has Window (int), Sinks (int)")]
    [InlineData("run SinkWindow --input IN --output OUT --set Window=many", "--set Window is 'many': a whole number is wanted")]
    [InlineData("run SinkWindow --input IN --output OUT --set Window=99999999999", "a whole number is wanted")]
    [InlineData("run SinkWindow --input IN --output OUT --set Window=3 --set window=4", "gives Window twice")]
    [InlineData("run Causal --input IN --output OUT --set Window=3", "Causal has no parameters")]
    [InlineData("run SoftCap --input IN --output OUT --set Cap=NaN", "--set Cap is 'NaN': a number is wanted")]
    [InlineData("run Strided --input IN --output OUT --set Stride=0", "Stride")]
    [InlineData("run DocumentCausal --input IN --output OUT --set Document=1,2,3", "Document")]
    [InlineData("run DocumentCausal --input IN --output OUT --set Document=1,x,3", "--set Document holds 'x'")]
    [InlineData("run DocumentCausal --input IN --output OUT --set Document=@NONE", "is not there; give @FILE the path")]
    [InlineData("show", "show wants a pattern's NAME, or --all with --png FILE")]
    [InlineData("show --all", "give --png FILE")]
    [InlineData("show Causal --all --png OUT", "not both")]
    [InlineData("show Causal --tokens 0", "--tokens is '0': a whole number from 1 to")]
    [InlineData("show Causal --tokens -5", "--tokens is '-5': a whole number from 1 to")]
    [InlineData("show Causal --tokens 1e3", "--tokens is '1e3': a whole number from 1 to")]
    [InlineData("show Natten2D --tokens 64 --set Kernel=99", "Kernel")]
    [InlineData("check Natten2D --input IN --set Kernel=99", "")]
    [InlineData("show Causal --png NONE/x.png", "is not there; make it")]
    [InlineData("bench Causal --tokens 99999999999", "--tokens is '99999999999'")]
    [InlineData("bench Causal --tokens 16777216 --heads 4096", "make one smaller")]
    [InlineData("bench Causal --tokens 16777216 --heads 1 --key-heads 4096", "q, k, v, o and the engine's workspace")]
    [InlineData("bench Causal --tokens 64 --dim 12", "dim 12 must be a multiple of 8")]
    [InlineData("bench Causal --tokens 64 --heads 3 --key-heads 2", "must be a multiple of the 2 key heads")]
    public async Task A_wrong_command_line_is_told_in_one_line(string line, string says)
    {
        string input = CommandLine.WriteInput(_folder), output = Path.Combine(_folder, "out");
        string[] args = [.. line.Split(' ').Select(arg => arg
            .Replace("NONE", Path.Combine(_folder, "none"), StringComparison.Ordinal)
            .Replace("FOLDER", _folder, StringComparison.Ordinal)
            .Replace("OUT", output, StringComparison.Ordinal))];
        Refusal.OneLine(await CommandLine.Run([.. args.Select(arg => arg == "IN" ? input : arg)]), says);
        Assert.Equal([input], Directory.GetFiles(_folder));
    }

    [Theory]
    [InlineData("run", "Causal", "--input", "", "--output", "o")]
    [InlineData("run", "Causal", "--input", "x", "--output", "")]
    [InlineData("show", "Causal", "--png", "")]
    [InlineData("show", "Causal", "--png", "a\0b")]
    [InlineData("show", "DocumentCausal", "--set", "Document=@")]
    public async Task An_empty_or_impossible_path_is_told_in_one_line(params string[] args) => Refusal.OneLine(await CommandLine.Run(args), "");

    [Fact]
    public async Task A_fault_of_the_program_is_not_called_the_user_s()
    {
        using var error = new StringWriter();
        int code = await Moba.RunAsync(["show", "Causal", "--tokens", "64"], Terminal.To(new FaultyWriter(), error), TestContext.Current.CancellationToken);
        Assert.Equal(1, code);
        Assert.StartsWith("moba: a fault of this program", error.ToString(), StringComparison.Ordinal);
        Assert.Contains("System.ArgumentException: a fault", error.ToString(), StringComparison.Ordinal);
        Assert.Contains("   at ", error.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_file_that_is_not_what_it_should_be_is_told_in_one_line()
    {
        Tensor<float> cube = CommandLine.RandomTensor(4, 2, 8, 1);
        await Refused("", "is 0 bytes long");
        await Refused("Dear reader, this is text.", "is not safetensors");
        await Refused(w => w.Add("q", cube), "There is no tensor 'k'");
        await Refused(With(CommandLine.RandomTensor(4, 3, 8, 1), cube), "must be a multiple of the 2 key heads");
        await Refused(With(cube, CommandLine.RandomTensor(4, 2, 16, 1)), "its dim must be q's");
        await Refused(With(Tensor.Create(new float[8], [8]), cube), "tensor 'q' is F32 [8]; [tokens, heads, dim] is wanted");
        await Refused(w => { Add(w, cube, cube); w.Add("cu_seqlens", Tensor.Create([0, 3], [2])); }, "Sequences");
        await Refused(w => { Add(w, cube, cube); w.Add("cu_seqlens", Tensor.Create([0, 5, 2, 4], [4])); }, "Sequences");
        await Refused(w => { Add(w, cube, cube); w.Add("cu_seqlens", cube); }, "'cu_seqlens' is F32 [4, 2, 8] and I32 is wanted");
        await Refused(w => { w.Add("q", Tensor.Create(new int[64], [4, 2, 8])); w.Add("k", cube); w.Add("v", cube); }, "tensor 'q' is I32; F32, F16 or BF16 is wanted");
        await Refused(w => { w.Add("q", Tensor.Create(new Half[64], [4, 2, 8])); w.Add("k", cube); w.Add("v", cube); }, "'k' is F32 [4, 2, 8] and F16 is wanted");
    }

    [Fact]
    public async Task A_file_cut_anywhere_is_told_in_one_line()
    {
        byte[] whole = await File.ReadAllBytesAsync(CommandLine.WriteInput(_folder), TestContext.Current.CancellationToken);
        foreach (int length in (int[])[1, 8, 20, 200, whole.Length / 2, whole.Length - 1])
        {
            await Refused(whole[..length], "");
        }
    }

    private static Action<SafetensorsWriter> With(Tensor<float> q, Tensor<float> kv) => writer => Add(writer, q, kv);

    private static void Add(SafetensorsWriter writer, Tensor<float> q, Tensor<float> kv)
    {
        writer.Add("q", q);
        writer.Add("k", kv);
        writer.Add("v", kv);
    }

    private async Task Refused(Action<SafetensorsWriter> write, string says)
    {
        var writer = new SafetensorsWriter();
        write(writer);
        using var stream = new MemoryStream();
        writer.Write(stream);
        await Refused(stream.ToArray(), says);
    }

    private Task Refused(string text, string says) => Refused(Encoding.UTF8.GetBytes(text), says);

    private async Task Refused(byte[] file, string says)
    {
        string path = Path.Combine(_folder, "bad.safetensors"), output = Path.Combine(_folder, "o.safetensors");
        await File.WriteAllBytesAsync(path, file, TestContext.Current.CancellationToken);
        Refusal.OneLine(await CommandLine.Run("run", "Causal", "--input", path, "--output", output), says);
        Assert.False(File.Exists(output));
    }

    /// <summary>Stands for a mistake of ours.</summary>
    private sealed class FaultyWriter : StringWriter
    {
        public override void Write(char value) => throw new ArgumentException("a fault");

        public override void Write(string? value) => throw new ArgumentException("a fault");

        public override void WriteLine(string? value) => throw new ArgumentException("a fault");
    }
}
