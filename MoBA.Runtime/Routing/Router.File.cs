using System.Globalization;
using System.Numerics.Tensors;
using System.Text.Json;

namespace MoBA.Runtime;

// A router as a safetensors file: `weights` and `bias`, and in the metadata what it is and for which experts.
public sealed partial class Router
{
    private const string Kind = "moba-router";
    private const string Version = "1";
    private const string KindKey = "kind", VersionKey = "version", ExpertsKey = "experts";
    private const string WeightsName = "weights", BiasName = "bias";

    /// <summary>Reads a router that <see cref="Save"/> wrote, or another program: a safetensors file with <c>weights</c> [query heads,
    /// experts, dim] and <c>bias</c> [query heads, experts], both F32, and the metadata <c>kind</c> = <c>moba-router</c>,
    /// <c>version</c> = <c>1</c> and, where they are known, <c>experts</c> = their names as a JSON array.</summary>
    /// <exception cref="SafetensorsException">The file is damaged, or no router; the message starts with its path.</exception>
    /// <exception cref="IOException">It cannot be opened.</exception>
    public static Router Load(string path)
    {
        using SafetensorsFile file = SafetensorsFile.Read(path);
        try
        {
            CheckMetadata(file.Metadata);
            Tensor<float> weights = Read(file, WeightsName, "[query heads, experts, dim]", shape => shape.Count == 3 && !shape.Contains(0));
            string wanted = $"[query heads, experts], which is [{weights.Lengths[0]}, {weights.Lengths[1]}] for these weights";
            Tensor<float> bias = Read(file, BiasName, wanted, shape => shape.Count == 2 && shape[0] == weights.Lengths[0] && shape[1] == weights.Lengths[1]);
            return new(weights, bias) { ExpertNames = Names(file.Metadata, (int)weights.Lengths[1]) };
        }
        catch (SafetensorsException error)
        {
            throw new SafetensorsException($"{path}: {error.Message}", error);
        }
    }

    /// <summary>Writes the router as a safetensors file, whole or not at all.</summary>
    /// <exception cref="IOException">It cannot be written.</exception>
    /// <exception cref="OperationCanceledException">Cancelled: <paramref name="path"/> is as it was.</exception>
    public void Save(string path, CancellationToken cancellationToken = default)
    {
        SafetensorsWriter writer = new() { Metadata = { [KindKey] = Kind, [VersionKey] = Version } };
        if (_expertNames is not null)
            writer.Metadata[ExpertsKey] = JsonSerializer.Serialize(_expertNames, RouterJson.Default.StringArray);
        writer.Add(WeightsName, Weights);
        writer.Add(BiasName, Bias);
        writer.Save(path, cancellationToken);
    }

    private static void CheckMetadata(IReadOnlyDictionary<string, string> metadata)
    {
        foreach ((string key, string wanted) in new[] { (KindKey, Kind), (VersionKey, Version) })
        {
            string? found = metadata.GetValueOrDefault(key);
            if (found != wanted)
            {
                throw new SafetensorsException(
                    $"The metadata's {SafetensorsException.Quote(key)} is {(found is null ? "missing" : SafetensorsException.Quote(found))} and {SafetensorsException.Quote(wanted)} is wanted; give a file that Router.Save or 'moba fit' wrote.");
            }
        }
    }

    private static Tensor<float> Read(SafetensorsFile file, string name, string wanted, Func<IReadOnlyList<long>, bool> fits)
    {
        SafetensorsEntry entry = file.Entry(name);
        if (entry.Dtype == SafetensorsDtype.F32 && !fits(entry.Shape))
            throw new SafetensorsException($"Tensor '{name}' is {entry} and F32 {wanted} is wanted; give a file that Router.Save or 'moba fit' wrote.");

        Tensor<float> tensor = file.Get<float>(name);
        long index = 0;
        foreach (float value in tensor)
        {
            if (!float.IsFinite(value))
                throw new SafetensorsException($"Tensor '{name}' is {entry} and has {value.ToString(CultureInfo.InvariantCulture)} at flat index {index}: a router's numbers must be finite; fit it again.");
            index++;
        }

        return tensor;
    }

    private static string[]? Names(IReadOnlyDictionary<string, string> metadata, int experts)
    {
        if (!metadata.TryGetValue(ExpertsKey, out string? json))
            return null;

        string[]? names = null;
        try
        {
            names = JsonSerializer.Deserialize(json, RouterJson.Default.StringArray);
        }
        catch (JsonException)
        {
            // Refused below, with what was found.
        }

        return names is not null && names.Length == experts && !names.Any(string.IsNullOrEmpty)
            ? names
            : throw new SafetensorsException(
                $"The metadata's '{ExpertsKey}' is {SafetensorsException.Quote(json)} and a JSON array of {experts} names is wanted, one for each expert of 'weights'.");
    }
}
