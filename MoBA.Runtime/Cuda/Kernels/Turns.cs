namespace MoBA.Runtime.Cuda;

/// <summary>Whether a launch is to run at all: kernels of both paths of a gated call are enqueued before the device has decided which one
/// it takes. Device code, the same in every thread.</summary>
internal static class Turns
{
    /// <summary>Of attention.</summary>
    public static bool IsOf(CudaProblem problem) => Is(problem.Turn, (int)problem.Path);

    /// <summary>Of a pass of the gathered path.</summary>
    public static bool IsOf(CudaRouting routing) => Is(routing.Turn, (int)AttendPath.Gathered);

    private static bool Is(long turn, int path)
    {
        int taken = path;
        if (turn != 0)
            taken = Memory.Int(turn);
        return taken == path;
    }
}
