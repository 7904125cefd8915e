using System.Buffers;
using System.Buffers.Binary;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace MoBA.Runtime;

/// <summary>
/// Writes a safetensors file: tensors and metadata are added, then the file is saved in one step. Wider elements come first
/// and the data starts at a multiple of 8 bytes, so that every tensor is aligned.
/// </summary>
public sealed class SafetensorsWriter
{
    private const int Alignment = 8;

    private readonly List<Item> _items = [];
    private readonly HashSet<string> _names = new(StringComparer.Ordinal);

    /// <summary>Bytes that are copied at once; a multiple of every element's size.</summary>
    internal int ChunkBytes { get; init; } = 1 << 20;

    /// <summary>Free text to keep beside the tensors.</summary>
    public IDictionary<string, string> Metadata { get; } = new SortedDictionary<string, string>(StringComparer.Ordinal);

    /// <summary>Adds a tensor as F32.</summary>
    /// <exception cref="ArgumentException">The name is taken, or <c>__metadata__</c>.</exception>
    public void Add(string name, Tensor<float> tensor) => Append(name, tensor);

    /// <summary>Adds a tensor as F16.</summary>
    /// <exception cref="ArgumentException">The name is taken, or <c>__metadata__</c>.</exception>
    public void Add(string name, Tensor<Half> tensor) => Append(name, tensor);

    /// <summary>Adds a tensor as BF16.</summary>
    /// <exception cref="ArgumentException">The name is taken, or <c>__metadata__</c>.</exception>
    public void Add(string name, Tensor<BFloat16> tensor) => Append(name, tensor);

    /// <summary>Adds a tensor as I32.</summary>
    /// <exception cref="ArgumentException">The name is taken, or <c>__metadata__</c>.</exception>
    public void Add(string name, Tensor<int> tensor) => Append(name, tensor);

    /// <summary>Writes the file under a temporary name in the same folder and then gives it its own, so that
    /// <paramref name="path"/> never holds half a file, whatever interrupts the writing.</summary>
    /// <exception cref="OperationCanceledException">Cancelled: <paramref name="path"/> is as it was.</exception>
    /// <exception cref="InvalidOperationException">More than 65,536 tensors and metadata keys; <paramref name="path"/> is as it was.</exception>
    public void Save(string path, CancellationToken cancellationToken = default) =>
        AtomicFile.Write(path, stream => Write(stream, cancellationToken), cancellationToken);

    /// <summary>Writes the bytes of the file to a stream.</summary>
    /// <exception cref="InvalidOperationException">More than 65,536 tensors and metadata keys, which no reader would take.</exception>
    public void Write(Stream stream, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(stream);
        if (_items.Count + Metadata.Count > SafetensorsHeader.MaxEntries)
        {
            throw new InvalidOperationException(
                $"{_items.Count} tensors and {Metadata.Count} metadata keys were added: at most {SafetensorsHeader.MaxEntries} fit a file; write several.");
        }

        Item[] ordered = [.. _items.OrderByDescending(item => item.Dtype.Size())];
        stream.Write(Header(ordered));
        byte[] buffer = new byte[ChunkBytes];
        foreach (Item item in ordered)
        {
            for (long offset = 0; offset < item.Bytes; offset += buffer.Length)
            {
                cancellationToken.ThrowIfCancellationRequested();
                Span<byte> part = buffer.AsSpan(0, (int)Math.Min(buffer.Length, item.Bytes - offset));
                item.CopyTo(offset, part);
                SafetensorsFile.SwapOnBigEndian(part, item.Dtype);
                stream.Write(part);
            }
        }
    }

    private void Append<T>(string name, Tensor<T> tensor)
        where T : unmanaged
    {
        ArgumentNullException.ThrowIfNull(name);
        ArgumentNullException.ThrowIfNull(tensor);
        if (name == "__metadata__" || !_names.Add(name))
        {
            throw new ArgumentException($"name: {SafetensorsException.Quote(name)} is taken; give every tensor a name of its own.", nameof(name));
        }

        _items.Add(new Item<T>(name, tensor));
    }

    /// <summary>The length and the JSON, padded with spaces.</summary>
    private byte[] Header(Item[] ordered)
    {
        var json = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(json, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            writer.WriteStartObject();
            WriteMetadata(writer);
            long start = 0;
            foreach (Item item in ordered)
            {
                item.Describe(writer, start);
                start += item.Bytes;
            }

            writer.WriteEndObject();
        }

        int padded = (json.WrittenCount + Alignment - 1) / Alignment * Alignment;
        byte[] header = new byte[SafetensorsHeader.PrefixBytes + padded];
        BinaryPrimitives.WriteUInt64LittleEndian(header, (ulong)padded);
        header.AsSpan(SafetensorsHeader.PrefixBytes).Fill((byte)' ');
        json.WrittenSpan.CopyTo(header.AsSpan(SafetensorsHeader.PrefixBytes));
        return header;
    }

    private void WriteMetadata(Utf8JsonWriter writer)
    {
        if (Metadata.Count == 0)
        {
            return;
        }

        writer.WriteStartObject("__metadata__");
        foreach ((string key, string value) in Metadata)
        {
            writer.WriteString(key, value);
        }

        writer.WriteEndObject();
    }

    private abstract class Item(string name, SafetensorsDtype dtype)
    {
        public SafetensorsDtype Dtype => dtype;

        public abstract long Bytes { get; }

        protected abstract ReadOnlySpan<nint> Lengths { get; }

        public abstract void CopyTo(long offset, Span<byte> bytes);

        public void Describe(Utf8JsonWriter writer, long start)
        {
            writer.WriteStartObject(name);
            writer.WriteString("dtype", dtype.Spelling());
            writer.WriteStartArray("shape");
            foreach (nint length in Lengths)
            {
                writer.WriteNumberValue(length);
            }

            writer.WriteEndArray();
            writer.WriteStartArray("data_offsets");
            writer.WriteNumberValue(start);
            writer.WriteNumberValue(start + Bytes);
            writer.WriteEndArray();
            writer.WriteEndObject();
        }
    }

    private sealed class Item<T>(string name, Tensor<T> tensor) : Item(name, SafetensorsDtypes.Of<T>()!.Value)
        where T : unmanaged
    {
        public override long Bytes => (long)tensor.FlattenedLength * Dtype.Size();

        protected override ReadOnlySpan<nint> Lengths => tensor.Lengths;

        private Tensor<T>? _flat;

        public override void CopyTo(long offset, Span<byte> bytes)
        {
            // Flat, because a span that starts inside a tensor of several axes ends with the row.
            _flat ??= tensor.ToDenseTensor().Reshape([tensor.FlattenedLength]);
            nint first = (nint)(offset / Dtype.Size());
            MemoryMarshal.AsBytes(_flat.GetSpan([first], bytes.Length / Dtype.Size())).CopyTo(bytes);
        }
    }
}
