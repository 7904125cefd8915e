using System.Globalization;
using System.Runtime.CompilerServices;

namespace MoBA.Runtime.Cpu;

/// <summary>Asks for memory before it is taken: an operating system that promises more than it has ends the process later.</summary>
internal static class MemoryBudget
{
    // Asking costs a file read; what every process has at hand is not asked for.
    private const long Negligible = 64L << 20;

    /// <summary>Throws unless <paramref name="bytes"/> bytes can be had.</summary>
    /// <exception cref="InsufficientMemoryException">They cannot.</exception>
    public static void Require(long bytes, string purpose)
    {
        if (bytes > Negligible && bytes > Available())
            throw Shortage(bytes, purpose, null);
    }

    /// <summary>An array of <paramref name="length"/> values.</summary>
    /// <exception cref="InsufficientMemoryException">It cannot be had.</exception>
    public static T[] Array<T>(long length, string purpose)
        where T : unmanaged
    {
        long bytes = length * Unsafe.SizeOf<T>();
        Require(bytes, purpose);
        if (length > System.Array.MaxLength)
            throw Shortage(bytes, purpose, null);
        try
        {
            return new T[length];
        }
        catch (OutOfMemoryException e)
        {
            throw Shortage(bytes, purpose, e);
        }
    }

    /// <summary>The exception for memory that cannot be had.</summary>
    public static InsufficientMemoryException Shortage(long bytes, string purpose, Exception? inner)
    {
        string text = string.Create(
            CultureInfo.InvariantCulture,
            $"{bytes:N0} bytes ({bytes / (double)(1 << 20):N1} MiB) were needed for {purpose}, and there is not as much; give fewer tokens or heads a call. The engine can be used on.");
        return new(text, inner);
    }

    private static long Available()
    {
        long limit = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
        const string label = "MemAvailable:";
        if (!OperatingSystem.IsLinux() || !File.Exists("/proc/meminfo"))
            return limit;

        string? line = File.ReadLines("/proc/meminfo").FirstOrDefault(l => l.StartsWith(label, StringComparison.Ordinal));
        string kilobytes = line is null ? "" : line[label.Length..].Replace("kB", "", StringComparison.Ordinal);
        return long.TryParse(kilobytes, NumberStyles.Integer, CultureInfo.InvariantCulture, out long free)
            ? Math.Min(limit, free << 10)
            : limit;
    }
}
