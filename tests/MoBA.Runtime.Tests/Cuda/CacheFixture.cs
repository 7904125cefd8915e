using System.Reflection;
using Microsoft.Extensions.Logging;
using MoBA.Runtime.Cuda;

namespace MoBA.Runtime.Tests.Cuda;

/// <summary>A folder for a cache, and what is logged of it.</summary>
public class CacheFixture : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("moba-cache-").FullName;

    /// <summary>A folder that is not there yet.</summary>
    protected string Folder => Path.Combine(_root, "kernels");

    internal LogLines Log { get; } = new();

    /// <summary>The entries' files, least recently used first.</summary>
    protected string[] Entries =>
        [.. new DirectoryInfo(Folder).GetFiles().OrderBy(static f => f.LastWriteTimeUtc).Select(static f => f.FullName)];

    internal KernelCache Cache(long limit = 1 << 20) => new(Folder, limit, Log);

    /// <inheritdoc/>
    public void Dispose()
    {
        Directory.Delete(_root, recursive: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>A small kernel; two hashes are two kernels.</summary>
    internal static KernelSource Kernel(string hash = "1") => new(Method(nameof(Kernels.Small)), hash);

    internal static MethodInfo Method(string name) => typeof(Kernels).GetMethod(name)!;

    internal sealed class LogLines : ILogger
    {
        private readonly Lock _lock = new();

        public List<(LogLevel Level, string Text)> Lines { get; } = [];

        public IEnumerable<string> Warnings => Lines.Where(static l => l.Level == LogLevel.Warning).Select(static l => l.Text);

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            lock (_lock)
                Lines.Add((logLevel, formatter(state, exception)));
        }
    }

    internal static class Kernels
    {
        public static void Small(CudaProblem problem)
        {
            Tile.Begin();
            if (Tile.Keys() > problem.Items)
                Tile.SyncBlock();
        }

        public static void Throws(CudaProblem problem)
        {
            if (problem.Items > 0)
                throw new InvalidOperationException("not on a device");
        }
    }
}
