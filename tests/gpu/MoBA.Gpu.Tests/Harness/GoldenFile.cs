using System.Globalization;
using System.Runtime.InteropServices;
using MoBA.Conformance.Tests;
using MoBA.Patterns;
using MoBA.Runtime;

namespace MoBA.Gpu.Tests;

/// <summary>A case in bfloat16 that MoBA's own code computed (tests/data/golden/README.md).</summary>
/// <param name="Expert">The gate of the case.</param>
/// <param name="Inputs">Its tensors.</param>
/// <param name="Output">What it comes to.</param>
internal sealed record GoldenFile(MobaTopK Expert, AttentionInputs Inputs, float[] Output)
{
    private static string Folder => Path.Combine(AppContext.BaseDirectory, "golden");

    /// <summary>Their names.</summary>
    public static IEnumerable<string> Names =>
        Directory.GetFiles(Folder, "bf16_*.safetensors").Select(path => Path.GetFileNameWithoutExtension(path)!).Order(StringComparer.Ordinal);

    /// <summary>Reads a case.</summary>
    public static GoldenFile Read(string name)
    {
        using SafetensorsFile file = SafetensorsFile.Read(Path.Combine(Folder, $"{name}.safetensors"));
        int[] offsets = [.. file.Get<int>("cu_seqlens")], lengths = [.. offsets.Skip(1).Zip(offsets, (end, start) => end - start)];
        ReadOnlySpan<nint> shape = file.Entry("q").Shape.Select(length => (nint)length).ToArray();
        AttentionCase at = new(name, 0, offsets[^1], false, Placement.Prefill, (int)shape[1], (int)file.Entry("k").Shape[1], (int)shape[2], Element.BFloat16);
        MobaTopK expert = new() { BlockSize = Number("block_size"), TopK = Number("top_k") };
        return new(expert, AttentionInputs.Of(at, null, [Bits("q"), Bits("k"), Bits("v")], lengths, lengths), [.. file.GetAsFloat("o")]);

        int Number(string key) => int.Parse(file.Metadata[key], CultureInfo.InvariantCulture);

        ushort[] Bits(string tensor)
        {
            BFloat16[] values = [.. file.Get<BFloat16>(tensor)];
            return MemoryMarshal.Cast<BFloat16, ushort>(values).ToArray();
        }
    }

    /// <summary>What is wrong with an output by the bounds of MoBA's own tests; null where nothing is.</summary>
    public string? Fault(ushort[] output)
    {
        float[] actual = Bits.ToFloats(output, Element.BFloat16);
        double[] errors = [.. Output.Zip(actual, (wanted, found) => Math.Abs((double)wanted - found))];
        (double worst, double mean) = (errors.Max(), errors.Average());
        return actual.Length == Output.Length && worst < 4e-2 && mean < 4e-4 ? null : $"max error {worst:G4}, mean {mean:G4}: 4e-2 and 4e-4 are allowed";
    }
}
