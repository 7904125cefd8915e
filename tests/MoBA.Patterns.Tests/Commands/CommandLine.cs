using System.Diagnostics;
using System.Numerics.Tensors;
using MoBA.Program;
using MoBA.Runtime;
using Xunit;

namespace MoBA.Patterns.Tests;

/// <summary>What one command line did.</summary>
/// <param name="Code">Exit code.</param>
/// <param name="Out">Standard output.</param>
/// <param name="Error">Standard error.</param>
internal sealed record Outcome(int Code, string Out, string Error);

/// <summary>Runs command lines in this process and as a program, and makes files for them.</summary>
internal static class CommandLine
{
    /// <summary>Runs in this process.</summary>
    public static async Task<Outcome> Run(params string[] args) => await RunUntil(TestContext.Current.CancellationToken, args);

    /// <summary>Runs in this process until cancelled.</summary>
    public static async Task<Outcome> RunUntil(CancellationToken cancellationToken, string[] args)
    {
        using StringWriter output = new(), error = new();
        int code = await Moba.RunAsync(args, Terminal.To(output, error), cancellationToken);
        return new(code, output.ToString(), error.ToString());
    }

    /// <summary>Starts the program as a person does.</summary>
    public static Process Start(params string[] args)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath is { } path && Path.GetFileNameWithoutExtension(path) == "dotnet" ? path : "dotnet")
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.ArgumentList.Add(Path.Combine(AppContext.BaseDirectory, "moba.dll"));
        foreach (string arg in args)
        {
            start.ArgumentList.Add(arg);
        }

        return Process.Start(start)!;
    }

    /// <summary>A file of random q, k and v as float, written by the project's own writer.</summary>
    public static string WriteInput(string folder, int tokens = 40, int heads = 4, int keyHeads = 2, int dim = 16, Action<SafetensorsWriter>? more = null)
    {
        string path = Path.Combine(folder, "qkv.safetensors");
        var writer = new SafetensorsWriter();
        writer.Add("q", RandomTensor(tokens, heads, dim, 1));
        writer.Add("k", RandomTensor(tokens, keyHeads, dim, 2));
        writer.Add("v", RandomTensor(tokens, keyHeads, dim, 3));
        more?.Invoke(writer);
        writer.Save(path);
        return path;
    }

    /// <summary>Numbers from -1 to 1.</summary>
    public static Tensor<float> RandomTensor(int tokens, int heads, int dim, int seed)
    {
        var random = new Random(seed);
        return Tensor.Create([.. Enumerable.Range(0, tokens * heads * dim).Select(_ => (random.NextSingle() * 2) - 1)], [tokens, heads, dim]);
    }

    /// <summary>The elements in order.</summary>
    public static T[] Flat<T>(Tensor<T> tensor)
    {
        T[] values = new T[tensor.FlattenedLength];
        tensor.FlattenTo(values);
        return values;
    }
}
