using System.Buffers.Binary;

namespace MoBA.Runtime;

/// <summary>The bytes that follow a header: memory, or a stream that can seek.</summary>
internal abstract class SafetensorsSource : IDisposable
{
    /// <summary>Reads the bytes from <paramref name="offset"/> on, counted from the end of the header.</summary>
    public abstract void Read(long offset, Span<byte> bytes);

    /// <summary>Lets go of the stream.</summary>
    public virtual void Dispose()
    {
    }

    /// <summary>Parses memory.</summary>
    public static (SafetensorsHeader Header, SafetensorsSource Source) Open(ReadOnlyMemory<byte> file)
    {
        CheckPrefix(file.Length);
        int length = SafetensorsHeader.CheckLength(BinaryPrimitives.ReadUInt64LittleEndian(file.Span), file.Length);
        ReadOnlyMemory<byte> data = file[(SafetensorsHeader.PrefixBytes + length)..];
        SafetensorsHeader header = SafetensorsHeader.Parse(file.Span.Slice(SafetensorsHeader.PrefixBytes, length));
        header.CheckData(data.Length);
        return (header, new MemorySource(data));
    }

    /// <summary>Parses a stream from where it stands; one that cannot seek is read to its end.</summary>
    public static (SafetensorsHeader Header, SafetensorsSource Source) Open(Stream stream, bool leaveOpen)
    {
        long? remaining = stream.CanSeek ? stream.Length - stream.Position : null;
        CheckPrefix(remaining ?? SafetensorsHeader.PrefixBytes);
        Span<byte> prefix = stackalloc byte[SafetensorsHeader.PrefixBytes];
        CheckPrefix(stream.ReadAtLeast(prefix, prefix.Length, throwOnEndOfStream: false));
        int length = SafetensorsHeader.CheckLength(BinaryPrimitives.ReadUInt64LittleEndian(prefix), remaining);

        byte[] json = ReadUpTo(stream, length, known: remaining.HasValue);
        if (json.Length < length)
        {
            _ = SafetensorsHeader.CheckLength((ulong)length, SafetensorsHeader.PrefixBytes + json.Length);
        }

        SafetensorsHeader header = SafetensorsHeader.Parse(json);
        if (remaining is long bytes)
        {
            header.CheckData(bytes - SafetensorsHeader.PrefixBytes - length);
            return (header, new StreamSource(stream, leaveOpen));
        }

        // One byte more than the header names tells a file with a tail from one without.
        byte[] data = ReadUpTo(stream, header.DataBytes + 1, known: false);
        header.CheckData(data.Length);
        return (header, new MemorySource(data));
    }

    /// <summary>At most <paramref name="count"/> bytes. Where the stream's length is not known, memory grows with the bytes that
    /// truly arrive and not with what a header claims.</summary>
    private static byte[] ReadUpTo(Stream stream, long count, bool known)
    {
        const int step = 64 * 1024;
        byte[] bytes = new byte[known ? count : Math.Min(count, step)];
        int filled = 0;
        while (filled < count)
        {
            if (filled == bytes.Length)
            {
                Array.Resize(ref bytes, (int)Math.Min(count, Math.Min(2L * bytes.Length, Array.MaxLength)));
            }

            if (filled == bytes.Length)
            {
                throw new SafetensorsException(
                    $"The stream cannot seek and holds more than the {Array.MaxLength} bytes that can be kept of one; give a file, or a stream that can seek.");
            }

            int read = stream.Read(bytes, filled, bytes.Length - filled);
            if (read == 0)
            {
                break;
            }

            filled += read;
        }

        return filled == bytes.Length ? bytes : bytes[..filled];
    }

    private static void CheckPrefix(long bytes)
    {
        if (bytes < SafetensorsHeader.PrefixBytes)
        {
            throw new SafetensorsException(
                $"The file is {bytes} bytes long and a safetensors file is at least {SafetensorsHeader.PrefixBytes}; copy or download it again.");
        }
    }

    private sealed class MemorySource(ReadOnlyMemory<byte> data) : SafetensorsSource
    {
        public override void Read(long offset, Span<byte> bytes) => data.Span.Slice((int)offset, bytes.Length).CopyTo(bytes);
    }

    private sealed class StreamSource(Stream stream, bool leaveOpen) : SafetensorsSource
    {
        private readonly long _origin = stream.Position;
        private readonly Lock _lock = new();

        public override void Read(long offset, Span<byte> bytes)
        {
            lock (_lock)
            {
                stream.Position = _origin + offset;
                if (stream.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false) < bytes.Length)
                {
                    throw new SafetensorsException("The file became shorter while it was read; read it again once its writer is done.");
                }
            }
        }

        public override void Dispose()
        {
            if (!leaveOpen)
            {
                stream.Dispose();
            }
        }
    }
}
