using System.Numerics.Tensors;
using MoBA.Runtime;

namespace MoBA.Program;

/// <summary>A file of q, k and v, checked as far as the engine does not.</summary>
internal sealed class AttentionInput : IDisposable
{
    private readonly SafetensorsFile _file;

    private AttentionInput(string path, SafetensorsFile file)
    {
        _file = file;
        foreach (string name in (string[])["q", "k", "v"])
        {
            SafetensorsEntry entry = Named(path, () => file.Entry(name));
            if (entry.Shape.Count != 3)
            {
                throw new UserErrorException($"{path}: tensor '{name}' is {entry}; [tokens, heads, dim] is wanted: reshape it.");
            }
        }

        Dtype = file.Entry("q").Dtype;
        Path = path;
        int[]? sequences = file.Contains("cu_seqlens") ? Named(path, () => file.Get<int>("cu_seqlens")).ToArray() : null;
        Options = new() { Sequences = sequences };
        Longest = sequences is null
            ? new(0, (int)Math.Min(int.MaxValue, file.Entry("q").Shape[0]), (int)Math.Min(int.MaxValue, file.Entry("k").Shape[0]))
            : LongestOf(sequences);
        LongestSequence = Math.Clamp(Longest.Keys, 1, Arguments.MaxTokens);
        Logits = file.Contains("logits") ? Named(path, () => file.Get<float>("logits")) : null;
    }

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>Type of q.</summary>
    public SafetensorsDtype Dtype { get; }

    /// <summary>Types and shapes of q and k.</summary>
    public (SafetensorsEntry Q, SafetensorsEntry K) Entries => (_file.Entry("q"), _file.Entry("k"));

    /// <summary>The sequences, if the file names them.</summary>
    public AttentionOptions Options { get; }

    /// <summary>Number of sequences in the file.</summary>
    public int Sequences => Options.Sequences is int[] offsets ? offsets.Length - 1 : 1;

    /// <summary>The longest sequence.</summary>
    public SequenceRows Longest { get; }

    /// <summary>A router's logits, if the file has them: [tokens, heads, experts].</summary>
    public Tensor<float>? Logits { get; }

    /// <summary>Keys of the longest sequence, at least 1: what a pattern's parameters are made for.</summary>
    public int LongestSequence { get; }

    /// <summary>Shapes for people.</summary>
    public override string ToString() => $"q {_file.Entry("q")}, k and v {_file.Entry("k")}";

    /// <summary>Opens a file.</summary>
    public static AttentionInput Open(string path)
    {
        if (!System.IO.Path.Exists(path) || Directory.Exists(path))
        {
            throw new UserErrorException(
                $"{Arguments.Quoted(path)} is {(Directory.Exists(path) ? "a folder" : "not there")}; give --input a safetensors file with q, k and v.");
        }

        SafetensorsFile file = UserErrorException.Around(() => SafetensorsFile.Read(path));
        try
        {
            return new(path, file);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>The gallery's own file, beside the program.</summary>
    public static string ShippedPath => System.IO.Path.Combine(AppContext.BaseDirectory, "data", "qkv_layer4_2048.safetensors");

    /// <summary>Opens the gallery's own file.</summary>
    public static AttentionInput OpenShipped() => Open(ShippedPath);

    /// <summary>q, k and v as they are in the file.</summary>
    public (Tensor<T> Q, Tensor<T> K, Tensor<T> V) Read<T>()
        where T : unmanaged => Named(Path, () => (_file.Get<T>("q"), _file.Get<T>("k"), _file.Get<T>("v")));

    /// <summary>q, k and v as float.</summary>
    public (Tensor<float> Q, Tensor<float> K, Tensor<float> V) ReadAsFloat() =>
        Named(Path, () => (_file.GetAsFloat("q"), _file.GetAsFloat("k"), _file.GetAsFloat("v")));

    /// <summary>The first tokens of the longest sequence; null is all of it.</summary>
    public SequenceRows Cut(int? tokens)
    {
        long queryTokens = _file.Entry("q").Shape[0], keyTokens = _file.Entry("k").Shape[0];
        if (Longest.Queries == 0 || Longest.FirstQuery + Longest.Queries > Math.Min(queryTokens, Sequences == 1 ? int.MaxValue : keyTokens))
        {
            throw new UserErrorException($"{Path}: {this}; its longest sequence has no tokens to show: give queries, and offsets within them.");
        }

        if (tokens is not { } count)
        {
            return Longest;
        }

        if (Longest.Queries != Longest.Keys)
        {
            throw new UserErrorException($"--tokens is '{count}', and {Path} has {Longest.Queries} queries and {Longest.Keys} keys, which have no first tokens in common; leave --tokens out.");
        }

        return count <= Longest.Keys
            ? Longest with { Queries = count, Keys = count }
            : throw new UserErrorException($"--tokens is '{count}', and the longest sequence of {Path} has {Longest.Keys}: at most as many are wanted, for routes are of real data.");
    }

    public void Dispose() => _file.Dispose();

    private static SequenceRows LongestOf(int[] offsets)
    {
        SequenceRows longest = default;
        for (int i = 1; i < offsets.Length; i++)
        {
            // Offsets that do not ascend are for the engine to refuse.
            int length = (int)Math.Clamp((long)offsets[i] - offsets[i - 1], 0, int.MaxValue);
            longest = length > longest.Keys ? new(offsets[i - 1], length, length) : longest;
        }

        return longest;
    }

    private static T Named<T>(string path, Func<T> read)
    {
        try
        {
            return UserErrorException.Around(read);
        }
        catch (SafetensorsException error)
        {
            throw new UserErrorException($"{path}: {error.Message}", error);
        }
    }
}
