using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;
using ILGPU;
using ILGPU.Algorithms;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace MoBA.Runtime.Cuda;

/// <summary>
/// The kernels of an engine: from memory, else from the cache on disk, else compiled and lowered. Each is made once, however many
/// threads ask for it; the shapes of a pattern share ILGPU's compilation.
/// </summary>
/// <param name="cache">The cache on disk.</param>
/// <param name="logger">What is told of compilations.</param>
internal sealed class KernelStore(KernelCache cache, ILogger? logger = null)
{
    private static readonly string _versions =
        $"{typeof(KernelStore).Module.ModuleVersionId} {typeof(Context).Module.ModuleVersionId} {typeof(XMath).Module.ModuleVersionId} {KernelCompiler.Options}";

    private readonly KernelCompiler _compiler = new();
    private readonly ILogger _logger = logger ?? NullLogger.Instance;
    private readonly MadeOnce<(KernelSource, KernelTarget, int Threads), string> _compiled = new();
    private readonly MadeOnce<(KernelSource, TileShape), KernelText> _texts = new();

    /// <summary>Kernels that ILGPU was asked to compile.</summary>
    public int Compilations => _compiler.Compilations;

    /// <summary>Where nothing is cached, prepares the compiler in the background.</summary>
    public Task Warm() => cache.IsEmpty ? KernelCompiler.Warm() : Task.CompletedTask;

    /// <summary>The text of a kernel.</summary>
    /// <param name="source">The kernel.</param>
    /// <param name="shape">The shape of its tiles.</param>
    /// <exception cref="NotSupportedException">It cannot be compiled; the message names the pattern.</exception>
    public KernelText Text(KernelSource source, TileShape shape) => _texts.Get((source, shape), () => FindText(source, shape));

    private KernelText FindText(KernelSource source, TileShape shape)
    {
        string key = Key(source, shape);
        if (cache.Read(key) is byte[] kept)
            return KernelFile.Text(kept);
        long start = Stopwatch.GetTimestamp();
        int threads = TilePrinter.For(shape).Threads;
        string compiled = _compiled.Get((source, shape.Target, threads), () => _compiler.Compile(source, shape.Target, threads));
        KernelText text = TileLowering.Lower(compiled, shape);
        CacheLog.Compiled(_logger, source.Pattern, shape, Stopwatch.GetElapsedTime(start).TotalMilliseconds);
        cache.Write(key, KernelFile.Bytes(text));
        return text;
    }

    private static string Key(KernelSource source, TileShape shape) => Convert.ToHexStringLower(
        SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\n', source.FullName, source.Hash, _versions, shape))));
}
