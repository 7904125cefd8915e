namespace MoBA.Runtime.Cuda;

/// <summary>Kernels as bytes, for the cache: what to launch with, then the text.</summary>
internal static class KernelFile
{
    /// <summary>A text as bytes.</summary>
    public static byte[] Bytes(KernelText text)
    {
        using MemoryStream stream = new();
        using (BinaryWriter writer = new(stream))
        {
            writer.Write(text.Entry);
            writer.Write(text.Threads);
            writer.Write(text.SharedBytes);
            writer.Write(text.Ptx);
        }

        return stream.ToArray();
    }

    /// <summary>The text that bytes are of.</summary>
    public static KernelText Text(byte[] bytes)
    {
        using BinaryReader reader = new(new MemoryStream(bytes));
        (string entry, int threads, int shared) = (reader.ReadString(), reader.ReadInt32(), reader.ReadInt32());
        return new(reader.ReadString(), entry, threads, shared);
    }
}
