using Microsoft.Extensions.Logging;

namespace MoBA.Runtime.Cuda;

/// <summary>What the cache of kernels logs.</summary>
internal static partial class CacheLog
{
    /// <summary>There is no cache.</summary>
    [LoggerMessage(30, LogLevel.Warning, "Compiled kernels are not kept: {Reason}")]
    public static partial void Off(ILogger logger, string reason);

    /// <summary>A setting was not understood.</summary>
    [LoggerMessage(31, LogLevel.Warning, "{Variable}={Value} is not a number of bytes: compiled kernels are kept up to {Limit} bytes.")]
    public static partial void BadLimit(ILogger logger, string variable, string value, long limit);

    /// <summary>Reading or writing failed; only the first failure is logged.</summary>
    [LoggerMessage(32, LogLevel.Warning, "The folder of compiled kernels, {Folder}, failed: kernels are compiled instead.")]
    public static partial void Failed(ILogger logger, string folder, Exception exception);

    /// <summary>An entry did not hold what was written.</summary>
    [LoggerMessage(33, LogLevel.Warning, "{Path} is damaged: it is deleted, and the kernel compiled anew.")]
    public static partial void Damaged(ILogger logger, string path);

    /// <summary>A kernel was compiled.</summary>
    [LoggerMessage(34, LogLevel.Information, "{Pattern} was compiled for {Shape} in {Milliseconds:F0} ms.")]
    public static partial void Compiled(ILogger logger, string pattern, TileShape shape, double milliseconds);
}
