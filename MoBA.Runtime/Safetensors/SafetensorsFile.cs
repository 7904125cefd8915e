using System.Buffers.Binary;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;

namespace MoBA.Runtime;

/// <summary>
/// A safetensors file to read from: 8 bytes of header length, a JSON header, and the tensors' bytes, little endian
/// (https://github.com/huggingface/safetensors). Everything in the header is checked against the file's length before a
/// tensor is allocated; tensors are read when they are asked for.
/// <para>What opening allocates is bounded by the header alone, whatever it claims: its bytes, at most 100,000,000; its names
/// and texts, at most twice that; and about 500 bytes for each of at most 65,536 tensors and metadata keys. A stream that
/// cannot seek adds at most three times the bytes that arrive. <see cref="Get"/> then allocates the tensor's own bytes, which
/// the file is known to hold, and <see cref="GetAsFloat"/> of F16 or BF16 three times those; a tensor has at most
/// <see cref="Array.MaxLength"/> elements.</para>
/// </summary>
public sealed class SafetensorsFile : IDisposable
{
    private readonly SafetensorsHeader _header;
    private readonly SafetensorsSource _source;

    private SafetensorsFile((SafetensorsHeader Header, SafetensorsSource Source) opened)
    {
        (_header, _source) = opened;
        Names = [.. _header.Entries.Values.OrderBy(entry => entry.Start).Select(entry => entry.Name)];
    }

    /// <summary>Bytes that are read at once: a span counts them in 31 bits, a tensor's may be more.</summary>
    internal int ChunkBytes { get; set; } = 1 << 30;

    /// <summary>Names of the tensors, in the order of their bytes.</summary>
    public IReadOnlyList<string> Names { get; }

    /// <summary>Free text that the writer left.</summary>
    public IReadOnlyDictionary<string, string> Metadata => _header.Metadata;

    /// <summary>Opens a file; it stays open until the result is disposed.</summary>
    /// <exception cref="SafetensorsException">The file is damaged or hostile; the message starts with its path.</exception>
    /// <exception cref="IOException">It cannot be opened.</exception>
    public static SafetensorsFile Read(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
        try
        {
            return new(SafetensorsSource.Open(stream, leaveOpen: false));
        }
        catch (SafetensorsException error)
        {
            stream.Dispose();
            throw new SafetensorsException($"{path}: {error.Message}", error);
        }
        catch
        {
            stream.Dispose();
            throw;
        }
    }

    /// <summary>Reads from where a stream stands to its end. The stream must stay open, and is not closed.</summary>
    /// <exception cref="SafetensorsException">The bytes are damaged or hostile.</exception>
    public static SafetensorsFile Read(Stream stream)
    {
        ArgumentNullException.ThrowIfNull(stream);
        return new(SafetensorsSource.Open(stream, leaveOpen: true));
    }

    /// <summary>Reads a file that is in memory already.</summary>
    /// <exception cref="SafetensorsException">The bytes are damaged or hostile.</exception>
    public static SafetensorsFile Read(ReadOnlyMemory<byte> bytes) => new(SafetensorsSource.Open(bytes));

    /// <summary>Whether there is a tensor of that name.</summary>
    public bool Contains(string name) => _header.Entries.ContainsKey(name);

    /// <summary>Type, shape and place of a tensor.</summary>
    /// <exception cref="SafetensorsException">There is no such tensor.</exception>
    public SafetensorsEntry Entry(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return _header.Entries.TryGetValue(name, out SafetensorsEntry? entry)
            ? entry
            : throw new SafetensorsException(
                $"There is no tensor {SafetensorsException.Quote(name)}; the file holds {Listed()}: name one of them, or write it.");
    }

    /// <summary>A tensor of exactly the type that the file holds.</summary>
    /// <typeparam name="T"><c>float</c> (F32), <see cref="Half"/> (F16), <see cref="BFloat16"/> (BF16) or <c>int</c> (I32).</typeparam>
    /// <exception cref="SafetensorsException">There is no such tensor, it is of another type, or too large for .NET.</exception>
    public Tensor<T> Get<T>(string name)
        where T : unmanaged
    {
        SafetensorsEntry entry = Entry(name);
        SafetensorsDtype wanted = SafetensorsDtypes.Of<T>()
            ?? throw new NotSupportedException($"Get<{typeof(T).Name}>: tensors are read as float, Half, BFloat16 or int.");
        return entry.Dtype == wanted
            ? Tensor.Create(Load<T>(entry), Lengths(entry))
            : throw new SafetensorsException(
                $"Tensor {SafetensorsException.Quote(name)} is {entry} and {wanted.Spelling()} is wanted; convert it, or read it as what it is.");
    }

    /// <summary>A tensor of F32, F16 or BF16 as <c>float</c>; exact.</summary>
    /// <exception cref="SafetensorsException">There is no such tensor, it is of another type, or too large for .NET.</exception>
    public Tensor<float> GetAsFloat(string name)
    {
        SafetensorsEntry entry = Entry(name);
        return entry.Dtype switch
        {
            SafetensorsDtype.F32 => Get<float>(name),
            SafetensorsDtype.F16 => Tensor.Create(Array.ConvertAll(Load<Half>(entry), x => (float)x), Lengths(entry)),
            SafetensorsDtype.BF16 => Tensor.Create(Array.ConvertAll(Load<BFloat16>(entry), x => (float)x), Lengths(entry)),
            _ => throw new SafetensorsException(
                $"Tensor {SafetensorsException.Quote(name)} is {entry} and F32, F16 or BF16 is wanted; convert it to one of them."),
        };
    }

    /// <summary>Closes the file.</summary>
    public void Dispose() => _source.Dispose();

    private T[] Load<T>(SafetensorsEntry entry)
        where T : unmanaged
    {
        if (entry.Count > Array.MaxLength)
        {
            throw new SafetensorsException(
                $"Tensor {SafetensorsException.Quote(entry.Name)} is {entry}, more than the {Array.MaxLength} elements that an array can hold; split it.");
        }

        T[] values = new T[entry.Count];
        int chunk = ChunkBytes / entry.Dtype.Size();
        for (int done = 0; done < values.Length;)
        {
            int count = Math.Min(chunk, values.Length - done);
            Span<byte> bytes = MemoryMarshal.AsBytes(values.AsSpan(done, count));
            _source.Read(entry.Start + ((long)done * entry.Dtype.Size()), bytes);
            SwapOnBigEndian(bytes, entry.Dtype);
            done += count;
        }

        return values;
    }

    /// <summary>Turns little-endian elements into the machine's, or back.</summary>
    internal static void SwapOnBigEndian(Span<byte> bytes, SafetensorsDtype dtype)
    {
        if (BitConverter.IsLittleEndian)
        {
            return;
        }

        if (dtype.Size() == 2)
        {
            Span<short> halves = MemoryMarshal.Cast<byte, short>(bytes);
            BinaryPrimitives.ReverseEndianness(halves, halves);
        }
        else
        {
            Span<int> words = MemoryMarshal.Cast<byte, int>(bytes);
            BinaryPrimitives.ReverseEndianness(words, words);
        }
    }

    private static nint[] Lengths(SafetensorsEntry entry) => [.. entry.Shape.Select(length => checked((nint)length))];

    private string Listed()
    {
        const int most = 8;
        string names = string.Join(", ", Names.Take(most).Select(SafetensorsException.Quote));
        return Names.Count == 0 ? "none" : Names.Count > most ? $"{names} and {Names.Count - most} more" : names;
    }
}
