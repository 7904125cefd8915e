using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using MoBA.Patterns;

namespace MoBA.Program;

/// <summary>The usual help, and below it what a person would type.</summary>
internal sealed class HelpWithExamples(HelpAction help) : SynchronousCommandLineAction
{
    public override bool ClearsParseErrors => true;

    public override int Invoke(ParseResult parseResult)
    {
        int code = help.Invoke(parseResult);
        TextWriter output = parseResult.InvocationConfiguration.Output;
        output.WriteLine("Examples:");
        foreach (string example in Examples(parseResult.CommandResult.Command.Name))
        {
            output.WriteLine($"  {example}");
        }

        output.WriteLine();
        output.WriteLine("Patterns:");
        foreach (string[] names in Gallery.Entries.Select(entry => entry.Name).Chunk(6))
        {
            output.WriteLine($"  {string.Join(", ", names)}");
        }

        output.WriteLine();
        output.WriteLine("Exit codes: 0 done, 1 a check failed or moba itself did, 2 a wrong command line or file, 130 interrupted.");
        return code;
    }

    private static string[] Examples(string command) => command switch
    {
        "gallery" => ["moba gallery", "moba gallery --input qkv.safetensors"],
        "run" =>
        [
            "moba run SinkWindow --input qkv.safetensors --output o.safetensors",
            "moba run SinkWindow --input qkv.safetensors --output o.safetensors --set Window=512 --set Sinks=8 --lse",
            "moba run MobaTopK --input qkv.safetensors --output o.safetensors --routes --set BlockSize=64",
            "moba run LongContext --input qkv.safetensors --output o.safetensors --router router.safetensors --routes",
            "moba run DocumentCausal --input qkv.safetensors --output o.safetensors --set Document=@documents.txt",
        ],
        "show" =>
        [
            "moba show Strided --tokens 4096",
            "moba show BigBird --tokens 128 --png bigbird.png",
            "moba show MobaTopK --input qkv.safetensors --head 1 --png routes.png",
            "moba show LongContext --input qkv.safetensors --router router.safetensors",
            "moba show --all --png gallery.png",
        ],
        "check" =>
        [
            "moba check SinkWindow --input qkv.safetensors",
            "moba check MobaSinks --input qkv.safetensors --set TopK=4",
            "moba check MobaTopK --input qkv.safetensors --target cuda",
            "moba check LongContext --input qkv.safetensors --router router.safetensors --set SinkWindow.Window=512",
        ],
        "bench" =>
        [
            "moba bench SlidingWindow --tokens 32768 --heads 8 --set Window=1024",
            "moba bench Causal --tokens 8192 --heads 8 --dim 128 --repeat 10",
            "moba bench MobaTopK --tokens 32768 --heads 8",
            "moba bench SinkWindow --target cuda --tokens 32768 --batch 2 --heads 16 --dim 128 --set Window=1024 --sustained --first",
            "moba bench MobaTopK --target cuda --tokens 65536 --batch 2 --heads 16 --dim 128 --data correlated --workspace 512 --crossover",
            "moba bench --all --target cuda --tokens 32768 --heads 16 --dim 128 --json all.json",
        ],
        "fit" =>
        [
            "moba fit LongContext --input qkv.safetensors --output router.safetensors",
            "moba fit LongContext --input qkv.safetensors --output router.safetensors --keys-per-token 192 --objective mass --set MobaTopK.TopK=4",
        ],
        _ =>
        [
            "moba",
            "moba show SinkWindow --tokens 2048 --png sinks.png",
            "moba run SinkWindow --input qkv.safetensors --output o.safetensors --set Window=512",
        ],
    };
}
