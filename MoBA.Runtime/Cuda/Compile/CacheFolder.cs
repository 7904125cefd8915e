using System.Runtime.InteropServices;
using System.Runtime.Versioning;

namespace MoBA.Runtime.Cuda;

/// <summary>
/// Where compiled kernels are kept: <c>MOBA_CACHE</c>, or <c>moba</c> in the user's folder of caches. Whoever can write there
/// decides what runs on the device, so a folder that anybody but its user can write to is not used.
/// </summary>
internal static partial class CacheFolder
{
    /// <summary>Names the folder; <c>off</c> is no cache.</summary>
    public const string Variable = "MOBA_CACHE";

    private const UnixFileMode Private = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    /// <summary>The folder that <paramref name="variable"/> reads from the environment, or null with the reason: empty where the
    /// user turned the cache off.</summary>
    public static (string? Path, string Reason) Of(Func<string, string?> variable)
    {
        string? named = variable(Variable);
        if (string.Equals(named, "off", StringComparison.OrdinalIgnoreCase))
            return (null, "");
        if (!string.IsNullOrEmpty(named))
            return (Path.GetFullPath(named), "");
        string caches = OperatingSystem.IsWindows()
            ? Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData)
            : UnixCaches(variable("XDG_CACHE_HOME"), variable("HOME"));
        return caches.Length > 0
            ? (Path.Combine(caches, "moba"), "")
            : (null, $"this user has no folder for caches. Set {Variable} to a folder, or to off.");
    }

    /// <summary>Makes the folder if it is not there, for its user alone.</summary>
    /// <returns>Why it cannot be trusted, or null where it can.</returns>
    /// <exception cref="IOException">It cannot be made.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be made.</exception>
    public static string? Prepare(string folder)
    {
        if (OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(folder);
            return null;
        }

        Directory.CreateDirectory(folder, Private);
        return Distrust(folder);
    }

    // The specification of XDG_CACHE_HOME has a relative path ignored.
    private static string UnixCaches(string? caches, string? home) =>
        Path.IsPathRooted(caches) ? caches : Path.IsPathRooted(home) ? Path.Combine(home, ".cache") : "";

    [UnsupportedOSPlatform("windows")]
    private static string? Distrust(string folder)
    {
        UnixFileMode mode = File.GetUnixFileMode(folder);
        if ((mode & (UnixFileMode.GroupWrite | UnixFileMode.OtherWrite)) != 0)
            return $"others may write to {folder}. Run 'chmod go-w' on it after looking at what it holds, or set {Variable} to another folder.";
        return OperatingSystem.IsLinux() && Owner(folder) is uint owner && owner != EffectiveUser()
            ? $"{folder} belongs to another user. Set {Variable} to a folder of this user's."
            : null;
    }

    // statx has one layout on every machine: the owner stands at byte 20. Null where the C library has no statx.
    private static unsafe uint? Owner(string path)
    {
        const int currentFolder = -100;
        const uint owner = 8;
        byte* status = stackalloc byte[256];
        try
        {
            if (Statx(currentFolder, path, 0, owner, status) != 0)
                throw new IOException($"statx of {path} failed with error {Marshal.GetLastPInvokeError()}.");
            return *(uint*)(status + 20);
        }
        catch (EntryPointNotFoundException)
        {
            return null;
        }
    }

    [LibraryImport("libc", EntryPoint = "statx", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static unsafe partial int Statx(int folder, string path, int flags, uint mask, byte* status);

    [LibraryImport("libc", EntryPoint = "geteuid")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial uint EffectiveUser();
}
