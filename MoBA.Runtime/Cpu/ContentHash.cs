namespace MoBA.Runtime.Cpu;

/// <summary>The hash by which data is found again by its content.</summary>
internal static class ContentHash
{
    /// <summary>The hash of some bytes, in this process.</summary>
    public static int Of(ReadOnlySpan<byte> bytes)
    {
        HashCode hash = default;
        hash.AddBytes(bytes);
        return hash.ToHashCode();
    }
}
