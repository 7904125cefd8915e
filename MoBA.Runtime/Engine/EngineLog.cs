using Microsoft.Extensions.Logging;

namespace MoBA.Runtime;

/// <summary>What the engine logs.</summary>
internal static partial class EngineLog
{
    /// <summary>An engine was made.</summary>
    [LoggerMessage(1, LogLevel.Information, "Attention runs on {Description}.")]
    public static partial void Created(ILogger logger, string description);

    /// <summary>A call has ended well.</summary>
    [LoggerMessage(2, LogLevel.Debug, "{Expert} attended {QueryTokens} query tokens to {KeyTokens} key tokens in {Milliseconds} ms.")]
    public static partial void Attended(ILogger logger, string expert, nint queryTokens, nint keyTokens, double milliseconds);

    /// <summary>A call on device tensors has been enqueued.</summary>
    [LoggerMessage(3, LogLevel.Debug, "{Expert} was enqueued to attend {QueryTokens} query tokens to {KeyTokens} key tokens.")]
    public static partial void Enqueued(ILogger logger, string expert, nint queryTokens, nint keyTokens);
}
