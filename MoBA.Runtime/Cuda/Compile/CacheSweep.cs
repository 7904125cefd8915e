using System.IO.Enumeration;

namespace MoBA.Runtime.Cuda;

/// <summary>Keeps a folder of entries below a number of bytes.</summary>
internal static class CacheSweep
{
    // A process that ended while it wrote leaves a file that nobody moves any more.
    private static readonly TimeSpan _abandoned = TimeSpan.FromHours(1);

    /// <summary>Deletes the entries that were used least recently until the others fit, and what was left half written. Another
    /// process may delete the same ones meanwhile.</summary>
    public static void Run(string folder, string extension, long limit)
    {
        List<(string Path, long Bytes, DateTime Used)> entries = [];
        foreach ((string path, long bytes, DateTime used) in Files(folder))
        {
            if (path.EndsWith(extension, StringComparison.Ordinal))
                entries.Add((path, bytes, used));
            else if (path.EndsWith(".tmp", StringComparison.Ordinal) && path.Contains(extension + ".", StringComparison.Ordinal) && DateTime.UtcNow - used > _abandoned)
                File.Delete(path);
        }

        long kept = entries.Sum(static e => e.Bytes);
        foreach ((string path, long bytes, _) in entries.OrderBy(static e => e.Used))
        {
            if (kept <= limit)
                return;
            kept -= bytes;
            File.Delete(path);
        }
    }

    // Read while the folder is walked: a file that another process deletes meanwhile is no error.
    private static FileSystemEnumerable<(string Path, long Bytes, DateTime Used)> Files(string folder) =>
        new(
            folder,
            static (ref FileSystemEntry entry) => (entry.ToFullPath(), entry.Length, entry.LastWriteTimeUtc.UtcDateTime),
            new EnumerationOptions { AttributesToSkip = 0 })
        {
            ShouldIncludePredicate = static (ref FileSystemEntry entry) => !entry.IsDirectory,
        };
}
