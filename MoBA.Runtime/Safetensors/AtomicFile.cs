namespace MoBA.Runtime;

/// <summary>Files that are whole or not there.</summary>
internal static class AtomicFile
{
    /// <summary>Finds out before long work whether its result will have a place.</summary>
    /// <exception cref="IOException">The folder is not there, or the path names a folder.</exception>
    public static void CheckPlace(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        string full = Path.GetFullPath(path);
        if (Directory.Exists(full))
        {
            throw new IOException($"{path} is a folder; name a file to write.");
        }

        if (!Directory.Exists(Path.GetDirectoryName(full)))
        {
            throw new DirectoryNotFoundException($"The folder of {path} is not there; make it, or name a file in another.");
        }
    }

    /// <summary>Writes under a temporary name in the same folder, then gives the file its own name, so that
    /// <paramref name="path"/> never holds half a file, whatever interrupts the writing.</summary>
    public static void Write(string path, Action<Stream> write, CancellationToken cancellationToken)
    {
        CheckPlace(path);
        var named = new FileInfo(path);
        string target = named.LinkTarget is null ? named.FullName : named.ResolveLinkTarget(returnFinalTarget: true)!.FullName;
        if (IsDevice(target))
        {
            // A device cannot be replaced by a file, and must not be.
            using FileStream device = new(target, FileMode.Open, FileAccess.Write);
            write(device);
            return;
        }

        string temporary = Path.Combine(Path.GetDirectoryName(target)!, $".{Path.GetFileName(target)}.{Guid.NewGuid():N}.tmp");
        try
        {
            using (FileStream stream = new(temporary, FileMode.CreateNew, FileAccess.Write, FileShare.None, bufferSize: 0))
            {
                write(stream);
                stream.Flush(flushToDisk: true);
            }

            cancellationToken.ThrowIfCancellationRequested();
            File.Move(temporary, target, overwrite: true);
        }
        catch
        {
            File.Delete(temporary);
            throw;
        }
    }
    // What /dev/shm holds are ordinary files, in memory.
    private static bool IsDevice(string target) =>
        target.StartsWith("/dev/", StringComparison.Ordinal) && !target.StartsWith("/dev/shm/", StringComparison.Ordinal);
}
