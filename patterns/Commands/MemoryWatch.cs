using System.Diagnostics;

namespace MoBA.Program;

/// <summary>Memory that work adds to this process: the peak of its working set above what it had at the start. Only Linux can
/// forget an earlier peak; elsewhere what is still held is counted, which is all but the briefest.</summary>
internal sealed class MemoryWatch
{
    private const string ForgetPeak = "5";

    private readonly bool _peaks = TryForgetPeak();
    private readonly long _start = WorkingSet(peak: false);

    /// <summary>Bytes since the start.</summary>
    public long Added => Math.Max(0, WorkingSet(_peaks) - _start);

    private static bool TryForgetPeak()
    {
        try
        {
            // Without the check, a file of that name would be made where there is no such file system.
            bool known = File.Exists("/proc/self/clear_refs");
            if (known)
            {
                File.WriteAllText("/proc/self/clear_refs", ForgetPeak);
            }

            return known;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    private static long WorkingSet(bool peak)
    {
        using var process = Process.GetCurrentProcess();
        return peak ? process.PeakWorkingSet64 : process.WorkingSet64;
    }
}
