namespace MoBA.Runtime.Cuda;

/// <summary>Kernels as bytes, for the cache: what to launch with, then the text or the code.</summary>
internal static class KernelFile
{
    /// <summary>A text as bytes.</summary>
    public static byte[] Bytes(KernelText text) => Bytes(text.Entry, text.Threads, text.SharedBytes, writer => writer.Write(text.Ptx));

    /// <summary>An image as bytes.</summary>
    public static byte[] Bytes(KernelImage image) => Bytes(
        image.Entry, image.Threads, image.SharedBytes,
        writer =>
        {
            writer.Write(image.Cubin.Length);
            writer.Write(image.Cubin);
        });

    /// <summary>The text that bytes are of.</summary>
    public static KernelText Text(byte[] bytes)
    {
        using BinaryReader reader = new(new MemoryStream(bytes));
        (string entry, int threads, int shared) = (reader.ReadString(), reader.ReadInt32(), reader.ReadInt32());
        return new(reader.ReadString(), entry, threads, shared);
    }

    /// <summary>The image that bytes are of.</summary>
    public static KernelImage Image(byte[] bytes)
    {
        using BinaryReader reader = new(new MemoryStream(bytes));
        (string entry, int threads, int shared) = (reader.ReadString(), reader.ReadInt32(), reader.ReadInt32());
        return new(reader.ReadBytes(reader.ReadInt32()), entry, threads, shared);
    }

    private static byte[] Bytes(string entry, int threads, int shared, Action<BinaryWriter> write)
    {
        using MemoryStream stream = new();
        using (BinaryWriter writer = new(stream))
        {
            writer.Write(entry);
            writer.Write(threads);
            writer.Write(shared);
            write(writer);
        }

        return stream.ToArray();
    }
}
