using Microsoft.Extensions.Logging;

namespace MoBA.Runtime;

/// <summary>How an engine is made.</summary>
public sealed record AttentionEngineOptions
{
    /// <summary>Where attention runs; null is the best device there is.</summary>
    public Target? Target { get; init; }

    /// <summary>Which CUDA device, by its number among those that the process sees; null is the first one that the kernels run
    /// on. Other targets do not look at it.</summary>
    public int? Device { get; init; }

    /// <summary>The most bytes of device memory that a CUDA engine keeps for reuse, and that one call with a block gate takes as scratch:
    /// for routes, lists, and partial outputs, of as many heads at a time as there is room for. A call that needs more for one head is an
    /// <see cref="InsufficientMemoryException"/>. Null keeps a quarter of the device's memory, and takes routes, lists and about 2 GiB
    /// (on small devices a quarter) of partial outputs, or more where those of one query head are more.</summary>
    public long? WorkspaceBytes { get; init; }

    /// <summary>Where it logs to; null is nowhere.</summary>
    public ILogger? Logger { get; init; }
}
