using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace MoBA.Runtime.Cuda;

/// <summary>
/// Files by key, for all processes of a user. An entry is written under another name and then moved, begins with a checksum over its
/// key and its bytes, and is deleted where that does not hold. Beyond a number of bytes the entries that were used least recently
/// go. Nothing here throws: what fails is logged once, and costs a compilation.
/// </summary>
internal sealed class KernelCache
{
    /// <summary>The most bytes that are kept.</summary>
    public const string LimitVariable = "MOBA_CACHE_BYTES";

    /// <summary>Where <see cref="LimitVariable"/> is not set.</summary>
    public const long DefaultLimit = 512L << 20;

    private const string Extension = ".moba";

    private readonly string? _folder;
    private readonly long _limit;
    private readonly ILogger _logger;
    private int _failures;

    /// <summary>A cache in a folder, which is made if it is not there.</summary>
    /// <param name="folder">The folder, or null for a cache that keeps nothing.</param>
    /// <param name="limit">The most bytes that are kept.</param>
    /// <param name="logger">What is told of failures.</param>
    public KernelCache(string? folder, long limit, ILogger? logger = null)
    {
        (_limit, _logger) = (limit, logger ?? NullLogger.Instance);
        _folder = folder is not null && Use(folder) ? folder : null;
    }

    /// <summary>The folder that is used, or null.</summary>
    public string? Folder => _folder;

    /// <summary>Whether nothing is kept.</summary>
    public bool IsEmpty => _folder is null || Try(() => !Directory.EnumerateFiles(_folder, "*" + Extension).Any(), orElse: true);

    /// <summary>The cache that the environment names.</summary>
    public static KernelCache Open(ILogger? logger) => Open(Environment.GetEnvironmentVariable, logger);

    /// <summary>The cache that variables name.</summary>
    public static KernelCache Open(Func<string, string?> variable, ILogger? logger)
    {
        logger ??= NullLogger.Instance;
        string? text = variable(LimitVariable);
        long limit = DefaultLimit;
        if (!string.IsNullOrEmpty(text)
            && !(long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out limit) && limit > 0))
        {
            limit = DefaultLimit;
            CacheLog.BadLimit(logger, LimitVariable, text, limit);
        }

        (string? folder, string reason) = CacheFolder.Of(variable);
        if (reason.Length > 0)
            CacheLog.Off(logger, reason);
        return new(folder, limit, logger);
    }

    /// <summary>What was written under a key, or null.</summary>
    /// <param name="key">Hexadecimal digits.</param>
    public byte[]? Read(string key) => _folder is null ? null : Try(() => ReadFile(PathOf(key), key), orElse: null);

    /// <summary>Keeps bytes under a key.</summary>
    /// <param name="key">Hexadecimal digits.</param>
    /// <param name="value">The bytes.</param>
    public void Write(string key, byte[] value)
    {
        if (_folder is not null && value.LongLength + SHA256.HashSizeInBytes <= _limit)
            Try(() => WriteFile(PathOf(key), key, value), orElse: false);
    }

    private string PathOf(string key) => Path.Combine(_folder!, key + Extension);

    private bool Use(string folder) => Try(
        () =>
        {
            string? distrust = CacheFolder.Prepare(folder);
            if (distrust is not null)
                CacheLog.Off(_logger, distrust);
            return distrust is null;
        },
        orElse: false,
        folder);

    private byte[]? ReadFile(string path, string key)
    {
        byte[] file;
        try
        {
            file = File.ReadAllBytes(path);
        }
        catch (FileNotFoundException)
        {
            return null;
        }

        if (file.Length >= SHA256.HashSizeInBytes)
        {
            byte[] value = file[SHA256.HashSizeInBytes..];
            if (file.AsSpan(0, SHA256.HashSizeInBytes).SequenceEqual(Checksum(key, value)))
            {
                File.SetLastWriteTimeUtc(path, DateTime.UtcNow);   // the time of its last use
                return value;
            }
        }

        CacheLog.Damaged(_logger, path);
        File.Delete(path);
        return null;
    }

    private bool WriteFile(string path, string key, byte[] value)
    {
        AtomicFile.Write(
            path,
            stream =>
            {
                stream.Write(Checksum(key, value));
                stream.Write(value);
            },
            CancellationToken.None);
        CacheSweep.Run(_folder!, Extension, _limit);
        return true;
    }

    private static byte[] Checksum(string key, byte[] value)
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Span<byte> length = stackalloc byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(length, value.LongLength);
        hash.AppendData(Encoding.ASCII.GetBytes(key));
        hash.AppendData(length);
        hash.AppendData(value);
        return hash.GetHashAndReset();
    }

    private T Try<T>(Func<T> action, T orElse, string? folder = null)
    {
        try
        {
            return action();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            if (Interlocked.Increment(ref _failures) == 1)
                CacheLog.Failed(_logger, folder ?? _folder!, e);
            return orElse;
        }
    }
}
