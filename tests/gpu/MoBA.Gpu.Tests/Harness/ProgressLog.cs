using System.Reflection;
using MoBA.Gpu.Tests;
using Xunit.v3;

[assembly: LogsTests]

namespace MoBA.Gpu.Tests;

/// <summary>
/// Appends a line to a file when a test or a case starts and when it is done, and for what was measured. A crash of the driver takes the process and all that the
/// runner has not printed along; what started and is not done by this file was running.
/// </summary>
internal sealed class ProgressLog
{
    private readonly string? _path;
    private readonly Lock _lock = new();

    /// <summary>Writes to a file; to none where <paramref name="path"/> is null or empty.</summary>
    public ProgressLog(string? path) => _path = string.IsNullOrEmpty(path) ? null : path;

    /// <summary>The file that MOBA_GPU_LOG names.</summary>
    public static ProgressLog Default { get; } = new(Environment.GetEnvironmentVariable("MOBA_GPU_LOG"));

    /// <summary>Something starts.</summary>
    public void Start(string what) => Write("start ", what);

    /// <summary>It is done, right or wrong.</summary>
    public void Done(string what) => Write("done  ", what);

    /// <summary>Something was measured.</summary>
    public void Note(string what) => Write("note  ", what);

    // Opened and closed for every line: the system has it then, whatever becomes of the process.
    private void Write(string mark, string what)
    {
        if (_path is null)
            return;
        lock (_lock)
            File.AppendAllText(_path, $"{mark}{what.ReplaceLineEndings(" ")}\n");
    }
}

/// <summary>Logs every test of the assembly to <see cref="ProgressLog.Default"/>.</summary>
[AttributeUsage(AttributeTargets.Assembly)]
internal sealed class LogsTestsAttribute : BeforeAfterTestAttribute
{
    /// <inheritdoc/>
    public override void Before(MethodInfo methodUnderTest, IXunitTest test) => ProgressLog.Default.Start($"test {test.TestDisplayName}");

    /// <inheritdoc/>
    public override void After(MethodInfo methodUnderTest, IXunitTest test) => ProgressLog.Default.Done($"test {test.TestDisplayName}");
}
