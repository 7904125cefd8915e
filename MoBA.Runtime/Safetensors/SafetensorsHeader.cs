using System.Text.Json;
using System.Text.Unicode;

namespace MoBA.Runtime;

/// <summary>
/// The header of a safetensors file: JSON that names every tensor with its dtype, shape and bytes. Parsing believes nothing:
/// a header that comes back has been checked against the length of the file, so that reading a tensor cannot run past it.
/// </summary>
internal sealed class SafetensorsHeader
{
    /// <summary>Bytes of the little-endian length that a file starts with.</summary>
    public const int PrefixBytes = 8;

    /// <summary>The longest header; the format's own reader has the same bound.</summary>
    public const int MaxBytes = 100_000_000;

    /// <summary>The most tensors and metadata keys together; the largest models have some thousands a file.</summary>
    public const int MaxEntries = 65_536;

    private const int MaxRank = 16;
    private const int MaxDtypeBytes = 32;

    private readonly Dictionary<string, SafetensorsEntry> _entries = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _metadata = new(StringComparer.Ordinal);

    private SafetensorsHeader()
    {
    }

    /// <summary>The tensors by name.</summary>
    public IReadOnlyDictionary<string, SafetensorsEntry> Entries => _entries;

    /// <summary>The free text under <c>__metadata__</c>.</summary>
    public IReadOnlyDictionary<string, string> Metadata => _metadata;

    /// <summary>Bytes of tensor data that the entries name.</summary>
    public long DataBytes { get; private set; }

    /// <summary>Checks the length that a file starts with.</summary>
    /// <param name="length">The first eight bytes, little endian.</param>
    /// <param name="fileBytes">Bytes of the file, or null where it is not known before the end.</param>
    public static int CheckLength(ulong length, long? fileBytes)
    {
        if (length > MaxBytes)
        {
            throw new SafetensorsException(
                $"The file is not safetensors: its first 8 bytes name a header of {length} bytes, and {MaxBytes} is the most; "
                + "give a file that a safetensors library wrote.");
        }

        if (fileBytes is long bytes && (long)length > bytes - PrefixBytes)
        {
            throw new SafetensorsException(
                $"The file is cut short: its header is {length} bytes long and {bytes - PrefixBytes} bytes follow its length; "
                + "copy or download it again.");
        }

        return (int)length;
    }

    /// <summary>Parses and checks a header, but for the length of the data; see <see cref="CheckData"/>.</summary>
    /// <exception cref="SafetensorsException">Anything is wrong with it.</exception>
    public static SafetensorsHeader Parse(ReadOnlySpan<byte> json)
    {
        if (!Utf8.IsValid(json))
        {
            throw new SafetensorsException("The header is not UTF-8 text; the file is damaged: copy or download it again.");
        }

        var header = new SafetensorsHeader();
        try
        {
            var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = 4 });
            header.ParseObject(ref reader);
        }
        catch (JsonException error)
        {
            throw new SafetensorsException(
                $"The header is not valid JSON at byte {error.BytePositionInLine ?? 0}; the file is damaged: copy or download it again.", error);
        }

        catch (InvalidOperationException error)
        {
            // The reader's answer to an escaped surrogate that stands alone.
            throw new SafetensorsException(
                "The header has text that is no Unicode; write the file again with a safetensors library.", error);
        }

        header.CheckLayout();
        return header;
    }

    /// <summary>Checks the length of the data that follows the header.</summary>
    public void CheckData(long dataBytes)
    {
        if (dataBytes < DataBytes)
        {
            SafetensorsEntry last = _entries.Values.MaxBy(entry => entry.End)!;
            throw new SafetensorsException(
                $"Tensor {SafetensorsException.Quote(last.Name)} ends at byte {last.End} of the data, and the file holds {dataBytes}; "
                + "it is cut short: copy or download it again.");
        }

        if (dataBytes > DataBytes)
        {
            throw new SafetensorsException(
                $"The file has {dataBytes - DataBytes} bytes after its last tensor that belong to none; write it again with a safetensors library.");
        }
    }

    private void ParseObject(ref Utf8JsonReader reader)
    {
        reader.Read();
        Expect(reader.TokenType == JsonTokenType.StartObject, "The header is not a JSON object");
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            CheckRoom();
            string name = reader.GetString()!;
            reader.Read();
            if (name == "__metadata__")
            {
                ParseMetadata(ref reader);
            }
            else if (!_entries.TryAdd(name, ParseEntry(ref reader, name)))
            {
                throw Fault(name, "is named twice", "give every tensor one name");
            }
        }

        while (reader.Read())
        {
            // Nothing but white space may follow the object; the reader throws on anything else.
        }
    }

    private void ParseMetadata(ref Utf8JsonReader reader)
    {
        Expect(reader.TokenType == JsonTokenType.StartObject && _metadata.Count == 0, "__metadata__ is not one JSON object");
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            CheckRoom();
            string key = reader.GetString()!;
            reader.Read();
            Expect(reader.TokenType == JsonTokenType.String, "__metadata__ holds a value that is not text");
            Expect(_metadata.TryAdd(key, reader.GetString()!), "__metadata__ names a key twice");
        }
    }

    /// <summary>Refuses the entry past the last before anything of it is allocated.</summary>
    private void CheckRoom()
    {
        if (_entries.Count + _metadata.Count >= MaxEntries)
        {
            throw new SafetensorsException($"The header names more than {MaxEntries} tensors and metadata keys; split the file into several.");
        }
    }

    private static SafetensorsEntry ParseEntry(ref Utf8JsonReader reader, string name)
    {
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            throw Fault(name, "is not described by a JSON object", "write { \"dtype\", \"shape\", \"data_offsets\" }");
        }

        SafetensorsDtype? dtype = null;
        long[]? shape = null, offsets = null;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (reader.ValueTextEquals("dtype"u8) && dtype is null)
            {
                dtype = ParseDtype(ref reader, name);
            }
            else if (reader.ValueTextEquals("shape"u8) && shape is null)
            {
                shape = ParseNumbers(ref reader, name, "shape");
            }
            else if (reader.ValueTextEquals("data_offsets"u8) && offsets is null)
            {
                offsets = ParseNumbers(ref reader, name, "data_offsets");
            }
            else
            {
                throw Fault(name, $"has an unknown or repeated field at byte {reader.TokenStartIndex} of the header",
                    "keep one each of dtype, shape and data_offsets");
            }
        }

        if (dtype is null || shape is null || offsets is not { Length: 2 })
        {
            throw Fault(name, "lacks a field", "give it a dtype, a shape and data_offsets of two numbers");
        }

        return CheckEntry(new(name, dtype.Value, shape, offsets[0], offsets[1]));
    }

    private static SafetensorsDtype ParseDtype(ref Utf8JsonReader reader, string name)
    {
        reader.Read();
        if (reader.TokenType != JsonTokenType.String || reader.ValueSpan.Length > MaxDtypeBytes)
        {
            throw Fault(name, "has a dtype that is not a short text", "use F32, F16, BF16 or I32");
        }

        string text = reader.GetString()!;
        return SafetensorsDtypes.TryParse(text, out SafetensorsDtype dtype)
            ? dtype
            : throw Fault(name, $"has the unknown dtype {SafetensorsException.Quote(text)}", "use F32, F16, BF16 or I32");
    }

    private static long[] ParseNumbers(ref Utf8JsonReader reader, string name, string field)
    {
        Span<long> numbers = stackalloc long[MaxRank];
        int count = 0;
        bool valid = reader.Read() && reader.TokenType == JsonTokenType.StartArray;
        while (valid && reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            valid = count < MaxRank && reader.TokenType == JsonTokenType.Number
                && reader.TryGetInt64(out numbers[count]) && numbers[count] >= 0;
            count++;
        }

        return valid
            ? numbers[..count].ToArray()
            : throw Fault(name, $"has {field} that are not at most {MaxRank} whole numbers from 0 to {long.MaxValue}", $"write its {field} again");
    }

    /// <summary>Shape times element size must be the bytes between the offsets, without overflow on the way.</summary>
    private static SafetensorsEntry CheckEntry(SafetensorsEntry entry)
    {
        Int128 bytes = entry.Dtype.Size();
        Int128 strides = bytes;
        foreach (long length in entry.Shape)
        {
            // A length of 0 hides an overflow of its neighbours from the product, not from the strides.
            bytes *= length;
            strides *= Math.Max(length, 1);
            if (strides > long.MaxValue)
            {
                throw Fault(entry.Name, $"has the shape {entry}, which is more bytes than any file holds", "write its true shape");
            }
        }

        if (entry.End < entry.Start)
        {
            throw Fault(entry.Name, $"ends at byte {entry.End}, before its start at {entry.Start}", "write its data_offsets again");
        }

        return bytes == entry.End - entry.Start
            ? entry
            : throw Fault(entry.Name, $"takes {bytes} bytes as {entry}, and its data_offsets hold {entry.End - entry.Start}",
                "write its shape, dtype or data_offsets again");
    }

    /// <summary>Tensors must follow each other without overlap or hole, in any order of names.</summary>
    private void CheckLayout()
    {
        var ordered = new SafetensorsEntry[_entries.Count];
        _entries.Values.CopyTo(ordered, 0);
        Array.Sort(ordered, static (a, b) => a.Start != b.Start ? a.Start.CompareTo(b.Start) : a.End.CompareTo(b.End));
        foreach (SafetensorsEntry entry in ordered)
        {
            if (entry.Start < DataBytes)
            {
                throw Fault(entry.Name, $"starts at byte {entry.Start}, inside the tensor that ends at {DataBytes}", "write the file again without overlaps");
            }

            if (entry.Start > DataBytes)
            {
                throw Fault(entry.Name, $"starts at byte {entry.Start} and leaves a hole after byte {DataBytes}", "write the file again without holes");
            }

            DataBytes = entry.End;
        }
    }

    private static void Expect(bool condition, string fault)
    {
        if (!condition)
        {
            throw new SafetensorsException($"{fault}; write the file again with a safetensors library.");
        }
    }

    private static SafetensorsException Fault(string name, string fault, string mend) =>
        new($"Tensor {SafetensorsException.Quote(name)} {fault}; {mend}.");
}
